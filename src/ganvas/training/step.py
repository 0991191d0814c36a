"""One move of each player: the heart of the game, the same on a CPU, a GPU and many processes.

Players move in turn, as Goodfellow et al. 2014 (algorithm 1) have it, or at once. At once costs less: G learns from
D's slope at the works, dD(x)/dx, which the penalty R2 needs anyway, so one pass of each net does for both.
"""

from typing import Any

import torch
from torch import Tensor, nn

from ..config import Recipe
from ..losses.games import Game
from ..losses.penalties import between, r1_r2, slope, squared, wgan_gp
from .augment import augmented
from .batches import Batch
from .pairing import learn_pairs, towards_captions
from .paths import add_path_length, is_due
from .players import Players


def accuracies(game: Game, real: Tensor, fake: Tensor) -> Tensor:
    """(2,) shares of real pictures that D takes for real, and of generated ones for generated.

    real, fake: (n,) logits. Where the game leaves the level of the logits free, D's "I cannot tell" lies at their
    median: a mean would follow the few that lie far out.
    """
    level = torch.cat([real, fake]).quantile(0.5) if game.level is None else game.level
    return torch.stack([(real > level).float().mean(), (fake < level).float().mean()])


def step(players: Players, batch: Batch) -> Tensor:
    """One move of both. returns: (5,) D's loss, the penalty, the two accuracies, G's loss."""
    if players.recipe.simultaneous:
        return simultaneous_step(players, batch)
    judged = discriminator_step(players, batch)
    return torch.cat([judged, generator_step(players, batch)])


def drawn(G: nn.Module, z: Tensor, batch: Batch) -> Tensor:
    """Works of the latents, some of them between two captions."""
    return G(z, batch.label) if batch.between is None else G(z, batch.label, batch.between)


def changed(recipe: Recipe, pictures: Tensor, batch: Batch) -> Tensor:
    """Pictures as D is to see them: augmented, or as they are."""
    return pictures if batch.dice is None else augmented(pictures, recipe.augment, batch.dice)


def projected(players: Players, pictures: Tensor) -> Tensor:
    """What D learns from: real | generated pictures, or what D's fixed part makes of them, (2n, numbers).

    No gradient reaches real pictures, which need none: half of the pass back is saved.
    """
    if not players.recipe.net.projects:
        return pictures
    D: Any = players.bare_D
    real, fake = pictures.chunk(2)
    with players.half_precision():
        with torch.no_grad():
            seen_real = D.project(real)
        return torch.cat([seen_real, D.project(fake)]).float()


def seen_by_discriminator(players: Players, pictures: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
    """D's logits of real | generated pictures, (2n,), and the loss of taking real ones for another label's, ().

    The second is D's loss in its game with (picture, another label) in the place of a generated work, which costs one
    more product with the same features. It makes labels count from the first step. Reed et al. 2016, algorithm 1
    (GAN-CLS), there with captions. It is 0 without labels, or where the recipe leaves it out.
    """
    labels = torch.cat([batch.label, batch.label])
    differs = batch.label != batch.other_label
    labelled = (differs.any(dim=1) if differs.ndim == 2 else differs).nonzero()[:, 0]
    if players.recipe.matching == 0 or len(labelled) == 0:
        with players.half_precision():
            return players.D(pictures, labels).float(), torch.zeros((), device=pictures.device)
    others = torch.cat([batch.other_label, batch.label])
    with players.half_precision():
        logits, mismatched = players.D(pictures, torch.stack([labels, others])).float()
    matching = players.game.discriminator(logits[labelled], mismatched[labelled])
    return logits, players.recipe.matching * matching


def is_penalised(recipe: Recipe, batch: Batch) -> bool:
    """Whether R1 and R2 count in this step. Lazy regularisation: Karras et al. 2020 (StyleGAN2), sect. 3.1."""
    return recipe.r1_gamma + recipe.r2_gamma > 0 and batch.number % recipe.penalty_every == 0


def penalty_of(recipe: Recipe, gradient: Tensor) -> Tensor:
    """() R1 and R2 of D's slopes at real | generated pictures, for all the steps that go without."""
    return recipe.penalty_every * r1_r2(squared(gradient), recipe.r1_gamma, recipe.r2_gamma)


def simultaneous_step(players: Players, batch: Batch) -> Tensor:
    """Both learn from the same works and the same pass of D. returns: (5,) as `step`.

    With f_i = D(G(z_i)), the chain rule gives G's gradient as the sum over i of dL_G/df_i * df_i/dx_i * dx_i/dw; x_i is
    what D sees of the work, so where pictures are augmented or projected, dx_i/dw passes through that.
    Mescheder et al. 2017, sect. 2: simultaneous gradient descent.
    """
    recipe, game = players.recipe, players.game
    with players.half_precision():
        fake = drawn(players.G, batch.z_g, batch).float()
    seen = projected(players, changed(recipe, torch.cat([batch.real, fake]), batch))
    pictures = seen.detach().requires_grad_()
    logits, matching = seen_by_discriminator(players, pictures, batch)
    real_logits, fake_logits = logits.chunk(2)
    penalised = is_penalised(recipe, batch)
    gradient = slope(pictures, logits, differentiable=penalised)
    penalty = penalty_of(recipe, gradient) if penalised else torch.zeros((), device=logits.device)
    loss_d = game.discriminator(real_logits, fake_logits)
    players.optimizer_d.zero_grad()
    players.accelerator.backward(loss_d + penalty + matching)
    players.optimizer_d.step()

    judged_fake = fake_logits.detach().requires_grad_()
    loss_g = game.generator(real_logits.detach(), judged_fake)
    (weight,) = torch.autograd.grad(loss_g, judged_fake)
    uphill = weight.view(-1, *[1] * (gradient.ndim - 1)) * gradient.detach().chunk(2)[1]
    players.optimizer_g.zero_grad()
    uphill = torch.cat([torch.zeros_like(uphill), uphill])
    nearer = towards_captions(players, fake, batch)
    torch.autograd.backward(*(([seen], [uphill]) if nearer is None else ([seen, fake], [uphill, nearer])))
    learn_pairs(players, batch)
    if is_due(recipe, batch):
        add_path_length(players, batch)
    players.optimizer_g.step()
    judged = accuracies(game, real_logits.detach(), fake_logits.detach())
    return torch.cat([torch.stack([loss_d.detach(), penalty.detach()]), judged, loss_g.detach()[None]])


def discriminator_step(players: Players, batch: Batch) -> Tensor:
    """D learns to tell real from generated. returns: (4,) loss, penalty, the two accuracies."""
    recipe, game = players.recipe, players.game
    with torch.no_grad():
        with players.half_precision():
            fake = drawn(players.bare_G, batch.z_d, batch).float()
        pictures = projected(players, changed(recipe, torch.cat([batch.real, fake]), batch))
    penalised = is_penalised(recipe, batch)
    pictures.requires_grad_(penalised)
    logits, matching = seen_by_discriminator(players, pictures, batch)
    real_logits, fake_logits = logits.chunk(2)
    loss = game.discriminator(real_logits, fake_logits)
    penalty = torch.zeros((), device=loss.device)
    if penalised:
        penalty = penalty_of(recipe, slope(pictures, logits))
    if recipe.wgan_gp_lambda > 0:
        seen_real, seen_fake = pictures.detach().chunk(2)
        middle = between(seen_real, seen_fake, batch.mix)
        with players.half_precision():
            penalty = penalty + recipe.wgan_gp_lambda * wgan_gp(lambda x: players.bare_D(x, batch.label), middle)
    players.optimizer_d.zero_grad()
    players.accelerator.backward(loss + penalty + matching)
    players.optimizer_d.step()
    judged = accuracies(game, real_logits.detach(), fake_logits.detach())
    return torch.cat([torch.stack([loss.detach(), penalty.detach()]), judged])


def generator_step(players: Players, batch: Batch) -> Tensor:
    """G learns to pass for real. D's weights are frozen meanwhile. returns: (1,) loss."""
    players.bare_D.requires_grad_(False)
    with players.half_precision():
        fake = drawn(players.G, batch.z_g, batch).float()
        works = changed(players.recipe, fake, batch)
        fake_logits = players.bare_D(works, batch.label).float()
        real_logits = fake_logits.detach()
        if players.game.uses_real_in_generator:
            with torch.no_grad():
                real_logits = players.bare_D(changed(players.recipe, batch.real, batch), batch.label).float()
    loss = players.game.generator(real_logits, fake_logits)
    nearer = towards_captions(players, fake, batch)
    players.optimizer_g.zero_grad()
    if nearer is None:
        players.accelerator.backward(loss)
    else:
        torch.autograd.backward([loss, fake], [torch.ones_like(loss), nearer])
    learn_pairs(players, batch)
    if is_due(players.recipe, batch):
        add_path_length(players, batch)
    players.optimizer_g.step()
    players.bare_D.requires_grad_(True)
    return loss.detach()[None]

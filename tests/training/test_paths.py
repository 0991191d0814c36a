"""Path length regularisation. Karras et al. 2020 (StyleGAN2), eq. 4."""

import copy
import dataclasses

import pytest
import torch

from ganvas.errors import UsageError
from ganvas.training import step
from ganvas.training.paths import add_path_length, path_lengths
from tests.training.helpers import tiny, trainer


def test_the_length_of_a_linear_path_is_that_of_its_pull():
    """For pictures x = A w the slope is A^T y, whatever w."""
    torch.manual_seed(0)
    a, styles = torch.randn(3 * 4 * 4, 5), torch.randn(6, 1, 5, requires_grad=True)
    pictures = (styles[:, 0] @ a.T).view(6, 3, 4, 4)
    y = torch.randn(6, 3, 4, 4)
    torch.testing.assert_close(path_lengths(styles, pictures, y), (y.flatten(1) @ a).norm(dim=1))


def test_a_map_that_stretches_evenly_has_equal_lengths():
    """Orthogonal times 3: ||J^T y|| is 3 ||y|| for each y, so with y of one length all paths are alike."""
    torch.manual_seed(0)
    q, _ = torch.linalg.qr(torch.randn(12, 12))
    styles = torch.randn(50, 1, 12, requires_grad=True)
    y = torch.nn.functional.normalize(torch.randn(50, 12), dim=1).view(50, 3, 2, 2)
    lengths = path_lengths(styles, 3 * (styles[:, 0] @ q).view(50, 3, 2, 2), y)
    torch.testing.assert_close(lengths, torch.full((50,), 3.0))


@pytest.mark.parametrize("simultaneous", [True, False])
def test_only_every_so_many_steps_g_learns_it_too(tmp_path, simultaneous):
    """G's gradients are those without it plus its own; D's are as they were; the mean moves."""
    gradients, means = {}, {}
    for weight in (0.0, 2.0):
        recipe = tiny("style", path_length=weight, path_every=2, simultaneous=simultaneous, precision="float32")
        one = trainer(tmp_path / str(weight), recipe)
        for number in (0, 1):
            G, D = copy.deepcopy(one.players.bare_G), copy.deepcopy(one.players.bare_D)
            sgd = [torch.optim.SGD(net.parameters(), 0.0) for net in (G, D)]
            players = dataclasses.replace(
                one.players, G=G, D=D, bare_G=G, bare_D=D, optimizer_g=sgd[0], optimizer_d=sgd[1]
            )
            step.step(players, one.batches.batch(8 * number, 8, one.device))
            for name, net in (("G", G), ("D", D)):
                found = [weight.grad for weight in net.parameters() if weight.grad is not None]
                gradients[weight, number, name] = torch.cat([x.flatten() for x in found])
            means[weight, number] = G.path_mean.item()
    assert means[0.0, 0] == means[0.0, 1] == means[2.0, 1] == 0
    assert means[2.0, 0] > 0
    assert torch.equal(gradients[0.0, 1, "G"], gradients[2.0, 1, "G"])
    assert not torch.allclose(gradients[0.0, 0, "G"], gradients[2.0, 0, "G"])
    assert torch.equal(gradients[0.0, 0, "D"], gradients[2.0, 0, "D"])


def test_learning_it_makes_paths_even(tmp_path):
    """With nothing else to learn, lengths draw nearer to their mean."""
    one = trainer(tmp_path / "run", tiny("style", path_length=2.0, precision="float32"))
    players, G = one.players, one.players.bare_G.eval()

    def unevenness() -> float:
        batch = one.batches.batch(0, 256, one.device)
        styles = G.styles(batch.z_g, batch.label).detach().requires_grad_()
        pictures = G.draw(styles)
        rng = torch.Generator().manual_seed(1)
        lengths = path_lengths(styles, pictures, torch.randn(pictures.shape, generator=rng) / 28)
        return (lengths.std() / lengths.mean()).item()

    before = unevenness()
    for number in range(60):
        players.optimizer_g.zero_grad()
        add_path_length(players, one.batches.batch(64 * number, 64, one.device))
        players.optimizer_g.step()
    assert unevenness() < 0.8 * before
    assert G.path_mean.item() > 0


def test_nets_that_map_nothing_refuse_it():
    with pytest.raises(UsageError, match=r"path_length must be 0 for nets that map no latent, got 2\.0"):
        tiny(path_length=2.0)

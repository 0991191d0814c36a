"""Changes to D's pictures: what each does, that G's gradient passes through, and that works do not take them up."""

import dataclasses
import math

import pytest
import torch

from ganvas.config import AUGMENTATIONS
from ganvas.errors import UsageError
from ganvas.training import augment, step, strength
from ganvas.training.augment import COLOURINGS, PLACEMENTS, WHOLES, Dice, augmented

from .helpers import assert_same, final_arrays, stop_after, tiny, trainer

CPU = torch.device("cpu")
DIFFAUGMENT = ("shift", "tint", "cutout")
ADA = ("blit", "geometry", "colour", "filter", "noise", "cutout")


def dice(n: int, p: float = 1.0, seed: int = 0) -> Dice:
    return Dice(torch.Generator().manual_seed(seed), n, slice(None), p, CPU)


def pictures(n: int, channels: int = 3, height: int = 16, width: int = 16) -> torch.Tensor:
    return torch.rand(n, channels, height, width, generator=torch.Generator().manual_seed(1)) * 2 - 1


def test_the_names_are_those_that_the_settings_know():
    assert sorted((*PLACEMENTS, *COLOURINGS, *WHOLES)) == sorted(AUGMENTATIONS)


@pytest.mark.parametrize("group", AUGMENTATIONS)
@pytest.mark.parametrize("shape", [(1, 16, 16), (3, 20, 16), (4, 16, 16)])
def test_a_group_changes_pictures_and_passes_gradients(group, shape):
    before = pictures(12, *shape).requires_grad_()
    after = augmented(before, [group], dice(12))
    assert after.shape == before.shape
    assert after.dtype == torch.float32
    assert bool(torch.isfinite(after).all())
    assert (after - before).abs().amax(dim=(1, 2, 3)).gt(1e-3).float().mean() > 0.6
    after.square().sum().backward()
    assert before.grad is not None
    assert bool(torch.isfinite(before.grad).all())
    assert before.grad.abs().sum() > 0


@pytest.mark.parametrize("group", AUGMENTATIONS)
def test_at_p_0_nothing_changes(group):
    before = pictures(4)
    assert torch.equal(augmented(before, [group], dice(4, p=0.0)), before)
    almost = augmented(before, [group], dice(4, p=1e-9))  # the same way, with no change happening
    torch.testing.assert_close(almost, before, atol=2e-5, rtol=0)


@pytest.mark.parametrize("group", ["blit", "shift"])
def test_whole_pixels_stay_exactly_what_they_are(group):
    """Every pixel of a changed picture is one of its old ones."""
    before = pictures(20, 1)
    after = augmented(before, [group], dice(20))
    for old, new in zip(before.flatten(1), after.flatten(1), strict=True):
        assert (new[:, None] - old).abs().min(dim=1)[0].max() < 1e-5


def test_turns_of_pictures_that_are_not_square_keep_them_whole():
    before = pictures(40, 1, 12, 16)
    placed = augment.placed(before, augment.quarter_turns(dice(40), 12, 16))
    for old, new in zip(before, placed, strict=True):
        assert min((new - old).abs().max(), (new - old.rot90(2, (1, 2))).abs().max()) < 1e-4


def test_colours_do_to_the_axis_of_greys_what_they_say():
    """Hue and saturation leave greys alone; the luma flip turns a grey to its opposite; contrast scales it."""
    grey = torch.tensor([0.3, 0.3, 0.3, 1.0])
    for change in (augment.hue, augment.saturation, augment.mild_saturation):
        torch.testing.assert_close(change(dice(50)) @ grey, grey.expand(50, 4))
    flipped = (augment.luma_flip(dice(50)) @ grey)[:, 0]
    assert {round(value, 4) for value in flipped.tolist()} == {0.3, -0.3}
    stronger = augment.contrast(dice(4000)) @ grey
    assert math.log2(stronger[:, 0].median() / 0.3) == pytest.approx(0, abs=0.05)
    assert (stronger[:, 0] / 0.3).log2().std().item() == pytest.approx(0.5, rel=0.1)


def test_hue_turns_by_its_angle_and_keeps_lengths():
    matrix = augment.hue(dice(1000))[:, :3, :3]
    torch.testing.assert_close(matrix @ matrix.mT, torch.eye(3).expand(1000, 3, 3), atol=1e-5, rtol=0)
    cos = (matrix.diagonal(dim1=1, dim2=2).sum(dim=1) - 1) / 2
    assert cos.mean().abs() < 0.1  # of an angle that is uniform
    assert matrix.det().min() > 0.99


def test_grey_pictures_are_changed_as_grey_colours_are():
    grey = pictures(30, 1)
    as_colour = augmented(grey.expand(-1, 3, -1, -1), ["colour"], dice(30))
    torch.testing.assert_close(augmented(grey, ["colour"], dice(30)), as_colour.mean(dim=1, keepdim=True))


def test_alpha_keeps_its_values_when_colours_change():
    before = pictures(10, 4)
    assert torch.equal(augmented(before, ["colour", "tint"], dice(10))[:, 3], before[:, 3])


def with_alpha(n: int, height: int = 16, width: int = 16) -> torch.Tensor:
    """Opaque noise in the left half, nothing in the right one."""
    made = pictures(n, 4, height, width)
    made[:, 3], made[:, :3, :, width // 2 :], made[:, 3, :, width // 2 :] = 1, 1, -1
    return made


def test_colours_change_what_is_there_and_not_the_paper_under_it():
    before = with_alpha(10)
    after = augmented(before, ["colour", "tint"], dice(10))
    assert torch.equal(after[:, :, :, 8:], before[:, :, :, 8:])
    opaque = augmented(before[:, :3, :, :8], ["colour", "tint"], dice(10))
    torch.testing.assert_close(after[:, :3, :, :8], opaque)


@pytest.mark.parametrize("group", ["blit", "shift", "geometry"])
def test_alpha_moves_with_its_colours_and_empty_comes_from_beyond_the_edges(group):
    full = torch.cat([-torch.ones(30, 3, 16, 16), torch.ones(30, 1, 16, 16)], dim=1)
    after = augmented(full, [group], dice(30))
    torch.testing.assert_close(after[:, 0], -after[:, 3])  # black and opaque, white and empty, and between alike
    assert (after[:, 3] < -0.99).any()
    assert augmented(full[:, :3], [group], dice(30)).max() < -0.99  # without alpha pictures are mirrored


def test_a_cut_leaves_nothing_in_pictures_with_alpha():
    before = with_alpha(30)
    after = augmented(before, ["cutout"], dice(30))
    cut = (after != before).any(dim=1)
    assert cut.any()
    empty = torch.tensor([1.0, 1.0, 1.0, -1.0])
    torch.testing.assert_close(after.permute(0, 2, 3, 1)[cut], empty.expand(int(cut.sum()), 4))


def test_octaves_add_up_to_the_picture():
    before = pictures(3)
    torch.testing.assert_close(torch.stack(augment.bands(before)).sum(dim=0), before)


def test_a_cut_takes_a_quarter_of_the_picture_at_most():
    kept = augmented(torch.ones(2000, 1, 16, 16), ["cutout"], dice(2000))
    cut = (kept == 0).float().mean(dim=(1, 2, 3))
    assert cut.max() <= 0.25
    assert cut.min() > 0
    assert cut.mean().item() == pytest.approx((7 / 16) ** 2, rel=0.05)  # a side loses a half, less what lies beyond


@pytest.mark.parametrize("p", [0.25, 0.8])
def test_each_change_happens_with_probability_p(p):
    n = 4000
    for change in (augment.shift, augment.zoom, augment.stretch, augment.drift):
        happened = (change(dice(n, p), 64, 64) != torch.eye(3)).any(dim=2).any(dim=1).float().mean().item()
        assert happened == pytest.approx(p, abs=0.03), change.__name__
    flipped = (augment.mirror(dice(n, p), 64, 64)[:, 0, 0] < 0).float().mean().item()
    assert flipped == pytest.approx(p / 2, abs=0.03)
    turned = 1 - (1 - (augment.turn(dice(n, p), 64, 64) != torch.eye(3)).any(dim=2).any(dim=1).float().mean()) ** 2
    assert turned.item() == pytest.approx(p, abs=0.04)


def test_processes_share_the_same_dice():
    """Two processes with half of the pictures each change them as one process with all of them does."""
    real, fake = pictures(6), pictures(6).flip(0)
    whole = augmented(torch.cat([real, fake]), ADA, Dice(torch.Generator().manual_seed(0), 6, slice(0, 6), 0.7, CPU))
    for ours in (slice(0, 3), slice(3, 6)):
        part = Dice(torch.Generator().manual_seed(0), 6, ours, 0.7, CPU)
        half = augmented(torch.cat([real[ours], fake[ours]]), ADA, part)
        torch.testing.assert_close(half, torch.cat([whole[:6][ours], whole[6:][ours]]), atol=1e-5, rtol=1e-5)


# Leaks. Four pictures, one shape turned by 0 to 3 quarters, are all there is; G is a distribution over them, D a logit
# for each. What D sees of G's distribution q is T q, with T the changes' matrix: entry (i, j) is how often j becomes i.


def four() -> torch.Tensor:
    shape = torch.full((1, 1, 8, 8), -1.0)
    shape[..., 1:7, 1:3] = 1.0
    shape[..., 1:3, 3:6] = 1.0
    return torch.cat([shape.rot90(quarters, (2, 3)) for quarters in range(4)])


def changes(p: float, n: int = 4000) -> torch.Tensor:
    """(4, 4), measured from the pipeline itself."""
    shapes, columns = four(), []
    for start in range(4):
        turned = augment.placed(shapes[start].expand(n, -1, -1, -1), augment.quarter_turns(dice(n, p, start), 8, 8))
        nearest = (turned[:, None] - shapes).abs().sum(dim=(2, 3, 4)).argmin(dim=1)
        columns.append(torch.bincount(nearest, minlength=4) / n)
    return torch.stack(columns, dim=1)


def learned(p: float, real: torch.Tensor, steps: int = 1000) -> torch.Tensor:
    """(4,) what G draws after a game in which D sees both through the changes, exactly and not by samples."""
    T = changes(p)
    q = torch.tensor([0.0, 0.0, 0.0, 1.0], requires_grad=True)  # logits: G starts with the wrong way up
    d = torch.zeros(4, requires_grad=True)
    D, G = torch.optim.SGD([d], 0.5), torch.optim.SGD([q], 3.0)  # Adam would make much of what is next to nothing
    for _ in range(steps):
        fake = q.softmax(dim=0)
        pairs = torch.nn.functional.softplus(d[None, :] - d[:, None])  # D's loss when i is real and j is generated
        loss_d = (T @ real) @ pairs @ (T @ fake.detach()) + 0.1 * d.square().sum()
        D.zero_grad()
        loss_d.backward()
        D.step()
        loss_g = (T @ real) @ pairs.detach().T @ (T @ fake)
        G.zero_grad()
        loss_g.backward()
        G.step()
    return q.detach().softmax(dim=0)


def test_up_to_0_8_changes_can_be_undone_and_at_1_they_cannot():
    """Bora et al. 2018: what G draws is determined by what D sees of it if and only if T has an inverse."""
    singular = {p: torch.linalg.svdvals(changes(p)).min().item() for p in (0.0, 0.4, 0.8, 1.0)}
    assert singular[0.0] == pytest.approx(1)
    assert singular[0.4] == pytest.approx(0.6, abs=0.05)
    assert singular[0.8] == pytest.approx(0.2, abs=0.05)
    assert singular[1.0] < 0.05


def test_works_do_not_take_up_the_changes_up_to_0_8_and_do_at_1():
    upright = torch.tensor([0.94, 0.02, 0.02, 0.02])
    assert learned(0.0, upright)[0] > 0.85
    assert learned(0.8, upright)[0] > 0.85
    leaked = learned(1.0, upright)
    assert leaked[0] < 0.5  # D cannot tell which way up works are


# In the game


@pytest.mark.parametrize("simultaneous", [True, False])
def test_g_learns_through_the_changes(tmp_path, simultaneous):
    """G's gradient is that of the game as D sees it: with both nets given, by hand and by `step`."""
    recipe = tiny(
        simultaneous=simultaneous, augment=ADA, augment_by="fixed", augment_p=0.8, precision="float32", matching=0.0
    )
    one = trainer(tmp_path / "run", recipe)
    players, batch = one.players, one.batches.batch(0, 8, CPU, 0.8)
    still = torch.optim.SGD(players.bare_D.parameters(), 0.0)
    players = dataclasses.replace(players, optimizer_d=still)

    def same_dice():
        return dataclasses.replace(batch, dice=one.batches.batch(0, 8, CPU, 0.8).dice)

    G, D = players.bare_G, players.bare_D
    again = same_dice()
    if simultaneous:
        real, fake = augmented(torch.cat([batch.real, G(batch.z_g, batch.label)]), ADA, again.dice).chunk(2)
    else:  # D's step has used the dice before
        augmented(torch.cat([batch.real, batch.real]), ADA, again.dice)
        fake = augmented(G(batch.z_g, batch.label), ADA, again.dice)
        real = augmented(batch.real, ADA, again.dice)
    loss = players.game.generator(D(real, batch.label), D(fake, batch.label))
    expected = torch.autograd.grad(loss, list(G.parameters()))
    step.step(players, same_dice())
    for (name, weight), by_hand in zip(G.named_parameters(), expected, strict=True):
        torch.testing.assert_close(weight.grad, by_hand, atol=1e-6, rtol=1e-3, msg=lambda m, n=name: f"G.{n}: {m}")


def test_the_strength_is_saved_and_resumed(tmp_path, monkeypatch):
    monkeypatch.setattr(strength, "EVERY", 16)
    recipe = tiny(augment=DIFFAUGMENT)
    whole = trainer(tmp_path / "whole", recipe, kimg=0.2)
    list(whole.fit())
    for steps in (9, 5, 99):
        part = trainer(tmp_path / "parts", recipe, kimg=0.2)
        events = stop_after(part, steps)
    assert events[-1].done
    assert part.strength.to_json() == whole.strength.to_json()
    assert whole.strength.looked > 100
    assert_same(final_arrays(whole.run), final_arrays(part.run))


class Told:
    """r_v as told."""

    def __init__(self, *values: float) -> None:
        self.values = list(values)

    def measure(self, players: object, groups: object, p: float) -> float:
        return self.values.pop(0)


def test_p_follows_overfitting_within_its_limits():
    recipe = tiny(augment=ADA, augment_p=0.5)
    one = strength.Strength(recipe, lambda: Told(0.9, 0.9, 0.9, 0.0, 0.0, math.nan))  # type: ignore[arg-type]
    seen = []
    for number in range(7):
        one.follow(None, number * strength.EVERY, number / 20)  # type: ignore[arg-type]
        seen.append(round(one.p, 6))
    assert seen == [0, 0.25, 0.5, 0.5, 0.25, 0, 0.3]  # a twentieth of the run is a quarter of the way; then the ramp


def test_turned_on_late_p_rises_from_there_at_the_same_rate():
    """The doctor may augment a run that has come half of its way."""
    one = strength.Strength(tiny(), lambda: Told(0.9))  # type: ignore[arg-type]
    one.follow(None, 50_000, 0.5)  # type: ignore[arg-type]
    one.go_by(tiny(augment=ADA))
    one.follow(None, 50_000 + strength.EVERY, 0.52)  # type: ignore[arg-type]
    assert one.p == pytest.approx(0.1)


def test_by_time_or_not_at_all():
    ramp = strength.Strength(tiny(augment=ADA, augment_by="ramp", augment_p=0.6), Told)  # type: ignore[arg-type]
    heights = []
    for progress in (0.0, 0.25, 0.5, 1.0):
        ramp.follow(None, 0, progress)  # type: ignore[arg-type]
        heights.append(ramp.p)
    assert heights == [0, 0.3, 0.6, 0.6]
    fixed = strength.Strength(tiny(augment=ADA, augment_by="fixed", augment_p=0.6), Told)  # type: ignore[arg-type]
    assert fixed.p == 0.6
    assert strength.Strength(tiny(), Told).p == 0  # type: ignore[arg-type]


@pytest.mark.parametrize("settings", [{"augment": ("blur",)}, {"augment_p": 0.9}, {"augment_by": "mood"}])
def test_settings_out_of_range_are_refused(settings):
    with pytest.raises(UsageError, match=next(iter(settings))):
        tiny(**settings)


def test_half_of_the_pictures_in_a_mirror_on_request_only(tmp_path):
    plain, mirrored = (trainer(tmp_path / str(mirror), tiny(mirror=mirror)) for mirror in (False, True))
    flipped = 0
    for seen in range(0, 400, 8):
        a, b = (one.batches.batch(seen, 8, CPU) for one in (plain, mirrored))
        for before, after in zip(a.real, b.real, strict=True):
            assert torch.equal(after, before) or torch.equal(after, before.flip(2))
            flipped += not torch.equal(after, before)
    assert 150 < flipped < 250

"""Variations, and away from what was learned from."""

import numpy as np
import pytest

import ganvas as gv
from ganvas.cli import main
from ganvas.errors import UsageError
from ganvas.explore.near import away, variations
from ganvas.explore.originality import distances, make_nearest
from tests.training.helpers import tiny

from .helpers import model


@pytest.mark.parametrize("recipe", ["canvas", "style", "dcgan"])
def test_variations_lie_as_near_as_told_and_keep_the_label(recipe):
    made = model(recipe)
    (latent,) = made.latents([1], label="star")
    near, far = made.neighbours(latent, 0.1, 40), made.neighbours(latent, 1.0, 40)
    free = made.steered.free_dims
    changes = np.stack([one.styles - latent.styles for one in near])
    assert np.abs(changes[..., free:]).max(initial=0) == 0
    np.testing.assert_allclose(changes[:, :1], changes[:, -1:], atol=1e-6)  # the same for all layers
    deviation = made._deviation[:free]
    assert (changes[:, 0, :free] / deviation).std() == pytest.approx(0.1, rel=0.1)
    drawn = [np.abs(made.drawn(works) - made.drawn([latent]).astype(float)).mean() for works in (near, far)]
    assert 0 < drawn[0] < drawn[1]
    assert near[3].lineage == {"near": 3, "amount": 0.1, "of": latent.lineage}
    assert np.array_equal(made.neighbours(latent, 0.1, 1, seed=3)[0].styles, near[3].styles)
    with pytest.raises(UsageError, match="near must be above 0 and at most 3"):
        variations(latent, made._deviation, 0.0, 1)


def test_away_goes_no_farther_than_it_takes():
    made = model("canvas", labels=())
    (latent,) = made.latents([1])
    start = made.drawn([latent])[0].astype(float)

    def nearest(limit):
        return lambda pictures: np.abs(pictures - start).mean(axis=(1, 2, 3)) / limit

    found = {limit: away(latent, made._deviation, made.drawn, nearest(limit)) for limit in (1.0, 40.0)}
    for limit, one in found.items():
        assert one.before == 0
        assert one.after >= 1
        assert nearest(limit)(made.drawn([one.latent]))[0] == pytest.approx(one.after)
    assert 0 < found[1.0].amount < found[40.0].amount
    assert away(latent, made._deviation, made.drawn, nearest(1e9)) is None
    (other,) = made.latents([2])
    stays = away(other, made._deviation, made.drawn, nearest(1.0))
    assert (stays.amount, stays.latent) == (0.0, other)


def test_a_copy_is_near_and_a_held_out_picture_is_usually_not():
    made = model("canvas", shape=(1, 28, 28), labels=())
    own = gv.prepare("digits")
    nearest = make_nearest(made.drawer, own)
    train, held = own.split(made.config.recipe.holdout, made.config.seed)
    assert nearest(own.batch(train[:20])).max() < 1e-3
    assert (nearest(own.batch(held)) < 1).mean() == pytest.approx(0.01, abs=0.006)
    with pytest.raises(UsageError, match="are not at hand"):
        make_nearest(made.drawer, None)


def test_distances_leave_themselves_out():
    x = np.array([[0.0], [1.0], [5.0]], np.float32)
    assert distances(x, x).tolist() == [0, 0, 0]
    assert distances(x, x, leave_out_self=True).tolist() == [1, 1, 4]


def test_from_the_command_line(tmp_path, capsys):
    run, out = tmp_path / "run", tmp_path / "out"
    gv.train("digits", tiny("style"), kimg=0.016, out=run, display="none")
    main(["explore", str(run), "--neighbours", "3", "--count", "2", "--near", "0.2", "--out", str(out)])
    assert sorted(path.name for path in out.iterdir()) == ["near-000000.png", "near-000001.png"]
    capsys.readouterr()
    main(["explore", str(run), "--neighbours", "3", "--away", "--out", str(out)])
    assert "3 is no near-copy as it is (" in capsys.readouterr().out  # untrained, it is like no digit
    assert {path.name for path in out.iterdir()} >= {"before.png", "away.png"}

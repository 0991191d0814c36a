"""Works drawn towards their captions by towers that learn from real pictures alone."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import ganvas as gv
from ganvas.api import make_trainer
from ganvas.cli import main
from ganvas.dataset import Dataset, prepare
from ganvas.errors import UsageError
from ganvas.nets.generator import Between, Generator
from ganvas.nets.text import parted
from ganvas.steering import save_rewordings
from ganvas.training.pairing import dual_of, learn_pairs, towards_captions
from ganvas.training.step import step
from ganvas.training.trainer import Trainer

from .helpers import assert_same, final_arrays, stop_after, tiny


@pytest.fixture(scope="module")
def shapes(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return prepare("shapes:80", 16, out=tmp_path_factory.mktemp("shapes") / "art")


def trainer(shapes: Dataset, folder: Path, recipe: str = "canvas", **settings: object) -> Trainer:
    return make_trainer(shapes, tiny(recipe, text_dim=8, **{"pairing": 1.0, **settings}), kimg=0.08, out=folder)


def test_works_move_towards_their_captions(shapes: Dataset, tmp_path: Path) -> None:
    one = trainer(shapes, tmp_path)
    players, batch = one.players, one.batches.batch(0, 16, one.device)
    dual = dual_of(players)
    assert dual is not None
    works = torch.randn(16, *shapes.shape)
    slope = towards_captions(players, works, batch)
    assert slope is not None and slope.shape == works.shape
    assert all(weight.grad is None for weight in dual.parameters())  # they learn nothing from works
    said = [parted(rows)[1] for rows in (batch.label, batch.other_label)]
    nearer = dual.apart(works - 0.5 * slope / slope.norm(), *said)
    assert nearer < dual.apart(works, *said)


@pytest.mark.parametrize("simultaneous", [True, False])
def test_the_towers_learn_and_g_follows(shapes: Dataset, tmp_path: Path, simultaneous: bool) -> None:
    one = trainer(shapes, tmp_path, simultaneous=simultaneous)
    players, batch = one.players, one.batches.batch(0, 16, one.device)
    dual = dual_of(players)
    assert dual is not None
    players.optimizer_g.param_groups[0]["lr"] = 1e-3
    said = [parted(rows)[1] for rows in (batch.label, batch.other_label)]
    before = dual.apart(batch.real, *said).item()
    for _ in range(8):
        step(players, batch)
    assert dual.apart(batch.real, *said).item() < before
    assert all(weight.grad is not None for weight in dual.parameters())


def test_the_pull_changes_g_alone(shapes: Dataset, tmp_path: Path) -> None:
    """One step with and without the pull: D and the towers are the same, G is not."""
    after = []
    for weight in (1.0, 1e-9):
        one = trainer(shapes, tmp_path / str(weight), pairing=weight)
        step(one.players, one.batches.batch(0, 16, one.device))
        after.append(one.players)
    D, other_D = (players.bare_D.state_dict() for players in after)
    assert all(torch.equal(D[name], other_D[name]) for name in D)
    G, other_G = (players.bare_G.state_dict() for players in after)
    same = {name for name in G if torch.equal(G[name], other_G[name])}
    assert {name for name in G if name.startswith("dual.")} <= same
    assert same != set(G)


def test_without_captions_or_weight_there_are_no_towers(shapes: Dataset, tmp_path: Path) -> None:
    plain = trainer(shapes, tmp_path / "a", towers=False, pairing=0.0)
    silent = make_trainer(shapes, tiny("canvas", pairing=1.0), kimg=0.08, captions="off", out=tmp_path / "b")
    unmoved = trainer(shapes, tmp_path / "c", pairing=0.0)
    assert dual_of(unmoved.players) is not None
    batch = unmoved.batches.batch(0, 16, unmoved.device)
    assert towards_captions(unmoved.players, batch.real, batch) is None
    with pytest.raises(UsageError, match="pairing must be 0 without towers, got 1"):
        tiny("canvas", pairing=1.0, towers=False)
    for one in (plain, silent):
        batch = one.batches.batch(0, 16, one.device)
        assert dual_of(one.players) is None and towards_captions(one.players, batch.real, batch) is None
        learn_pairs(one.players, batch)


def test_a_run_with_towers_resumes_to_the_bit_and_opens(shapes: Dataset, tmp_path: Path) -> None:
    whole = trainer(shapes, tmp_path / "whole")
    list(whole.fit())
    for _ in range(2):
        part = trainer(shapes, tmp_path / "parts")
        stop_after(part, 5)
    assert_same(final_arrays(whole.run), final_arrays(part.run))
    model = gv.open(tmp_path / "whole")
    assert isinstance(model.generator, Generator) and model.generator.dual is not None
    kept = {name: value.numpy() for name, value in model.generator.state_dict().items()}
    stored = whole.run.latest()
    assert stored is not None and all(np.array_equal(kept[name], value) for name, value in stored.ema().items())


def test_works_are_drawn_between_two_captions(shapes: Dataset, tmp_path: Path) -> None:
    one = trainer(shapes, tmp_path, null_label=0.5)
    batch = one.batches.batch(0, 64, one.device)
    between, G = batch.between, one.players.bare_G.eval()
    assert between is not None and isinstance(G, Generator)
    assert not parted(batch.label)[1][between.places].any()
    styles = G.styles(batch.z_g[between.places], between.one)
    ends = Between(between.places, between.one, between.other, torch.zeros_like(between.share))
    with torch.no_grad():
        first = G(batch.z_g, batch.label, ends)
        torch.testing.assert_close(first[between.places], G.draw(styles))
        elsewhere = torch.ones(64, dtype=torch.bool)
        elsewhere[between.places] = False
        plain, mixed = G(batch.z_g, batch.label), G(batch.z_g, batch.label, between)
    torch.testing.assert_close(plain[elsewhere], mixed[elsewhere])


@pytest.fixture(scope="module")
def run(shapes: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run") / "run"
    list(trainer(shapes, folder).fit())
    return folder


def test_the_best_of_several_is_kept(run: Path, tmp_path: Path) -> None:
    model = gv.open(run)
    plain, best = (gv.Prompt(("red circle", "star"), (0.8, 0.2), best_of=tries) for tries in (1, 4))
    once, chosen = (model.sample(6, seed=3, text=prompt) for prompt in (plain, best))
    matches = [model.match(works, plain) for works in (once, chosen)]
    assert all(-1 <= match <= 1 for match in matches[0])
    assert all(after >= before - 1e-6 for before, after in zip(*matches, strict=True))
    assert matches[0] != matches[1]
    (alone,) = model.sample(1, seed=5, text=best)
    assert (alone.latent.styles == chosen[2].latent.styles).all()  # however many are asked for
    again = model.like(chosen[2].save(tmp_path / "work.png"))
    assert (again.styles == alone.latent.styles).all()
    pixels = np.concatenate(list(model.pixels(range(3, 9), prompt=best)))
    assert (pixels == np.stack([work.pixels for work in chosen])).all()


def test_only_towers_tell_what_suits_a_text(run: Path, shapes: Dataset, tmp_path: Path) -> None:
    list(trainer(shapes, tmp_path / "plain", towers=False, pairing=0.0).fit())
    model = gv.open(tmp_path / "plain")
    with pytest.raises(UsageError, match="it learned with --no-towers"):
        model.sample(1, text=gv.Prompt(("red",), best_of=2))
    with pytest.raises(UsageError, match="best_of must be a whole number from 1 to 64, got 0"):
        gv.Prompt(("red",), best_of=0)
    (name, (size, gain)) = next(iter(save_rewordings(model, "red circle", tmp_path / "a.png").items()))
    assert name == "-red" and size >= 0 and gain is None
    gains = save_rewordings(gv.open(run), "red circle", tmp_path / "b.png")
    assert all(gain is not None and -2 <= gain <= 2 for _, gain in gains.values())


def test_best_of_is_an_option(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["sample", str(run), "--count", "1", "--out", str(tmp_path)]
    main([*asked, "--text", "red circle", "--best-of", "3"])
    with Image.open(tmp_path / "seed-000000.png") as picture:
        assert '"best_of":3' in picture.text["lineage"]  # type: ignore[attr-defined]
    main(["explore", str(run), "--words", "red circle", "--out", str(tmp_path / "words.png")])
    assert "their match with the whole text by " in capsys.readouterr().out
    with pytest.raises(SystemExit):
        main([*asked, "--best-of", "3"])
    assert "--best-of says how words are drawn; say which with --text." in capsys.readouterr().err

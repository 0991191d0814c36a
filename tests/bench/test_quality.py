"""The bench that compares ganvas with its peers: every peer learns, results are kept, and the plot is drawn."""

import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

from ganvas.config import to_json
from ganvas.dataset import Dataset, prepare
from ganvas.errors import DataError, UsageError
from ganvas.registry import recipes

BENCH = Path(__file__).parents[2] / "bench"
SMALL: dict[str, dict[str, Any]] = {
    "dcgan64": {"width_g": 4, "width_d": 4, "batch_size": 8},
    "wgan-gp": {"width": 4, "batch_size": 8},
    "sn-hinge": {"width": 4, "batch_size": 8},
    "r3gan": {"widths": (8, 8, 8, 8), "group": 4, "batch_size": 8},
    "rough-trial": {"width": 4, "batch_size": 8},
}
"""Settings of each peer at which a step takes no time."""


def weights(net: torch.nn.Module) -> torch.Tensor:
    return torch.cat([weight.detach().flatten() for weight in net.parameters()]).clone()


def small_match(peers: ModuleType, digits: Dataset, name: str, seed: int = 0) -> Any:
    feed = peers.Feed(digits, np.arange(0, len(digits), 50), seed)
    return peers.Match(peers.PEERS[name](**SMALL[name]), feed, digits.shape, seed)


def test_the_peers_are_those_that_are_tested(bench):
    assert set(bench("peers").PEERS) == set(SMALL)


@pytest.mark.parametrize("name", SMALL)
def test_a_peer_learns_in_both_nets_and_draws_pictures(bench, digits, name):
    match = small_match(bench("peers"), digits, name)
    before = weights(match.G), weights(match.D)
    for progress in (0.0, 0.5):
        assert torch.isfinite(match.step(progress)).all()
    for old, net in zip(before, (match.G, match.D), strict=True):
        assert torch.isfinite(weights(net)).all()
        assert not torch.equal(old, weights(net))
    assert match.images == 2 * match.peer.critic_steps * match.peer.batch_size
    after = weights(match.G), torch.random.get_rng_state()
    works = match.drawer()(torch.randn(3, match.peer.latent_dim, generator=torch.Generator()), torch.tensor([0, 5, 9]))
    assert works.shape == (3, 1, 28, 28)
    assert torch.isfinite(works).all()
    if name not in ("r3gan", "rough-trial"):  # the others end in tanh; these are clamped when saved
        assert works.abs().max() <= 1 + 1e-5
    assert match.G.training
    assert torch.equal(after[0], weights(match.G))
    assert torch.equal(after[1], torch.random.get_rng_state())  # drawing does not change what is learned next


@pytest.mark.parametrize("name", SMALL)
def test_a_peer_takes_pictures_of_other_sizes_and_colours(bench, name):
    peers = bench("peers")
    peer = peers.PEERS[name](**SMALL[name])
    G, D = peer.nets((3, 32, 32), 4 if peer.is_conditional else 0)
    label = torch.tensor([0, 4])
    works = G(torch.randn(2, peer.latent_dim), label)
    assert peer.native(works, (3, 32, 32)).shape == (2, 3, 32, 32)
    assert D(works, label).shape == (2,)


def test_the_same_seed_is_the_same_match(bench, digits):
    first, second, other = (small_match(bench("peers"), digits, "r3gan", seed) for seed in (0, 0, 1))
    for match in (first, second, other):
        torch.manual_seed(3)
        match.step(0.0)
    assert torch.equal(weights(first.G), weights(second.G))
    assert not torch.equal(weights(first.G), weights(other.G))


def test_only_a_peer_told_the_labels_draws_by_them(bench, digits):
    peers = bench("peers")
    for name in SMALL:
        match = small_match(peers, digits, name)
        for _ in range(3):
            match.step(0.0)
        z = torch.randn(1, match.peer.latent_dim).repeat(2, 1)
        one, two = match.drawer()(z, torch.tensor([1, 2]))
        assert torch.equal(one, two) != match.peer.is_conditional


def test_the_rough_trial_has_the_nets_that_ganvas_began_with(bench):
    """364,388 and 261,441 parameters on 28x28 with ten labels, as `residual` had before it was changed."""
    G, D = bench("peers").PEERS["rough-trial"]().nets((1, 28, 28), 10)
    assert [sum(p.numel() for p in net.parameters()) for net in (G, D)] == [364_388, 261_441]


def test_a_run_stands_still_at_each_point_and_measuring_is_not_counted(bench, digits):
    players, peers = bench("quality_players"), bench("peers")
    seconds = iter(np.arange(0.0, 100.0, 0.5).tolist())
    match = small_match(peers, digits, "wgan-gp")
    found = []
    for standing in players.play_match(match, [0.05, 0.1], lambda: next(seconds)):
        found.append(standing)
        for _ in range(20):  # ten seconds of measuring
            next(seconds)
    assert [standing.minutes for standing in found] == [0.05, 0.1]
    assert [standing.cpu_seconds for standing in found] == pytest.approx([3, 6], abs=1.1)


def test_runs_are_one_a_point_for_those_that_anneal(bench):
    runs_of = bench("quality_players").runs_of
    assert runs_of("canvas", [2.0, 1.0]) == [[1.0], [2.0]]
    assert runs_of("rough-trial", [1.0, 2.0]) == [[1.0], [2.0]]
    assert runs_of("dcgan64", [2.0, 1.0]) == [[1.0, 2.0]]
    assert runs_of("dcgan64", []) == []


def test_a_player_is_known_by_what_is_not_at_its_default(bench):
    """Results stay when the library gets a new setting that is off, and go when a setting of the recipe changes."""
    sha256_of = bench("quality_players").sha256_of
    settings = to_json(recipes.get("canvas")())
    older = {name: value for name, value in settings.items() if name != "mirror"}
    assert sha256_of(older) == sha256_of(settings)
    assert sha256_of({**settings, "mirror": True}) != sha256_of(settings)
    assert sha256_of({**settings, "batch_size": 32}) != sha256_of(settings)
    assert sha256_of({**settings, "net": {**settings["net"], "width": 16}}) != sha256_of(settings)


def test_points_end_at_the_longest(bench):
    points_of = bench("quality").points_of
    assert points_of("0.5,1,2", None) == [0.5, 1, 2]
    assert points_of("0.5,1,2", 1.5) == [0.5, 1, 1.5]
    with pytest.raises(ValueError, match="above 0"):
        points_of("0,1", None)


def test_the_second_classifier_learns_is_kept_and_scales_its_features(bench, digits, monkeypatch):
    second = bench("second_classifier")
    train, test = digits.split(0.45, 0)
    first = second.second_classifier(digits, train, test[::5], seen=3200)
    assert first.accuracy > 0.6
    with monkeypatch.context() as patch:
        patch.setattr(second, "learn", None)  # the second time nothing is learned
        again = second.second_classifier(digits, train, test[::5], seen=3200)
    assert again.net.sha256() == first.net.sha256()
    pictures = torch.from_numpy(digits.batch(train)).permute(0, 3, 1, 2).float() / 127.5 - 1
    features = first.net(pictures)
    assert features.shape == (len(train), first.net.dim)
    assert features.std(dim=0).median() == pytest.approx(1, abs=0.05)


def test_the_second_classifier_needs_labels(bench, tmp_path, pictures):
    unlabelled = prepare(pictures / "cat", 16, out=tmp_path / "art")
    with pytest.raises(DataError, match="two labels"):
        bench("second_classifier").learn(unlabelled, np.arange(3), 64)


def test_real_pictures_in_the_place_of_works_score_as_their_floor(bench, digits, monkeypatch):
    measure, second = bench("quality_measure"), bench("second_classifier")
    monkeypatch.setattr(second, "LEAST_SEEN", 3200)
    monkeypatch.setattr(second, "EPOCHS", 1)
    with measure.measuring(digits, 500, 0) as judge:
        assert len(judge) == 500
        assert judge.about()["second classifier, accuracy on unseen pictures"] > 0.6
        stand_ins = judge.choice.stand_ins
        works = stand_ins.pictures(np.arange(500))
        judge.labels = stand_ins.labels(digits.label_names)
        found = judge.measure(works, is_conditional=True, with_accuracy=False)
        unlabelled = judge.measure(works, is_conditional=False, with_accuracy=False)
        drawn = judge.drawn(lambda z, label: label.view(-1, 1, 1, 1) / 5 - 1 + 0 * z[:, :1, None, None], 7, 0)
    for scores in found["spaces"].values():
        assert "2,000 works" in scores["frechet"]["left out"]
        for name in ("precision", "recall", "coverage"):
            assert scores[name]["value"] == scores[name]["floor"]["value"]
    assert found["spaces"]["digits"]["agreement"]["value"] > 0.95
    assert "agreement" not in unlabelled["spaces"]["digits"]
    assert sum(found["labels read"]["counts"].values()) == 500
    assert 0.5 < found["labels read"]["rarest, relative to real"] <= 1
    assert drawn[:, 0, 0, 0] == pytest.approx(judge.labels / 5 * 127.5, abs=1)


def header() -> dict[str, Any]:
    return {
        "machine": {"processor": "a", "cores": 2, "threads": 2, "torch": "2", "numpy": "2", "Python": "3"},
        "data": {"source": "digits", "digest": "0" * 64},
        "measuring": {
            "features": {"digits": "a", "second": "b"},
            "works": 2000,
            "compared with": "2,000 held-out pictures",
            "second classifier, accuracy on unseen pictures": 0.99,
        },
    }


def record(name: str, minutes: float, value: float) -> dict[str, Any]:
    score = {"value": value, "low": 0.9 * value, "high": 1.1 * value}
    floor = {"value": 0.1, "low": 0.08, "high": 0.12}
    spaces = {space: {"frechet": {**score, "floor": floor}} for space in ("digits", "second")}
    about = {"player": name, "settings_sha256": "s", "seed": 0, "minutes": minutes, "cpu_seconds": 60 * minutes}
    return {**about, "spaces": spaces}


def test_what_the_file_holds_is_not_run_again(bench, tmp_path):
    quality, path = bench("quality"), tmp_path / "results" / "quality.json"
    results = quality.Results(path, header())
    results.introduce("canvas", {"settings_sha256": "s"})
    results.add(record("canvas", 0.5, 9.0))
    again = quality.Results(path, header())
    assert again.missing("canvas", 0, [0.5, 1.0]) == [1.0]
    assert again.missing("canvas", 1, [0.5, 1.0]) == [0.5, 1.0]
    again.introduce("canvas", {"settings_sha256": "others"})
    assert again.missing("canvas", 0, [0.5, 1.0]) == [0.5, 1.0]
    assert quality.Results(path, header()).missing("canvas", 0, [0.5]) == []  # nothing was written meanwhile
    with pytest.raises(UsageError, match="data: .* Give another --out"):
        quality.Results(path, header() | {"data": {"source": "digits", "digest": "1" * 64}})


def test_a_childs_records_are_kept_as_they_come(bench, tmp_path, capsys):
    quality = bench("quality")
    results = quality.Results(tmp_path / "quality.json", header())
    results.introduce("wgan-gp", {"settings_sha256": "s"})
    code = "from quality import tell; print('a note'); tell('wgan-gp', 0, 0.5, {'failed': 'no number'})"
    child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, cwd=BENCH)
    with child:
        quality.take(child, "wgan-gp", results)
    assert child.returncode == 0
    (kept,) = json.loads((tmp_path / "quality.json").read_text())["results"]
    assert (kept["failed"], kept["settings_sha256"]) == ("no number", "s")
    assert results.missing("wgan-gp", 0, [0.5, 1.0]) == [1.0]
    assert capsys.readouterr().out.startswith("a note\nwgan-gp")


def test_names_beside_the_lines_keep_their_distance_and_their_order(bench):
    spread = bench("quality_plot").spread
    assert spread([0.1, 0.5, 0.9], 0.1) == [0.1, 0.5, 0.9]
    assert spread([0.5, 0.5], 0.1) == pytest.approx([0.45, 0.55])
    places = spread([0.50, 0.52, 0.3, 0.51, 0.56], 0.05)
    assert np.diff(np.sort(places)).min() >= 0.05 - 1e-9
    assert np.argsort(places).tolist() == [2, 0, 3, 1, 4]


def test_the_plot_is_drawn_from_the_file_alone(bench, tmp_path):
    pytest.importorskip("matplotlib")
    from PIL import Image

    plot, source, target = bench("quality_plot"), tmp_path / "q.json", tmp_path / "q.png"
    with pytest.raises(UsageError, match="does not exist"):
        plot.draw(source, target)
    content = header() | {"players": {"canvas": {}, "dcgan64": {}}, "ganvas": "0.1.0", "date": "2026-01-01"}
    source.write_text(json.dumps(content | {"results": []}))
    with pytest.raises(UsageError, match="nothing to draw"):
        plot.draw(source, target)
    failed = {"player": "dcgan64", "settings_sha256": "s", "seed": 0, "minutes": 2.0, "failed": "no number"}
    results = [record("canvas", 0.5, 9.0), record("canvas", 1.0, 4.0), record("dcgan64", 0.5, 60.0), failed]
    source.write_text(json.dumps(content | {"results": results}))
    assert "4 results of 2 players" in plot.draw(source, target)
    with Image.open(target) as image:
        assert image.size == (1200, 590)

"""Directions: found, named, taught, kept."""

import dataclasses
import json

import numpy as np
import pytest
import torch

from ganvas.errors import DataError, UnknownName, UsageError
from ganvas.explore.boundary import normal
from ganvas.explore.directions import (
    Direction,
    Studied,
    apart,
    by_label,
    find,
    named,
    pca,
    sefa,
    steered,
    taught,
)
from ganvas.explore.store import load_directions, pick, save_directions

from .helpers import LABELS, model


def studied(recipe="canvas", samples=60, **changes):
    return Studied(model(recipe, **changes).drawer, samples=samples)


def test_the_plane_parts_what_differs():
    rng = np.random.default_rng(0)
    inside, outside = rng.normal(size=(300, 4)), rng.normal(size=(200, 4))
    inside[:, 2] += 4
    found = normal(inside, outside)
    assert found[2] > 0.98
    assert np.linalg.norm(found) == pytest.approx(1)
    scaled = normal(inside * [1, 1, 100, 1], outside * [1, 1, 100, 1])
    assert abs(scaled[2]) < abs(found[2])  # in the numbers' own units it takes a hundredth as much
    few = normal(inside[:2], outside)
    assert few[2] > 0.7
    assert not normal(np.ones((3, 4)), np.ones((2, 4))).any()


@pytest.mark.parametrize("recipe", ["canvas", "style", "classic"])
def test_sefa_finds_what_stretches_most(recipe):
    """Shen & Zhou 2021, eq. 5: no direction of length 1 makes A n longer, and each is at right angles to the others."""
    generator = model(recipe).steered
    layers = list(range(len(generator.resolutions)))
    found = torch.from_numpy(sefa(generator, layers, 4)).float()
    torch.testing.assert_close(found @ found.T, torch.eye(4), atol=1e-5, rtol=0)
    weights = torch.cat([weight.detach() for _, weight in generator.entrances()])
    lengths = (weights @ found.T).norm(dim=0)
    assert (lengths.diff() <= 1e-5).all()
    other = torch.zeros(200, found.shape[1])
    other[:, : generator.free_dims] = torch.nn.functional.normalize(torch.randn(200, generator.free_dims), dim=1)
    assert (weights @ other.T).norm(dim=0).max() <= lengths[0] + 1e-5
    assert not found[:, generator.free_dims :].any()  # never what the label says


def test_sefa_looks_only_at_the_layers_asked_for():
    generator = model("style").steered
    weight = dict(generator.entrances())[2].data
    weight.zero_()
    weight[0, 5] = 3.0
    assert abs(sefa(generator, [2], 1)[0, 5]) == pytest.approx(1)


def test_pca_in_styles_is_where_styles_spread():
    one = studied("style", samples=400)
    found = pca(one, 3)
    styles = one.styles.mean(axis=1)
    spread = (styles @ found.T).std(axis=0)
    assert spread[0] >= spread[1] >= spread[2]
    values = np.linalg.eigvalsh(np.cov(styles.T, bias=True))
    assert spread[0] == pytest.approx(values[-1] ** 0.5, rel=1e-4)


def test_pca_of_normals_follows_what_is_drawn():
    """Of 8 latents only one changes the picture: that one is found."""
    made = model("classic", labels=())
    first = made.steered.entrances()[0][1].data
    first[:, [0, 1, 2, 4, 5, 6, 7]] = 0
    (axis,) = pca(Studied(made.drawer, samples=300), 1)
    assert abs(axis[3]) > 0.95


@pytest.mark.parametrize("recipe", ["canvas", "style"])
def test_by_label_leads_to_the_label(recipe):
    one = studied(recipe, samples=300)
    vector = by_label(one, "star")
    star = np.array([latent.label == "star" for latent in one.latents])
    styles = one.styles.mean(axis=1)
    unit = vector[0] / np.linalg.norm(vector[0])
    distance = np.linalg.norm(styles[star].mean(0) - styles[~star].mean(0))
    assert np.linalg.norm(vector[0]) == pytest.approx(2 / 3 * distance, rel=1e-4)
    assert ((styles[star] @ unit)[:, None] > (styles[~star] @ unit)[None]).mean() > 0.85


def test_a_direction_is_named_after_what_it_changes():
    """With a look at pictures that knows two things, of which the direction changes one."""

    def look(pictures):
        return {"red": pictures[..., 0].mean((1, 2)) / 255.0, "number": np.arange(len(pictures)) % 7.0}

    one = Studied(model("canvas", labels=()).drawer, look, samples=64)
    unit = sefa(one.generator, range(9), 1)[0]
    forth = named(one, one.vector(unit, "all"), "sefa", 1, "all")
    back = named(one, one.vector(-unit, "all"), "sefa", 1, "all")
    assert forth.name == back.name == "red"
    np.testing.assert_allclose(forth.vector, back.vector)  # both towards more of it
    assert forth.effects["red"] > 0
    assert forth.effects["number"] == pytest.approx(0, abs=1e-9)
    assert forth.purity == pytest.approx(1)
    still = named(one, np.zeros_like(forth.vector), "pca", 4, "all")
    assert (still.name, still.purity) == ("pca 4", 0.0)


def test_one_unit_is_one_deviation_of_works():
    one = studied("style", samples=200)
    unit = pca(one, 1)[0]
    vector = one.vector(unit, "fine")
    touched = np.flatnonzero(np.abs(vector).sum(1))
    assert touched.tolist() == one.layers("fine")
    deviation = (one.styles.mean(axis=1) @ unit).std()
    assert np.linalg.norm(vector[touched[0]]) == pytest.approx(deviation, rel=1e-5)


@pytest.mark.parametrize("recipe", ["canvas", "style", "dcgan"])
def test_all_methods_find_some(recipe):
    one = studied(recipe)
    found = find(one, 3)
    assert [(d.method, d.number) for d in found] == [
        (method, number) for method in ("sefa", "pca", "label") for number in (1, 2, 3)
    ]
    assert len({d.name for d in found}) == 9
    assert [d.name for d in found[6:]] == [f"label {label}" for label in LABELS]
    assert all(0 <= d.purity <= 1 and np.isfinite(d.vector).all() for d in found)
    assert [d.layers for d in found[:3]] == (["coarse"] * 3 if recipe == "dcgan" else ["coarse", "middle", "fine"])
    with pytest.raises(UsageError, match="directions must be from 1 to 64"):
        find(one, 0, ["sefa"])
    with pytest.raises(UsageError, match="method must be some of sefa, pca, label, got 'sfa'"):
        find(one, 2, ["sfa"])


def test_names_are_made_to_differ():
    plain = Direction("size", np.zeros((1, 1)), "sefa", 1, "all", 0.5, {})
    names = [one.name for one in apart([plain, dataclasses.replace(plain, name="slant"), plain, plain])]
    assert names == ["size", "slant", "size 2", "size 3"]


@pytest.mark.parametrize("with_less", [True, False])
def test_favourites_teach_a_direction(with_less):
    """Liked is what has much of one number; what is learned is that number."""
    made = model("canvas", labels=())
    latents = made.latents(range(120))
    amounts = np.array([latent.styles[0, 2] for latent in latents])
    more = [latents[k] for k in np.argsort(amounts)[-20:]]
    less = [latents[k] for k in np.argsort(amounts)[:20]] if with_less else []
    direction = taught(Studied(made.drawer, samples=100), more, less, "bolder")
    assert (direction.name, direction.method) == ("bolder", "taught")
    assert abs(direction.vector[0]).argmax() == 2
    assert direction.vector[0, 2] > 0
    with pytest.raises(UsageError, match="no works to learn from"):
        taught(Studied(made.drawer, samples=10), [], less, "bolder")
    with pytest.raises(UsageError, match="the same works"):
        taught(Studied(made.drawer, samples=10), more[:1], more[:1], "bolder")


def test_steering_adds_the_direction_and_is_recorded(tmp_path):
    made = model("style")
    (work,) = made.sample(1, seed=4)
    direction = find(Studied(made.drawer, samples=40), 1, ["sefa"])[0]
    new = work.steer(direction, 2.0)
    np.testing.assert_allclose(new.latent.styles, work.latent.styles + 2 * direction.vector, atol=1e-6)
    assert new.latent.lineage == {"steer": direction.name, "amount": 2.0, "of": work.latent.lineage}
    assert not np.array_equal(new.pixels, work.pixels)
    assert np.array_equal(work.steer(direction, 0.0).pixels, work.pixels)
    again = made.draw([made.like(new.save(tmp_path / "new.png"))])[0]
    assert np.array_equal(again.pixels, new.pixels)
    with pytest.raises(UsageError, match="amount must be from -100 to 100"):
        steered(work.latent, direction, float("nan"))


def kept(folder):
    made = model("style")
    found = find(Studied(made.drawer, samples=40), 2, ["sefa", "label"])
    save_directions(folder, found, "abc")
    return found, found[0].vector.shape


def test_directions_are_kept_as_safetensors_and_json(tmp_path):
    found, shape = kept(tmp_path / "directions")
    again = load_directions(tmp_path / "directions", shape, "abc")
    for one, other in zip(found, again, strict=True):
        np.testing.assert_array_equal(one.vector, other.vector)
        assert (one.name, one.method, one.number, one.layers) == (other.name, other.method, other.number, other.layers)
        assert other.purity == pytest.approx(one.purity, abs=1e-4)
        assert other.effects == pytest.approx(one.effects, abs=1e-4)
    assert load_directions(tmp_path / "none", shape, "abc") == []
    with pytest.raises(UsageError, match="belong to an earlier generator of this run"):
        load_directions(tmp_path / "directions", shape, "abd")


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: "{",
        lambda content: "[]",
        lambda content: json.dumps(content | {"directions": 3}),
        lambda content: json.dumps(content | {"directions": [{}]}),
        lambda content: json.dumps(content | {"directions": [content["directions"][0] | {"method": "magic"}]}),
        lambda content: json.dumps(content | {"directions": [content["directions"][0] | {"purity": float("inf")}]}),
        lambda content: json.dumps(content | {"directions": content["directions"] * 9}),
    ],
)
def test_damaged_ones_are_an_error(tmp_path, damage):
    _, shape = kept(tmp_path)
    path = tmp_path / "directions.json"
    path.write_text(damage(json.loads(path.read_text())))
    with pytest.raises(DataError, match=r"directions.json or its vectors cannot be read"):
        load_directions(tmp_path, shape, "abc")


def test_vectors_of_another_shape_are_an_error(tmp_path):
    _, shape = kept(tmp_path)
    with pytest.raises(DataError, match="a vector of shape"):
        load_directions(tmp_path, (shape[0], shape[1] + 1), "abc")
    packed = bytearray((tmp_path / "directions.safetensors").read_bytes())
    packed[-1] ^= 1
    (tmp_path / "directions.safetensors").write_bytes(packed)
    with pytest.raises(DataError, match="are not those that belong to it"):
        load_directions(tmp_path, shape, "abc")
    (tmp_path / "directions.safetensors").write_bytes(b"no tensors")
    with pytest.raises(DataError, match="cannot be read"):
        load_directions(tmp_path, shape, "abc")


def test_a_direction_is_picked_by_name_or_by_how_it_was_found(tmp_path):
    found, _ = kept(tmp_path)
    assert pick(found, found[0].name) is found[0]
    assert pick(found, "label 2") is found[3]
    with pytest.raises(UnknownName, match="No direction 'label circl'. Did you mean 'label circle'"):
        pick(found, "label circl")
    with pytest.raises(UsageError, match="has no directions yet"):
        pick([], "size")


def test_what_is_found_and_taught_is_kept_in_the_run(tmp_path):
    made = model("style")
    made.folder = tmp_path
    made.__dict__["studied"] = Studied(made.drawer, samples=40)
    latents = made.latents(range(4))
    made.teach(latents[:2], latents[2:], "mine")
    made.directions(1, ["sefa"])
    made.teach(latents[2:], latents[:2], "yours")
    made.teach(latents[:1], latents[2:], "mine")
    assert [(one.method, one.number) for one in made.known_directions()] == [("sefa", 1), ("taught", 2), ("taught", 1)]
    assert {one.name for one in made.known_directions()} >= {"mine", "yours"}
    assert made.sample(1)[0].steer("mine", 1.0).latent.lineage["steer"] == "mine"
    with pytest.raises(UsageError, match="name must be 1 to 60 letters"):
        made.teach(latents[:1], [], "")
    made.__dict__["fingerprint"] = "another"
    with pytest.raises(UsageError, match="earlier generator"):
        made.known_directions()
    made.directions(1, ["sefa"])
    assert len(made.known_directions()) == 1
    earlier = list((tmp_path / "directions").glob("directions-*"))
    assert {path.suffix for path in earlier} == {".json", ".safetensors"}  # what was taught is not lost
    assert any('"mine"' in path.read_text() for path in earlier if path.suffix == ".json")

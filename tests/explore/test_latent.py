"""What works are drawn from, and how a file tells it."""

import json

import numpy as np
import pytest

from ganvas.errors import DataError, UnknownName, UsageError
from ganvas.explore.latent import centre_of, from_text, layers_of, mixed, of_seeds, to_text
from ganvas.pictures import read_text
from ganvas.registry import recipes
from tests.training.helpers import TINY_NETS

from .helpers import model


@pytest.mark.parametrize("recipe", [name for name in recipes.names() if name in TINY_NETS])
def test_the_latents_of_seeds_draw_the_works_of_seeds(recipe):
    made = model(recipe)
    works = made.sample(4, seed=3, truncation=0.5)
    again = np.concatenate(list(made.pixels(range(3, 7), truncation=0.5)))
    assert [np.array_equal(work.pixels, picture) for work, picture in zip(works, again, strict=True)] == [True] * 4
    assert len({work.pixels.tobytes() for work in works}) == 4
    lineage = {"seed": 3, "truncation": 0.5, "label": works[0].label}
    assert works[0].latent.lineage == lineage
    assert works[0].seed == 3


@pytest.mark.parametrize("label", [None, "star", "none"])
@pytest.mark.parametrize("recipe", ["canvas", "style"])
def test_a_work_is_drawn_again_from_its_file_alone(recipe, label, tmp_path):
    made = model(recipe)
    a, b = made.latents([1, 2], label=label, truncation=0.75)
    for number, latent in enumerate([a, mixed(a, b, [0, 2], "0,2"), a.moved(0.5 * b.styles, steer="bolder")]):
        (work,) = made.draw([latent])
        path = work.save(tmp_path / f"{number}.png")
        found = made.like(path)
        np.testing.assert_array_equal(found.styles, latent.styles)
        assert (found.lineage, found.label) == (latent.lineage, latent.label)
        np.testing.assert_array_equal(made.draw([found])[0].pixels, work.pixels)
        assert (work.seed is None) == (number > 0)


def test_the_file_tells_the_lineage_down_to_the_seeds(tmp_path):
    made = model()
    a, b = made.latents([1, 2], label="star")
    (work,) = made.draw([mixed(a, b, [0], "coarse").moved(np.zeros_like(a.styles), steer="bolder", amount=2.0)])
    text = read_text(work.save(tmp_path / "work.png"))
    seeds = {seed: {"seed": seed, "truncation": 1.0, "label": "star"} for seed in (1, 2)}
    expected = {"steer": "bolder", "amount": 2.0, "of": {"mix": "coarse", "of": seeds[1], "with": seeds[2]}}
    assert json.loads(text["lineage"]) == expected
    assert text["label"] == "star"
    assert "seed" not in text
    assert text["generator"] == made.fingerprint


def test_of_a_long_lineage_the_oldest_are_left_out(tmp_path):
    """Bred for 40 generations it would hold more seeds than a disk."""
    made = model()
    a, b = made.latents([1, 2])
    for _ in range(40):
        a, b = mixed(a, b, [0], "0"), mixed(b, a, [0], "0")
        a = made.like(made.draw([a])[0].save(tmp_path / "a.png"))
        b = made.like(made.draw([b])[0].save(tmp_path / "b.png"))
    assert len(read_text(tmp_path / "a.png")["lineage"]) <= 50_000
    assert "left out" in read_text(tmp_path / "a.png")["lineage"]
    a, b = made.latents([1, 2])
    for _ in range(60):
        a, b = mixed(a, b, [0], "0"), mixed(b, a, [0], "0")
    assert 10_000 < len(to_text(a)["lineage"]) <= 50_000
    steered = made.latents([1])[0]
    for _ in range(300):
        steered = steered.moved(np.zeros_like(steered.styles), steer="size", amount=0.1)
    path = made.draw([steered])[0].save(tmp_path / "steered.png")
    assert made.like(path).lineage["of"]["of"]["steer"] == "size"


def test_a_lineage_without_end_is_no_traceback(tmp_path):
    made = model()
    a, b = made.latents([1, 2])
    text = to_text(mixed(a, b, [0], "0")) | {"lineage": '{"of":' * 600 + "{}" + "}" * 600}
    try:
        found = from_text(text, made.drawer, "work.png")
    except DataError:
        return
    made.draw([found.moved(np.zeros_like(found.styles), steer="size")])[0].save(tmp_path / "work.png")


def test_works_of_other_labels_have_none():
    a, b = model().latents([1])[0], model().latents([2])[0]
    circle, star = (model().latents([1], label=label)[0] for label in ("circle", "star"))
    assert mixed(circle, star, [0], "0").label is None
    assert mixed(circle, circle, [0], "0").label == "circle"
    assert a.styles.dtype == b.styles.dtype == np.float32


@pytest.mark.parametrize("recipe", ["canvas", "style", "dcgan"])
def test_the_centre_is_where_truncation_leads(recipe):
    made = model(recipe)
    (latent,) = made.latents([1], label="star")
    (typical,) = made.latents([1], label="star", truncation=0.0)
    np.testing.assert_allclose(centre_of(made.drawer, latent), typical.styles, atol=1e-6)
    (free,) = made.latents([1], label="none")
    assert not np.allclose(centre_of(made.drawer, free), typical.styles)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"lineage": None, "seed": None}, "does not say what it was drawn from"),
        ({"lineage": "{"}, "its lineage is damaged"),
        ({"lineage": "[1]"}, "its lineage is damaged"),
        ({"lineage": '{"seed": "x"}', "styles": None}, "its lineage is damaged"),
        ({"lineage": "{}", "styles": None}, "its lineage is damaged"),
        ({"lineage": '{"seed": Infinity}'}, "its lineage is damaged"),
        ({"styles": "!!!"}, "its styles are damaged"),
        ({"styles": "AAAA"}, "its styles are damaged"),
    ],
)
def test_a_damaged_file_is_an_error(change, message):
    made = model()
    a, b = made.latents([1, 2])
    text = to_text(mixed(a, b, [0], "0")) | change
    with pytest.raises(DataError, match=message):
        from_text({key: value for key, value in text.items() if value is not None}, made.drawer, "work.png")


def test_what_is_of_a_seed_is_drawn_by_its_seed_whatever_else_the_file_says(tmp_path):
    """A stranger's file may hold both, and leave out what every seed's lineage has."""
    made = model()
    a, b = made.latents([1, 2], label="star")
    text = to_text(mixed(a, b, [0], "0")) | {"lineage": '{"seed": 5, "label": "star"}'}
    found = from_text(text, made.drawer, "work.png")
    np.testing.assert_array_equal(found.styles, made.latents([5], label="star")[0].styles)
    assert read_text(made.draw([found])[0].save(tmp_path / "work.png"))["truncation"] == "1"


def test_styles_of_another_model_or_without_end_are_refused():
    import base64
    import zlib

    made = model()
    for numbers in (np.zeros(3, "<f4"), np.zeros(50_000_000, np.int8), np.full((5, 40), np.nan, "<f4")):
        text = {"lineage": "{}", "styles": base64.b64encode(zlib.compress(numbers.tobytes())).decode()}
        with pytest.raises(DataError, match="another shape|damaged"):
            from_text(text, made.drawer, "work.png")


def test_a_file_of_an_earlier_ganvas_is_drawn_by_its_seed():
    made = model()
    found = from_text({"seed": "5", "truncation": "0.7", "label": "star"}, made.drawer, "work.png")
    (expected,) = of_seeds(made.drawer, [5], "star", 0.7)
    np.testing.assert_array_equal(found.styles, expected.styles)


def test_layers_have_names_and_numbers():
    generator = model().steered
    count = len(generator.resolutions)
    assert layers_of(generator, "all") == list(range(count))
    assert layers_of(generator, "coarse") + layers_of(generator, "middle") + layers_of(generator, "fine") == [
        *range(count)
    ]
    assert layers_of(generator, "0, 2-3") == [0, 2, 3]
    with pytest.raises(UnknownName, match="No layers 'corse'. Did you mean 'coarse'"):
        layers_of(generator, "corse")
    for wrong in ("0-99", "1,,2", "3-", "99", "1-99999999999"):
        with pytest.raises(UsageError, match="layers must be"):
            layers_of(generator, wrong)

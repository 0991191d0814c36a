"""What can be done with nets that write codes, and what cannot."""

import dataclasses
from collections.abc import Callable
from functools import lru_cache

import numpy as np
import pytest
import torch
from PIL import Image

from ganvas.config import Budget
from ganvas.errors import DataError, UsageError
from ganvas.explore.wording import rewordings
from ganvas.model import Model
from ganvas.nets.tokens import TokensGenerator
from ganvas.opening import untrained
from ganvas.prompts import Prompt
from ganvas.run_config import RunConfig
from ganvas.steering import save_children, save_matrix, save_rewordings, save_tiles, save_walk
from ganvas.tensors import CPU
from tests.training.helpers import tiny

from .helpers import model

WORDS = ("red", "circle", "blue", "square")


@lru_cache(maxsize=1)
def writer() -> Model:
    """Untrained, but it heeds words, and squares of a code are of a colour."""
    recipe = tiny("tokens", text_dim=8)
    told = (("red circle", 0), ("blue square", 1))
    config = RunConfig(
        recipe, Budget("kimg", 1), 0, (3, 16, 16), ("a", "b"), (1, 1), "pictures", "0" * 64, words=WORDS, captions=told
    )
    torch.manual_seed(0)
    generator = untrained(config, "cpu")
    assert isinstance(generator, TokensGenerator)
    generator.codebook.details.squares.zero_()
    generator.codebook.kinds.squares.copy_(torch.rand(12, 3, 1).mul(2).sub(1).expand(-1, -1, 4).flatten(1))
    torch.nn.init.normal_(generator.writer.guess.weight)
    return Model(generator, config, "writer", 1.0, CPU)


def picture() -> np.ndarray:
    """(16, 16, 3): each square is one of the codes'."""
    generator = writer().generator
    assert isinstance(generator, TokensGenerator)
    codes = torch.arange(64)[None] % 12 * 2
    pixels = generator.painted(codes).add(1).mul(127.5).round().to(torch.uint8)
    return pixels[0].permute(1, 2, 0).contiguous().numpy()


def test_a_work_to_order_is_drawn_again_from_its_file_alone(tmp_path):
    made = writer()
    for prompt in (
        Prompt(("red circle",), temperature=0.5, top_k=4),
        Prompt(("red circle", "blue"), (2.0, 1.0), guidance=2.0, weights=(("red", 1.5),)),
    ):
        (work,) = made.sample(1, seed=3, text=prompt, truncation=0.8)
        again = made.like(work.save(tmp_path / "work.png"))
        np.testing.assert_array_equal(again.styles, work.latent.styles)
        assert again.lineage == work.latent.lineage
        assert np.array_equal(made.draw([again])[0].pixels, work.pixels)


def test_works_of_few_and_of_many_terms_are_drawn_together():
    made = writer()
    latents = [
        *made.latents([1], text="red"),
        *made.latents([1], text=Prompt(("red",), guidance=2.0)),
        *made.latents([2], text="blue"),
    ]
    together = made.drawn(latents)
    for one, pixels in zip(latents, together, strict=True):
        assert np.array_equal(made.drawn([one])[0], pixels)


@pytest.mark.parametrize(("keep", "kept"), [("top", np.s_[:8]), ("left", np.s_[:, :8])])
def test_a_picture_is_completed(keep, kept, tmp_path):
    made, given = writer(), picture()
    works = made.complete(given, keep, count=3, seed=5, text="red circle")
    for work in works:
        assert np.array_equal(work.pixels[kept], given[kept])
        assert work.seed is None
        assert work.latent.lineage["complete"] == keep
        assert work.latent.lineage["of"]["prompt"]["texts"] == ["red circle"]
    assert len({work.pixels.tobytes() for work in works}) == 3
    again = made.like(works[0].save(tmp_path / "work.png"))
    assert np.array_equal(made.draw([again])[0].pixels, works[0].pixels)
    path = tmp_path / "mine.png"
    Image.fromarray(given).resize((48, 48), Image.Resampling.NEAREST).save(path)
    (work,) = made.complete(path, keep, count=1, seed=5)
    assert work.latent.lineage["picture"] == "mine.png"


def test_what_cannot_be_completed_is_an_error(tmp_path):
    with pytest.raises(UsageError, match="only recipe 'tokens' completes pictures"):
        model("canvas").complete(np.zeros((32, 32, 3), np.uint8))
    with pytest.raises(UsageError, match="keep must be top or left, got 'right'"):
        writer().complete(picture(), "right")  # type: ignore[arg-type]
    (tmp_path / "none.png").write_text("no picture")
    with pytest.raises(DataError):
        writer().complete(tmp_path / "none.png")


def test_a_strangers_styles_are_refused(tmp_path):
    made = writer()
    (work,) = made.complete(picture(), count=1)
    for place, value in ((3, 1e6), (1, 0.0)):
        styles = work.latent.styles.copy()
        styles[0, place] = value
        broken = dataclasses.replace(work, latent=dataclasses.replace(work.latent, styles=styles))
        with pytest.raises(DataError, match="styles are damaged"):
            made.like(broken.save(tmp_path / "work.png"))


@pytest.mark.parametrize(
    "ask",
    [
        lambda made, out: made.directions(2),
        lambda made, out: made.neighbours(made.latents([1])[0]),
        lambda made, out: made.away(made.latents([1])[0]),
        lambda made, out: made.invert([picture()]),
        lambda made, out: made.sample(1)[0].steer("size", 1.0),
        lambda made, out: save_walk(made, ["1", "2"], out / "walk.gif"),
        lambda made, out: save_matrix(made, ["rows", "1", "cols", "2"], out / "mix.png"),
        lambda made, out: save_children(made, *made.latents([1, 2]), out),
        lambda made, out: save_tiles(made, made.latents([1]), out),
    ],
)
def test_there_is_nothing_between_two_works(ask: Callable[..., object], tmp_path):
    with pytest.raises(UsageError, match="writes works code by code, and nothing lies between"):
        ask(writer(), tmp_path)
    assert not list(tmp_path.iterdir())


def test_words_can_be_tried_one_by_one(tmp_path):
    found = rewordings(writer().drawer, [0, 1], "red circle", ["red:blue"])
    pictures = [writer().drawn(one.latents) for one in found]
    assert [one.name for one in found] == ["as said", "-red", "-circle", "red>blue"]
    assert all((pictures[0] != other).any() for other in pictures[1:])
    sizes = save_rewordings(writer(), "red circle", tmp_path / "words.png")
    assert set(sizes) == {"-red", "-circle"} and all(gain is not None for _, gain in sizes.values())

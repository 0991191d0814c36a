"""Prompts: what is refused, what is said, and what words do to styles."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ganvas.errors import GanvasError, UsageError
from ganvas.nets.generator import Generator
from ganvas.nets.text import parted
from ganvas.prompts import Prompt, parse_weights, rows, styles_of, terms_of, without
from ganvas.words import ids_of

WORDS = ("red", "circle", "blue", "square")
ZERO = torch.zeros(1, dtype=torch.long)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"texts": ()}, "at least one text"),
        ({"texts": ("",)}, "found none in ''"),
        ({"texts": ("!? …",)}, "found none"),
        ({"texts": ("red " * 2500,)}, "at most 1,000 characters, found 10,000"),
        ({"texts": ("red\x1b[2J",)}, "control characters"),
        ({"texts": ("red\ud800",)}, "control characters"),
        ({"texts": ("red", "blue"), "shares": (1.0,)}, "each of 2 texts"),
        ({"texts": ("red",), "shares": (-1.0,)}, "0 or more"),
        ({"texts": ("red", "blue"), "shares": (0.0, 0.0)}, "above 0 in sum"),
        ({"texts": ("red",), "guidance": float("nan")}, "guidance"),
        ({"texts": ("red",), "guidance": 11.0}, "guidance"),
        ({"texts": "red"}, "in a tuple"),
        ({"texts": ("red",) * 17}, "at most 16 texts"),
        ({"texts": ("red",), "weights": (("red", 2.0),) * 25}, "at most 24 weights"),
        ({"texts": ("red",), "weights": (("rot", 2.0),)}, "No word 'rot' in 'red'"),
        ({"texts": ("red",), "weights": (("red", float("inf")),)}, "weight of 'red'"),
        ({"texts": ("red",), "temperature": 0.0}, "temperature must be above 0"),
        ({"texts": ("red",), "temperature": float("nan")}, "temperature"),
        ({"texts": ("red",), "top_k": -1}, "top_k must be a whole number"),
    ],
)
def test_what_is_no_prompt_is_an_error(fields: dict, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Prompt(**fields)


@given(st.text(max_size=30))
def test_any_text_is_a_prompt_or_a_clear_error(text: str) -> None:
    try:
        Prompt((text,)).warnings(WORDS)
    except GanvasError as error:
        assert str(error).isprintable()


def test_what_was_never_learned_is_said() -> None:
    assert Prompt(("red circle",)).warnings(WORDS) == []
    assert Prompt(("a red circel",)).warnings(WORDS) == [
        "It never learned 'a'.",
        "It never learned 'circel'. Did you mean 'circle'?",
    ]
    with pytest.raises(UsageError, match=r"never learned 'zebra'\. It knows 4 words, such as red, circle"):
        Prompt(("zebra",)).warnings(WORDS)
    with pytest.raises(UsageError, match="without captions"):
        Prompt(("red",)).warnings(())
    assert "reads 24 words" in Prompt(("red " * 30,)).warnings(WORDS)[0]
    assert "'😀'" in Prompt(("red 😀",)).warnings(WORDS)[0]


def test_weights_are_read() -> None:
    assert parse_weights("red:1.5  Circle:-0.7") == (("red", 1.5), ("circle", -0.7))
    assert parse_weights("") == ()
    for wrong in ("red", "red:", ":2", "red:much", "red:nan", "red:inf"):
        with pytest.raises(UsageError, match="Expected weights such as"):
            parse_weights(wrong)


class Bag(Generator):
    """Styles that are sums of words: (n, 1, 4096) counts."""

    def styles(self, z: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
        words = parted(label)[1][..., 0]
        return torch.zeros(len(words), 4096).scatter_add(1, words, (words > 0).float())[:, None]

    def draw(self, styles: torch.Tensor) -> torch.Tensor:
        return styles

    def entrances(self) -> list[tuple[int, torch.Tensor]]:
        return []


def counted(prompt: Prompt) -> dict[str, float]:
    styles = styles_of(prompt, Bag(), torch.zeros(1, 1), ZERO, 1.0)[0, 0]
    return {word: round(float(styles[ids_of(word)[0]]), 5) for word in WORDS}


def test_guidance_weights_and_mixtures_are_sums_of_what_words_do() -> None:
    assert counted(Prompt(("red circle",))) == {"red": 1, "circle": 1, "blue": 0, "square": 0}
    assert counted(Prompt(("red circle",), guidance=2.5)) == {"red": 2.5, "circle": 2.5, "blue": 0, "square": 0}
    assert counted(Prompt(("red circle",), guidance=0.0)) == dict.fromkeys(WORDS, 0)
    weighed = Prompt(("red circle",), weights=(("red", 1.5), ("circle", 0.0)))
    assert counted(weighed) == {"red": 1.5, "circle": 0, "blue": 0, "square": 0}
    mixed = Prompt(("red circle", "blue square"), shares=(3.0, 1.0))
    assert counted(mixed) == {"red": 0.75, "circle": 0.75, "blue": 0.25, "square": 0.25}
    assert counted(Prompt(("red", "blue"))) == {"red": 0.5, "blue": 0.5, "circle": 0, "square": 0}


def test_coefficients_of_what_is_asked_for_add_up_to_one() -> None:
    asked = Prompt(("red circle", "blue"), (3.0, 1.0), guidance=2.0, weights=(("red", 1.5),))
    terms = terms_of(asked)
    assert terms == pytest.approx({"red circle": 2.25, "circle": -0.75, "blue": 0.5, "": -1.0})
    assert sum(terms.values()) == pytest.approx(1)
    assert terms_of(Prompt(("red", "red"))) == {"red": 1.0}


def test_only_nets_of_codes_have_a_temperature() -> None:
    for tempered in (Prompt(("red",), temperature=0.5), Prompt(("red",), top_k=5)):
        with pytest.raises(UsageError, match="for models of the recipe 'tokens'"):
            styles_of(tempered, Bag(), torch.zeros(1, 1), ZERO, 1.0)


def test_a_word_is_left_out_wherever_it_stands() -> None:
    assert without("Red circle, red square", "red") == "circle , square"
    assert rows(ZERO, ["red"]).shape == rows(ZERO, [""]).shape

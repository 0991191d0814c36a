"""Pictures as codes: the codebook, the transformer, and works as terms."""

import pytest
import torch

from ganvas.config import Conditions
from ganvas.errors import UsageError
from ganvas.nets.codebook import Codebook
from ganvas.nets.text import parted
from ganvas.nets.tokens import HEADER, Tokens, TokensGenerator, chosen, grid_of
from ganvas.nets.transformer import Writer
from ganvas.prompts import Prompt, rows, styles_of

NET = Tokens(codes=12, width=4, dim=16, layers=2)
CAPTIONS = ["a red circle", "", "three small blue squares in the top left corner", "star"]


def generator(shape: tuple[int, int, int] = (3, 16, 16), asked: int | Conditions = 0) -> TokensGenerator:
    torch.manual_seed(0)
    made = NET.generator(shape, 256, asked)
    assert isinstance(made, TokensGenerator)
    torch.nn.init.uniform_(made.codebook.squares, -1, 1)
    for part in (made.writer.guess.weight, made.decoder.paint.weight):
        torch.nn.init.normal_(part)  # so that probabilities are far from even, and pictures from their squares
    return made.eval()


def reading() -> TokensGenerator:
    return generator(asked=Conditions(2, 8))


def test_codes_become_the_means_of_what_they_stand_for():
    """Four heaps of points, one of them small and far from the others."""
    torch.manual_seed(0)
    centres = torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [5.0, 5.0]])
    book = Codebook(12, 2, 1)
    for _ in range(300):
        which = torch.multinomial(torch.tensor([0.4, 0.3, 0.25, 0.05]), 64, replacement=True)
        error = book.learn(centres[which] + 0.05 * torch.randn(64, 2))
    assert error < 0.01
    found = book.squares[book(centres)]
    torch.testing.assert_close(found, centres, atol=0.05, rtol=0)
    assert len(book(centres).unique()) == 4


def test_no_code_is_left_unused_while_there_is_anything_to_tell_apart():
    torch.manual_seed(0)
    book, squares = Codebook(20, 3, 3), torch.rand(200, 3)
    for _ in range(10):
        book.learn(squares)
    assert len(book(squares).unique()) == 20
    alike = Codebook(20, 3, 3)
    for _ in range(3):
        alike.learn(torch.ones(50, 3))
    assert (alike.squares[alike(torch.ones(50, 3))] == 1).all() and torch.isfinite(alike.squares).all()


@pytest.mark.parametrize(
    ("shape", "codes"),
    [
        ((3, 32, 32), (8, 8)),
        ((1, 28, 28), (7, 7)),
        ((3, 64, 64), (8, 8)),
        ((3, 16, 16), (8, 8)),
        ((4, 32, 48), (8, 12)),
    ],
)
def test_pictures_of_any_size_and_kind_are_a_grid_of_codes(shape, codes):
    assert grid_of(shape) == codes
    made = generator(shape)
    pictures = torch.rand(2, *shape) * 2 - 1
    seen = made.codes(pictures)
    assert seen.shape == (2, codes[0] * codes[1])
    assert made.painted(seen).shape == pictures.shape == made(torch.randn(2, 256), torch.zeros(2).long()).shape
    alone = made.painted(seen[:1])
    torch.testing.assert_close(made.painted(seen)[:1], alone, atol=1e-3, rtol=0)


def test_squares_lie_where_they_lay_in_the_picture():
    made = generator()
    torch.nn.init.zeros_(made.decoder.paint.weight)
    pictures = torch.rand(2, 3, 16, 16) * 2 - 1
    made.codebook = Codebook(128, 12, 3)
    made.codebook.squares.copy_(made.squares(pictures).flatten(0, 1))
    assert (made.painted(made.codes(pictures)) == pictures).all()


def test_what_looks_the_same_has_the_same_code_wherever_it_stands():
    picture = torch.ones(1, 3, 16, 16)
    picture[..., 6:8, 10:12] = -1
    codes = generator().codes(picture)[0]
    assert len(codes.unique()) == 2 and (codes != codes[0]).nonzero().flatten().tolist() == [3 * 8 + 5]


def test_a_latent_too_short_is_an_error_that_says_how_long():
    with pytest.raises(UsageError, match=r"48x32 px are 12x8 codes.*--latent-dim 96 or more, not 64"):
        NET.generator((3, 32, 48), 64, 0)
    with pytest.raises(UsageError, match="16 px a side or more"):
        NET.generator((3, 12, 12), 64, 0)


@pytest.mark.parametrize(
    "settings", [{"codes": 1}, {"codes": 5000}, {"dim": 18}, {"sorting_share": 0.5}, {"painting_share": 0.0}]
)
def test_settings_that_cannot_be_are_errors(settings):
    with pytest.raises(UsageError, match=next(iter(settings))):
        Tokens(**settings)


def test_what_is_remembered_gives_what_reading_all_again_gives():
    writer, squares = Writer(16, 2, (12, 5), (8, 8), Conditions(2, 8)).double(), torch.randn(12, 5).double()
    label, ids = parted(rows(torch.tensor([0, 1, 2, 2]), CAPTIONS))
    codes = torch.randint(12, (4, 64))
    whole = writer(label, ids, codes, squares)
    logits, memory = writer.begin(label, ids, squares)
    step_by_step = [logits]
    for number in range(63):
        logits, memory = writer.go_on(codes[:, number], number, memory, squares)
        step_by_step.append(logits)
    torch.testing.assert_close(torch.stack(step_by_step, dim=1), whole)


def test_a_code_knows_those_before_it_and_every_word_but_no_code_after():
    writer, squares = Writer(16, 2, (12, 5), (2, 3), Conditions(2, 8)).double(), torch.randn(12, 5).double()
    label, ids = parted(rows(torch.tensor([0]), ["red circle"]))
    codes = torch.zeros(1, 6, dtype=torch.long)
    before = writer(label, ids, codes, squares)
    codes[0, 3] = 1
    after = writer(label, ids, codes, squares)
    torch.testing.assert_close(after[:, :4], before[:, :4])
    assert (after[:, 4:] != before[:, 4:]).any(dim=2).all()
    for other in (["red square"], ["blue circle"], ["circle red"], [""]):
        assert (writer(*parted(rows(torch.tensor([0]), other)), codes, squares) != after).any(dim=2).all()
    assert (writer(torch.tensor([1]), ids, codes, squares) != after).any(dim=2).all()


def test_a_work_does_not_depend_on_how_many_are_written_at_once():
    made = reading()
    z, asked = torch.randn(4, 256), rows(torch.tensor([0, 1, 2, 2]), CAPTIONS)
    together = made.write(made.styles(z, asked))
    assert len(together.unique(dim=0)) == 4
    for number in range(4):
        alone = made.write(made.styles(z[number : number + 1], asked[number : number + 1]))
        assert (alone[0] == together[number]).all()


def test_codes_come_as_often_as_they_are_likely():
    likely = torch.tensor([0.1, 0.6, 0.3]).double().log().expand(5000, -1)
    u = torch.linspace(0, 1 - 1e-4, 5000).double()
    plain, none = torch.ones(5000).double(), torch.zeros(5000).long()
    drawn = chosen(likely, u, plain, none)
    torch.testing.assert_close(drawn.bincount() / 5000, torch.tensor([0.1, 0.6, 0.3]), atol=1e-3, rtol=0)
    assert drawn[0] == 1  # z = 0: the likeliest
    two = chosen(likely, u, plain, none + 2)
    torch.testing.assert_close(two.bincount() / 5000, torch.tensor([0.0, 0.6667, 0.3333]), atol=1e-3, rtol=0)
    assert (chosen(likely, u, plain, none + 1) == 1).all()
    assert (chosen(likely, u, 0 * plain + 1e-3, none) == 1).all()
    tamer = chosen(likely, u, 0.5 * plain, none).bincount() / 5000
    torch.testing.assert_close(tamer, torch.tensor([1.0, 36.0, 9.0]) / 46, atol=1e-3, rtol=0)
    assert (chosen(likely, torch.ones(5000).double(), plain, none) == 0).all()  # of a z far out: the least likely


def test_truncation_draws_the_likelier():
    made = reading()
    z, asked = torch.randn(8, 256), rows(torch.tensor([2]), ["red"])
    typical = made.write(made.truncated(z, asked.expand(8, -1), 0.0))
    assert (typical == typical[0]).all()
    assert (typical == made.write(made.centre(z, asked.expand(8, -1)))).all()
    half = made.write(made.truncated(z, asked.expand(8, -1), 0.3))
    whole = made.write(made.styles(z, asked.expand(8, -1)))
    assert (half[:, 0] == typical[:, 0]).sum() >= (whole[:, 0] == typical[:, 0]).sum()


def test_terms_are_products_of_probabilities():
    made, z, label = reading(), torch.randn(3, 256), torch.tensor([2, 2, 2])
    plain = styles_of(Prompt(("red",)), made, z, label, 1.0)
    assert plain.shape[1] == 1
    guided = styles_of(Prompt(("red",), guidance=2.0), made, z, label, 1.0)
    assert guided[:, :, 0].tolist() == [[2.0, -1.0]] * 3
    mixed = styles_of(Prompt(("red", "blue"), temperature=0.5, top_k=3), made, z, label, 1.0)
    assert mixed[:, :, :HEADER].tolist() == [[[0.5, 0.5, 3.0]] * 2] * 3
    for styles in (plain, guided, mixed):
        assert made.draw(styles).shape == (3, 3, 16, 16)
    alike = made.combined([plain, plain], [0.5, 0.5])
    assert (made.write(alike) == made.write(plain)).all()
    undone = made.combined([plain, mixed[:, 1:] * 1, mixed[:, 1:]], [1.0, 2.0, -2.0])
    assert (made.write(undone) == made.write(plain)).all()


def test_codes_that_are_given_stay():
    made = reading()
    styles = made.styles(torch.randn(3, 256), rows(torch.tensor([2, 2, 2]), ["red"] * 3))
    codes, kept = torch.randint(12, (1, 64)), torch.arange(64) < 32
    written = made.write(made.given(styles, codes, kept))
    assert (written[:, :32] == codes[:, :32]).all()
    assert len(written[:, 32:].unique(dim=0)) == 3


def test_styles_of_strangers_are_checked():
    made = reading()
    styles = made.styles(torch.randn(1, 256), rows(torch.tensor([2]), ["red"]))[0]
    assert made.can_draw(styles)
    start = HEADER + 1 + made.words
    for place, value in ((1, 0.0), (2, -1.0), (3, 3.0), (3, 0.5), (4, 1e6), (start, 13.0), (start, -1.0)):
        changed = styles.clone()
        changed[0, place] = value
        assert not made.can_draw(changed)

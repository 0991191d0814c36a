"""Pictures as codes: the codebook, the transformer, and works as terms."""

import pytest
import torch

from ganvas.config import Conditions
from ganvas.errors import UsageError
from ganvas.nets.codebook import Codebook, Kinds
from ganvas.nets.text import parted
from ganvas.nets.tokens import HEADER, Tokens, TokensGenerator, chosen, first, grid_of, inked
from ganvas.nets.transformer import HIDDEN, PHRASES, Ink, Phrase, Writer, ink_of
from ganvas.prompts import Prompt, rows, styles_of
from ganvas.training.tokens import nats

NET = Tokens(kinds=12, details=3, width=4, dim=16, layers=2)
CAPTIONS = ["a red circle", "", "three small blue squares in the top left corner", "star"]


def generator(shape: tuple[int, int, int] = (3, 16, 16), asked: int | Conditions = 0) -> TokensGenerator:
    torch.manual_seed(0)
    made = NET.generator(shape, 256, asked)
    assert isinstance(made, TokensGenerator)
    made.codebook.paper.fill_(3)
    writer = made.writer
    for part in (writer.guess, writer.guess_detail, writer.guess_place, made.decoder.paint):
        torch.nn.init.normal_(part.weight)  # so that probabilities are far from even, and pictures from their squares
    return made.eval()


def reading() -> TokensGenerator:
    return generator(asked=Conditions(2, 8))


def test_kinds_become_the_means_of_what_they_stand_for():
    """Four heaps of points, one of them small and far from the others."""
    torch.manual_seed(0)
    centres = torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [5.0, 5.0]])
    kinds = Kinds(12, 2, 1)
    for _ in range(300):
        which = torch.multinomial(torch.tensor([0.4, 0.3, 0.25, 0.05]), 64, replacement=True)
        kinds.learn(centres[which] + 0.05 * torch.randn(64, 2))
    found = kinds.squares[kinds(centres)]
    torch.testing.assert_close(found, centres, atol=0.05, rtol=0)
    assert len(kinds(centres).unique()) == 4


def test_no_kind_is_left_unused_while_there_is_anything_to_tell_apart():
    torch.manual_seed(0)
    kinds, squares = Kinds(20, 3, 3), torch.cat([torch.ones(600, 3), torch.rand(200, 3)])
    kinds.learn(squares)
    assert (kinds.squares == 1).all(dim=1).sum() <= 1  # paper, the most of it, is one kind
    for _ in range(10):
        kinds.learn(squares)
    assert len(kinds(squares).unique()) == 20
    alike = Kinds(20, 3, 3)
    for _ in range(3):
        alike.learn(torch.ones(50, 3))
    assert (alike.squares[alike(torch.ones(50, 3))] == 1).all() and torch.isfinite(alike.squares).all()


def test_details_bring_squares_nearer_and_paper_has_none():
    torch.manual_seed(0)
    squares = torch.cat([torch.ones(600, 12), torch.rand(200, 12)])
    book, coarse = Codebook(8, 16, 12, 3), Codebook(8, 1, 12, 3)
    for step in range(100):
        error, alone = book.learn(squares), coarse.learn(squares)
        assert step % 10 or (book(squares[:1]) == book.paper_code).all()  # from the first on
    assert error < 0.7 * alone
    codes = book(squares)
    assert (codes[:600] == book.paper_code).all() and len(codes.unique()) > 50
    assert torch.allclose((squares - book.squares(codes)).square().mean(), error, atol=1e-4)
    kind, detail = book.parts(codes)
    assert (book.joined(kind, detail) == codes).all() and (book.joined(book.paper, torch.tensor(5)) % 16 == 0)
    assert codes.max() < len(book) == 128


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
    made.codebook = Codebook(128, 1, 12, 3)
    made.codebook.kinds.squares.copy_(made.squares(pictures).flatten(0, 1))
    made.codebook.details.squares.zero_()
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
    "settings",
    [{"kinds": 1}, {"kinds": 5000}, {"details": 0}, {"dim": 18}, {"sorting_share": 0.5}, {"painting_share": 0.0}],
)
def test_settings_that_cannot_be_are_errors(settings):
    with pytest.raises(UsageError, match=next(iter(settings))):
        Tokens(**settings)


def writer_of(size: tuple[int, int], kinds: int = 12, paper: int = 0) -> tuple[Writer, Codebook]:
    """Every part of it far from nothing, and what its codes are: two details a kind."""
    torch.manual_seed(0)
    codes = (kinds, 2, 12)
    writer, book = Writer(16, 2, codes, size, Conditions(2, 8)).double(), Codebook(*codes, 3).double()
    for weight in writer.parameters():
        if weight.ndim == 2 and not weight.any():
            torch.nn.init.normal_(weight, std=0.3)
    book.paper.fill_(paper)
    return writer, book


def test_what_is_remembered_gives_what_reading_all_again_gives():
    writer, book = writer_of((8, 8))
    label, ids = parted(rows(torch.tensor([0, 1, 2, 2]), CAPTIONS))
    ink = Ink(torch.randint(2, 24, (4, 20)), torch.rand(4, 64).argsort()[:, :20].sort()[0], torch.ones(4, 20).bool())
    whole = writer(label, ids, ink, book)
    ahead, memory = writer.begin(label, ids)
    torch.testing.assert_close(ahead, whole.first)
    found, before = [], None
    for number in range(20):
        kinds, memory = writer.come(ink.places[:, number], before, memory, book)
        before = ink.codes[:, number], ink.places[:, number]
        details = writer.refined(memory.last, book.parts(before[0])[0], book)
        found.append((kinds, details, writer.go(*before, memory, book)))
    for name, steps in zip(("kinds", "details", "places"), zip(*found, strict=True), strict=True):
        torch.testing.assert_close(torch.stack(steps, dim=1).flatten(0, 1), getattr(whole, name))


def test_pictures_of_less_ink_are_guessed_as_they_are_alone():
    writer, book = writer_of((8, 8), paper=3)
    label, ids = parted(rows(torch.tensor([0, 1, 2, 2]), CAPTIONS))
    codes = torch.randint(24, (4, 64)).masked_fill(torch.rand(4, 64) < 0.7, 6)
    codes[1] = 6
    together = writer(label, ids, ink_of(codes, book), book)
    alone = [writer(label[n : n + 1], ids[n : n + 1], ink_of(codes[n : n + 1], book), book) for n in range(4)]
    for name in ("first", "kinds", "details", "places"):
        torch.testing.assert_close(torch.cat([getattr(one, name) for one in alone]), getattr(together, name))
    assert len(alone[1].kinds) == 0


def test_a_code_knows_those_before_it_and_every_word_but_no_code_after():
    writer, book = writer_of((2, 3))
    label, ids = parted(rows(torch.tensor([0]), ["red circle"]))
    codes = torch.tensor([[3, 4, 0, 8, 11, 12]])
    ink = ink_of(codes, book)
    assert ink.places.tolist() == [[0, 1, 3, 4, 5]]
    before = writer(label, ids, ink, book)
    ink.codes[0, 2] = 15
    after = writer(label, ids, ink, book)
    torch.testing.assert_close(after.kinds[:3], before.kinds[:3])
    assert (after.kinds[3:] != before.kinds[3:]).any(dim=1).all()
    for name in ("details", "places"):
        torch.testing.assert_close(getattr(after, name)[:2], getattr(before, name)[:2])
    assert (after.details[2:] != before.details[2:]).any(dim=1).all()
    known = after.places > HIDDEN  # of places still to come
    assert known.sum(dim=1).tolist() == [6, 5, 3, 2, 1]
    assert (after.places[2:4] != before.places[2:4])[known[2:4]].all()
    for other in (["red square"], ["blue circle"], ["circle red"], [""]):
        said = writer(*parted(rows(torch.tensor([0]), other)), ink, book)
        assert (said.kinds != after.kinds).any(dim=1).all() and (said.first != after.first).any()
    assert (writer(torch.tensor([1]), ids, ink, book).kinds != after.kinds).any(dim=1).all()


def test_words_take_in_their_neighbours_and_nothing_from_behind_the_end():
    torch.manual_seed(0)
    phrase, words = Phrase(8), torch.randn(1, 6, 8)
    known = torch.tensor([[True] * 4 + [False] * 2])
    assert torch.equal(phrase(words, known), words)  # nothing at the start
    torch.nn.init.normal_(phrase.take.weight)
    before = phrase(words, known)
    for changed, touched in ((1, {0, 1, 2}), (3, {2, 3, 4}), (4, {4})):
        others = words.clone()
        others[:, changed] = torch.randn(8)
        differs = (phrase(others, known) != before).any(dim=2)[0]
        assert set(differs.nonzero().flatten().tolist()) == touched


def test_captions_are_read_phrase_by_phrase_however_many_there_are():
    G = reading()
    for phrase in G.writer.phrases:
        torch.nn.init.normal_(phrase.take.weight, std=0.1)
    label, ids = parted(rows(torch.tensor([0, 0, 0]), ["red circle, blue square", "red", "red circle, blue star"]))
    together, known, _ = G.writer.asked(label, ids)
    known_of_it = (together[0] != together[2]).any(dim=1)[:5]
    assert known_of_it.tolist() == [number >= 4 - PHRASES for number in range(5)]  # square or star, the fifth
    alone, _, _ = G.writer.asked(label[1:2], ids[1:2])
    assert torch.allclose(together[1][known[1]], alone[0], atol=1e-5)


def test_ink_comes_where_it_is_likely_and_leaves_an_even_chance():
    """Of 6 places, after the second: each throws its own die, and the first with ink is as likely as the logits say."""
    torch.manual_seed(0)
    shares = torch.tensor([0.0, 0.0, 0.1, 0.5, 0.05, 0.15, 0.2]).double()
    count, after = 40_000, torch.full((40_000,), 1)
    chances, none = torch.rand(count, 6).double(), torch.zeros(count).long()
    is_ink, left = inked(shares.log().clamp(min=-1e4).expand(count, -1), chances, none, after)
    place = first(is_ink, after)
    torch.testing.assert_close(place.bincount(minlength=7) / count, shares.float(), atol=0.01, rtol=0)
    for number in range(2, 6):
        rest = left[place == number, number].sort()[0]
        torch.testing.assert_close(rest, torch.linspace(0, 1, len(rest)).double(), atol=0.05, rtol=0)
    typical, _ = inked(shares.log().clamp(min=-1e4).expand(1, -1), torch.zeros(1, 6).double(), none[:1], after[:1])
    assert typical[0].tolist() == [False, False, False, True, False, False]
    greedy, _ = inked(shares.log().clamp(min=-1e4).expand(count, -1), chances, none + 1, after)
    assert (greedy == typical).all()


def test_what_is_written_is_as_likely_as_the_writer_says():
    """Every picture of 2x2 places, each of them paper or the one other kind with one of two details."""
    made = Tokens(kinds=2, details=2, width=4, dim=16, layers=2).generator((3, 16, 16), 256, Conditions(2, 8))
    assert isinstance(made, TokensGenerator)
    made.size, made.count = (2, 2), 4
    made.writer, made.codebook = (part.float() for part in writer_of((2, 2), 2, paper=1))
    every = torch.cartesian_prod(*[torch.tensor([0, 1, 2])] * 4)
    asked = rows(torch.tensor([2]), ["red"])
    with torch.inference_mode():
        inks = [ink_of(row[None], made.codebook) for row in every]
        nats_of = torch.stack([nats(made.guesses(ink, asked), ink, made.codebook, 4) for ink in inks])
        whole = ink_of(every, made.codebook)
        together = nats(made.guesses(whole, asked.expand(81, -1)), whole, made.codebook, 4)
        drawn = made.write(made.styles(torch.randn(20_000, 256), asked.expand(20_000, -1)))
    assert torch.isclose(nats_of.sum(), together, rtol=1e-4)
    expected = (-nats_of).exp()
    assert torch.isclose(expected.sum(), torch.tensor(1.0), atol=1e-4)
    often = (drawn @ torch.tensor([27, 9, 3, 1])).bincount(minlength=81) / 20_000
    assert (often - expected).abs().max() < 4 * (expected.max() / 20_000) ** 0.5


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
    drawn, left = chosen(likely, u, plain, none)
    torch.testing.assert_close(drawn.bincount() / 5000, torch.tensor([0.1, 0.6, 0.3]), atol=1e-3, rtol=0)
    assert drawn[0] == 1  # z = 0: the likeliest
    two, _ = chosen(likely, u, plain, none + 2)
    torch.testing.assert_close(two.bincount() / 5000, torch.tensor([0.0, 0.6667, 0.3333]), atol=1e-3, rtol=0)
    assert (chosen(likely, u, plain, none + 1)[0] == 1).all()
    assert (chosen(likely, u, 0 * plain + 1e-3, none)[0] == 1).all()
    tamer = chosen(likely, u, 0.5 * plain, none)[0].bincount() / 5000
    torch.testing.assert_close(tamer, torch.tensor([1.0, 36.0, 9.0]) / 46, atol=1e-3, rtol=0)
    assert (chosen(likely, torch.ones(5000).double(), plain, none)[0] == 0).all()  # of a z far out: the least likely
    for number in range(3):  # what is left is even, too
        rest = left[drawn == number]
        torch.testing.assert_close(rest, torch.linspace(0, 1, len(rest)).double(), atol=5e-3, rtol=0)


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
    codes, kept = torch.randint(12, (1, 64)) * 3, torch.arange(64) < 32
    written = made.write(made.given(styles, codes, kept))
    assert (written[:, :32] == codes[:, :32]).all()
    assert len(written[:, 32:].unique(dim=0)) == 3


def test_styles_of_strangers_are_checked():
    made = reading()
    styles = made.styles(torch.randn(1, 256), rows(torch.tensor([2]), ["red"]))[0]
    assert made.can_draw(styles)
    start = HEADER + 1 + made.words
    for place, value in ((1, 0.0), (2, -1.0), (3, 3.0), (3, 0.5), (4, 1e6), (start, 37.0), (start, -1.0)):
        changed = styles.clone()
        changed[0, place] = value
        assert not made.can_draw(changed)

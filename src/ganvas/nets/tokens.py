"""`tokens`: pictures as rows of codes that a transformer writes, one after the other. The design of DALL-E.

Parts that learn one after the other (Ramesh et al. 2021, sect. 2; Esser et al. 2021). First codes: a picture is a
coarse grid of squares, and a code is a kind of square. Then a decoder, from codes back to pictures, with D as the
critic of its pieces. Then a transformer: what was asked for, then the codes line by line, each as likely as it is among
the training pictures.

The papers learn an encoder for the codes, which took a desk's minutes and did less: after 100 CPU-seconds, one with
finite scalar quantisation (Mentzer et al. 2023) kept 93% of colours and 87% of shapes of `shapes` for a judge; k-means
of the bare squares kept 96% and 93% after 7 (docs/recipes/tokens.md).

The latent z is the die of each code, so that a work follows from its seed as those of every other recipe do: u =
2 Phi(|z|) - 1 is uniform for a normal z, and the code is the first, from the most likely on, at which the probabilities
add up to more than u; first whether it is paper, then which other one. So z = 0 is the most likely code, and
truncation, which shrinks z, draws the more typical.
"""

import copy
import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..config import Conditions, NetConfig, check, check_counts
from ..errors import UsageError
from ..registry import nets
from ..words import IDS, PIECE_BUCKETS, READ, WORD_BUCKETS
from .codebook import Codebook
from .generator import Generator
from .layers import bounded, centre_crop, grid, he, leaky, pad_to, shuffle, unshuffle, zeros
from .residual import Block, Down, Patches, Up
from .text import parted
from .transformer import HEADS, Guesses, Ink, Writer

GRID = 8
"""About so many codes on the shorter side."""
MOST_CODES = 4096
"""In the codebook, and in a picture."""
HEADER = 3
"""Numbers at the start of a term: its coefficient, the temperature, the number of codes to choose from (0: all)."""
SORTING, PAINTING, COMPETING, WRITING = range(4)
"""Stages of learning: the codes, the decoder alone, the decoder with its critic, the transformer."""


@nets.register("tokens")
@dataclass(frozen=True)
class Tokens(NetConfig):
    """A codebook, a decoder with its critic, and a transformer."""

    family: ClassVar[str] = "tokens"
    tokenizes: ClassVar[bool] = True
    kinds: int = 1024
    """Of squares."""
    details: int = 256
    """Of what a square is besides the mean of its kind; 1 for nothing."""
    width: int = 32
    """Channels of the decoder and the critic at half the pictures' resolution; they double once."""
    dim: int = 128
    """Numbers of a place in the transformer."""
    layers: int = 4
    """Of the transformer."""
    sorting_share: float = 0.04
    """Share of the run in which the codes are learned."""
    painting_share: float = 0.06
    """Share of the run in which the decoder learns; the transformer has the rest."""
    jitter: float = 0.0
    """Share of the shorter side by which pictures are moved at most while the transformer learns; 0 leaves them. With
    0.03 it learns fewer by heart and needs longer (docs/recipes/tokens.md)."""
    adversarial: float = 0.02
    """How much the critic counts beside the pixels, in the second half of the decoder's share; 0 leaves it out."""

    def __post_init__(self) -> None:
        check_counts(self, ("width", "dim"), 8192)
        check_counts(self, ("layers",), 100)
        check(2 <= self.kinds <= MOST_CODES, "kinds", self.kinds, f"from 2 to {MOST_CODES}")
        check(1 <= self.details <= MOST_CODES, "details", self.details, f"from 1 to {MOST_CODES}")
        check(self.dim % HEADS == 0, "dim", self.dim, f"a multiple of {HEADS}")
        for name in ("sorting_share", "painting_share"):
            check(0 < getattr(self, name) < 0.5, name, getattr(self, name), "above 0 and below 0.5")
        check(0 <= self.jitter <= 0.25, "jitter", self.jitter, "from 0 to 0.25")
        check(0 <= self.adversarial < math.inf, "adversarial", self.adversarial, "0 or more")

    def generator(self, shape: tuple[int, int, int], latent_dim: int, asked: int | Conditions) -> nn.Module:
        height, width = grid_of(shape)
        sizes_ok = min(shape[1:]) >= 16 and height * width <= MOST_CODES
        check(
            sizes_ok, f"the picture size for the net '{self.family}'", f"{shape[2]}x{shape[1]}", "16 px a side or more"
        )
        if Conditions.of(asked).encoder is not None:
            raise UsageError("Recipe 'tokens' reads captions word by word. Leave out --text-encoder, or use 'canvas'.")
        if latent_dim < height * width:
            raise UsageError(
                f"Pictures of {shape[2]}x{shape[1]} px are {width}x{height} codes, each with a number of the latent. "
                f"Use --latent-dim {height * width} or more, not {latent_dim}."
            )
        return TokensGenerator(self, shape, latent_dim, asked)

    def discriminator(self, shape: tuple[int, int, int], asked: int | Conditions) -> nn.Module:
        return TokensCritic(self, shape, asked)


def halvings(shape: tuple[int, int, int]) -> int:
    """How often the pictures' sides are halved, until the shorter one is `GRID` codes or nearly so; once at least."""
    return max(1, round(math.log2(min(shape[1:]) / GRID)))


def grid_of(shape: tuple[int, int, int]) -> tuple[int, int]:
    """Height and width of a picture in codes."""
    return grid(shape[1], halvings(shape)), grid(shape[2], halvings(shape))


class Decoder(nn.Module):
    """(n, numbers, height, width) squares -> (n, C, H, W) pictures in [-1, 1].

    What it paints is added to the squares as they are. Without the blur of other nets: what that would take away, the
    loss on pixels sees.
    """

    def __init__(self, config: Tokens, shape: tuple[int, int, int]) -> None:
        super().__init__()
        channels, self.height, self.width = shape
        self.halved = halvings(shape)
        narrow, wide = config.width, 2 * config.width
        widths = [wide] * (self.halved - 1) + [narrow]
        self.start = he(nn.Conv2d(channels * 4**self.halved, widths[0], 3, padding=1))
        self.levels = nn.ModuleList([Block(widths[0]), Block(widths[0])])
        for before, width in itertools.pairwise(widths):
            self.levels.extend([Up(before, width), Block(width)])
        self.paint = zeros(nn.Conv2d(widths[-1], 4 * channels, 3, padding=1))

    def forward(self, squares: Tensor) -> Tensor:
        x = self.start(squares)
        for level in self.levels:
            x = level(x)
        picture = shuffle(self.paint(leaky(x)))
        for _ in range(self.halved):
            squares = shuffle(squares)
        return bounded(centre_crop(squares + picture, self.height, self.width))


class TokensGenerator(Generator):
    """The codebook, the decoder and the transformer.

    Its styles are terms: (n, terms, HEADER + 1 + words + codes + codes). Each has a coefficient, the temperature and
    the number of codes to choose from; a label; the caption's words; codes that are given, plus 1 (0: to be written);
    z. The logarithms of the terms' probabilities are added up by their coefficients: classifier-free guidance (Ho &
    Salimans 2022) and mixtures of texts.
    """

    stage: Tensor
    steers = False

    def __init__(self, config: Tokens, shape: tuple[int, int, int], latent_dim: int, asked: int | Conditions) -> None:
        super().__init__()
        self.size, self.halved = grid_of(shape), halvings(shape)
        self.count = self.size[0] * self.size[1]
        self.resolutions, self.free_dims = (self.size[0],), 0
        self.words = READ * IDS if Conditions.of(asked).text_dim else 0
        numbers = shape[0] * 4**self.halved
        codes = (config.kinds, config.details, numbers)
        self.codebook, self.decoder = Codebook(*codes, shape[0]), Decoder(config, shape)
        self.writer = Writer(config.dim, config.layers, codes, self.size, asked)
        self.register_buffer("stage", torch.tensor(float(SORTING)))

    def styles(self, z: Tensor, label: Tensor) -> Tensor:
        """One term. z: (n, latent_dim), of which each code takes one."""
        label, words = parted(label)
        said = words.flatten(1)[:, : self.words]
        header = z.new_tensor([1.0, 1.0, 0.0])
        given = z.new_zeros(self.count)
        parts = [header, label[:, None], said, given, z[:, : self.count]]
        return torch.cat([part.to(z.dtype).expand(len(z), -1) for part in parts], dim=1)[:, None]

    def truncated(self, z: Tensor, label: Tensor, truncation: float) -> Tensor:
        """Codes nearer to the most likely ones."""
        return self.styles(truncation * z, label)

    def combined(self, parts: Sequence[Tensor], coefficients: Sequence[float]) -> Tensor:
        """As many terms as parts: probabilities are multiplied, each to the power of its coefficient."""
        terms = [part.clone() for part in parts]
        for term, coefficient in zip(terms, coefficients, strict=True):
            term[..., 0] *= coefficient
        return torch.cat(terms, dim=1)

    def tempered(self, styles: Tensor, temperature: float, top_k: int) -> Tensor:
        """temperature: below 1 the likely codes are likelier.   top_k: so many likeliest are chosen from; 0: all."""
        styles = styles.clone()
        styles[..., 1], styles[..., 2] = temperature, top_k
        return styles

    def given(self, styles: Tensor, codes: Tensor, kept: Tensor) -> Tensor:
        """Styles of works that have the codes, (n, count), where (count,) `kept` says so."""
        styles = styles.clone()
        start = HEADER + 1 + self.words
        styles[..., start : start + self.count] = ((codes + 1) * kept)[:, None].to(styles.dtype)
        return styles

    def can_draw(self, styles: Tensor) -> bool:
        """Whether labels, words and codes are whole numbers that there are."""
        header, label, said, given, _ = styles.split([HEADER, 1, self.words, self.count, self.count], dim=1)
        pieces = said.unflatten(1, (-1, IDS)) if self.words else said[:, None]
        limits = (
            (label, len(self.writer.labels.weight)),
            (pieces[..., :1], WORD_BUCKETS),
            (pieces[..., 1:], PIECE_BUCKETS),
            (given, len(self.codebook) + 1),
            (header[:, 2:], MOST_CODES + 1),
        )
        whole = all(bool(((part >= 0) & (part < most) & (part == part.round())).all()) for part, most in limits)
        return whole and bool((header[:, 1] > 0).all())

    def draw(self, styles: Tensor) -> Tensor:
        return self.painted(self.write(styles))

    def write(self, styles: Tensor) -> Tensor:
        """(n, terms, style_dim) -> (n, count) codes.

        In double precision, so that a work does not depend on how many are written at once.
        """
        writer, book = copy.deepcopy(self.writer).double(), copy.deepcopy(self.codebook).double()
        parts = styles.split([HEADER, 1, self.words, self.count, self.count], dim=2)
        (header, label, said, given, z), (n, terms) = parts, styles.shape[:2]
        coefficients = header[:, :, :1].double()
        temperature, top_k = header[:, 0, 1].double(), header[:, 0, 2].long()
        ids = F.pad(said.long(), (0, READ * IDS - self.words)).unflatten(2, (READ, IDS)).flatten(0, 1)
        forced, chances = given[:, 0].long() - 1, torch.erf(z[:, 0].double().abs() / math.sqrt(2))

        def product(logits: Tensor) -> Tensor:
            """Of the terms' probabilities."""
            return (logits.log_softmax(dim=1).unflatten(0, (n, terms)) * coefficients).sum(dim=1)

        def of_terms(x: Tensor) -> Tensor:
            return x.repeat_interleave(terms, dim=0)

        codes, rows = book.paper_code.repeat(n, self.count), torch.arange(n, device=z.device)
        place = torch.full_like(rows, -1)
        before: tuple[Tensor, Tensor] | None = None
        ahead, memory = writer.begin(label[..., 0].long().flatten(), ids)
        while True:
            likely = product(ahead) / temperature[:, None]
            is_ink, left = inked(likely, chances, top_k, place)
            is_ink = torch.where(forced >= 0, forced != book.paper_code, is_ink)
            place = first(is_ink, place)
            going = place < self.count
            if not going.any():
                return codes
            here = place.clamp(max=self.count - 1)  # rows that are done write on where nobody looks
            logits, memory = writer.come(of_terms(here), before, memory, book)
            kind, left = chosen(product(logits), left[rows, here], temperature, top_k)
            kind = torch.where(forced[rows, here] >= 0, book.parts(forced[rows, here])[0], kind)
            logits = writer.refined(memory.last, of_terms(kind), book)
            detail, _ = chosen(product(logits), left, temperature, top_k)
            code = torch.where(forced[rows, here] >= 0, forced[rows, here], book.joined(kind, detail))
            codes[rows[going], here[going]] = code[going]
            before = of_terms(code), of_terms(here)
            ahead = writer.go(*before, memory, book)

    def painted(self, codes: Tensor) -> Tensor:
        """(n, count) codes -> (n, C, H, W) pictures."""
        return self.decoder(self.codebook.squares(codes).unflatten(1, self.size).permute(0, 3, 1, 2))

    def squares(self, pictures: Tensor) -> Tensor:
        """(n, C, H, W) -> (n, count, numbers) squares of pixels, line by line."""
        x = pad_to(pictures, *(side * 2**self.halved for side in self.size)).contiguous()
        for _ in range(self.halved):
            x = unshuffle(x).contiguous()
        return x.permute(0, 2, 3, 1).flatten(1, 2)

    def codes(self, pictures: Tensor) -> Tensor:
        """(n, C, H, W) -> (n, count) codes, line by line.

        Each code sees its own square and nothing else, so that what looks the same has the same code wherever it
        stands. Convolutions that saw the neighbours, as in the papers, gave white paper a hundred codes.
        """
        return self.codebook(self.squares(pictures))

    def guesses(self, ink: Ink, label: Tensor) -> Guesses:
        """What comes at each place of ink and where the next one is, knowing what was asked and came before.

        label: (n,), or (n, ROW) conditions.
        """
        label, ids = parted(label)
        return self.writer(label, ids, ink, self.codebook)

    def entrances(self) -> list[tuple[int, Tensor]]:
        return []


def first(where: Tensor, after: Tensor) -> Tensor:
    """(n, count) bools, (n,) places -> (n,) the first place after these that is True; `count` for none."""
    numbers = torch.arange(where.shape[1], device=where.device)
    return torch.where(where & (numbers > after[:, None]), numbers, where.shape[1]).amin(dim=1)


def inked(likely: Tensor, chances: Tensor, top_k: Tensor, after: Tensor) -> tuple[Tensor, Tensor]:
    """At each place whether there is ink, if there was none since `after`; and what is left of its chance.

    likely: (n, count + 1) logits of where the next ink is.   chances: (n, count) in [0, 1].   top_k: (n,), 1: the
    likelier, whatever the chance.   after: (n,).
    Each place throws its own die, as it would if paper were one of its codes: of paper and ink, the likelier comes
    first, and what is left of the chance, in [0, 1] again, decides which ink.
    """
    numbers = torch.arange(chances.shape[1], device=likely.device)
    shares = likely.softmax(dim=1)
    still = shares.flip(1).cumsum(dim=1).flip(1)  # that no ink came before this place
    ink = (shares / still.clamp(min=1e-300))[:, :-1].masked_fill(numbers <= after[:, None], 0)
    is_paper_first = ink < 0.5
    drawn = torch.where(is_paper_first, chances >= 1 - ink, chances < ink) & (ink > 0)
    drawn = torch.where(top_k[:, None] == 1, ~is_paper_first, drawn)
    left = torch.where(is_paper_first, chances - (1 - ink), chances) / ink.clamp(min=1e-300)
    return drawn, left.clamp(0, 1)


def chosen(likely: Tensor, chances: Tensor, temperature: Tensor, top_k: Tensor) -> tuple[Tensor, Tensor]:
    """Of each row the first, from the likeliest on, at which probabilities add up to more than its chance, (n,).

    likely: (n, choices) logits.   chances: (n,) in [0, 1].   top_k: (n,) only so many are chosen from; 0 for all.
    The inverse of the distribution function (Devroye 1986, sect. III.2), along falling probabilities.
    returns: also what is left of the chance, in [0, 1] again, for a choice that follows.
    """
    falling, order = (likely / temperature[:, None]).sort(dim=1, descending=True, stable=True)
    count = likely.shape[1]
    most = torch.where(top_k > 0, top_k.clamp(max=count), count)[:, None]
    left_out = torch.arange(count, device=likely.device) >= most
    shares = falling.masked_fill(left_out, -math.inf).softmax(dim=1)
    sums = shares.cumsum(dim=1)
    aim = chances[:, None] * sums[:, -1:]
    place = (sums <= aim).sum(dim=1, keepdim=True).minimum(most - 1)
    share = shares.gather(1, place)
    left = (aim - sums.gather(1, place) + share) / share.clamp(min=1e-300)
    return order.gather(1, place)[:, 0], left[:, 0].clamp(0, 1)


class TokensCritic(nn.Module):
    """Whether pieces of pictures are real: (n, C, H, W), (n,) labels -> (n,) logits. Isola et al. 2017, sect. 3.2."""

    def __init__(self, config: Tokens, shape: tuple[int, int, int], asked: int | Conditions) -> None:
        super().__init__()
        self.padded = tuple(side + side % 2 for side in shape[1:])
        self.read = he(nn.Conv2d(4 * shape[0], config.width, 3, padding=1))
        self.levels = nn.ModuleList(
            [Block(config.width), Down(config.width, 2 * config.width), Block(2 * config.width)]
        )
        self.patches = Patches(2 * config.width, asked)

    def forward(self, pictures: Tensor, label: Tensor) -> Tensor:
        x = self.read(unshuffle(pad_to(pictures, *self.padded).contiguous()))
        for level in self.levels:
            x = level(x)
        return self.patches(x, label)

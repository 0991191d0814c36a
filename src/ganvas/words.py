"""Captions cut into words: one way of cutting for all that reads them."""

import unicodedata
import zlib
from collections import Counter
from collections.abc import Iterable
from functools import lru_cache

RARE = 5
"""A word seen fewer times than this can hardly be learned."""
LONGEST = 1000
"""Characters of a caption that are kept."""
MOST = 64
"""Captions of one picture that are kept."""
JOINERS = "\u200c\u200d"
"""Of the characters that cannot be seen, those that scripts and emoji need."""
LEARNABLE = 0.8
"""Share of all words, from which on captions are learned from unless one says otherwise: those of drawings that share
few words have 0.6, emoji with their variants 0.93.
"""
READ = 24
"""Words and marks of a caption that are read."""
PIECES = 10
"""Pieces of a word, of three characters each, that are read."""
IDS = 1 + PIECES
"""Numbers of a word: its own, then those of its pieces."""
WORD_BUCKETS, PIECE_BUCKETS = 4096, 2048
MARKS = ",;:、。"
"""What parts phrases. "red circle left, blue square" without its mark may as well say that the square is left."""
IDEOGRAPHS = ((0x3040, 0x30FF), (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF), (0x20000, 0x3FFFF))
"""Kana and Han: written without spaces, and each of them means something."""


def words_of(caption: str) -> list[str]:
    """Its words in order, in lower case and compatibility form (NFKC).

    A word is a run of letters, digits and what is set above them; an ideograph or an emoji is a word of its own; all
    else parts words.
    """
    return [word for word in read_of(caption) if word not in MARKS]


def read_of(caption: str) -> list[str]:
    """What a net reads of it: its words, and between them the last of `MARKS`, if any."""
    words: list[str] = []
    mark = ""
    is_open = False  # whether the next letter goes on with the last word

    def add(char: str) -> None:
        nonlocal mark
        words.extend([mark, char] if mark and words else [char])
        mark = ""

    for char in unicodedata.normalize("NFKC", caption).casefold():
        category = unicodedata.category(char)
        if category == "So" or any(low <= ord(char) <= high for low, high in IDEOGRAPHS):
            add(char)
            is_open = False
        elif char.isalnum() or (is_open and category[0] == "M"):
            if is_open:
                words[-1] += char
            else:
                add(char)
            is_open = True
        else:
            mark = char if char in MARKS else mark
            is_open = False
    return words


def ids_of(caption: str) -> list[int]:
    """`READ` * `IDS` numbers: of each word a number in [0, WORD_BUCKETS) and those of its pieces in [0, PIECE_BUCKETS).

    0 is nothing. Numbers are hashes, so there is no list of words to keep, and a word never seen has pieces that were:
    Weinberger et al. 2009; Bojanowski et al. 2017, sect. 3.2.
    """
    ids = [number for word in read_of(caption)[:READ] for number in _ids_of_word(word)]
    return ids + [0] * (READ * IDS - len(ids))


@lru_cache(maxsize=100_000)
def _ids_of_word(word: str) -> tuple[int, ...]:
    framed = f"<{word}>"
    pieces = [framed[start : start + 3] for start in range(len(framed) - 2)][:PIECES] if len(word) > 1 else []
    numbers = [hashed(word, WORD_BUCKETS), *(hashed(piece, PIECE_BUCKETS) for piece in pieces)]
    return (*numbers, *[0] * (IDS - len(numbers)))


def hashed(text: str, buckets: int) -> int:
    """From 1 to buckets - 1, the same in every process."""
    return 1 + zlib.crc32(text.encode(errors="replace")) % (buckets - 1)


def tidy(captions: Iterable[str]) -> tuple[str, ...]:
    """At most `MOST` different captions, each on one line of at most `LONGEST` characters; empty ones are left out.

    Control characters, what turns the direction of text, and lone surrogates are taken out.
    """
    lines = (" ".join(visible(caption).split())[:LONGEST].rstrip() for caption in captions)
    return tuple(dict.fromkeys(line for line in lines if line))[:MOST]


def visible(text: str) -> str:
    def is_seen(char: str) -> bool:
        return char.isspace() or char in JOINERS or unicodedata.category(char) not in ("Cc", "Cf", "Cs")

    return "".join(filter(is_seen, text))


class Tally:
    """How often each word was seen, and how many pictures have captions. Grows with the number of words."""

    def __init__(self) -> None:
        self.pictures = 0
        self.captions = 0
        self.words: Counter[str] = Counter()

    def add(self, captions: Iterable[str]) -> None:
        """A picture's."""
        captions = list(captions)
        self.pictures += bool(captions)
        self.captions += len(captions)
        for caption in captions:
            self.words.update(words_of(caption))

    def learnable(self) -> float:
        """Share of all words read that were seen often enough to be learned, in [0, 1]; 0 of none."""
        often = sum(count for count in self.words.values() if count >= RARE)
        return often / max(1, self.words.total())

    def sentence(self) -> str:
        """For people: what there is to learn from."""
        rare = sum(1 for count in self.words.values() if count < RARE)
        seen = f"each seen at least {RARE} times"
        if rare:
            seen = f"{rare:,} of them seen fewer than {RARE} times: what these mean can hardly be learned"
        if self.learnable() < LEARNABLE:
            seen += ". So they are learned from with --captions on only"
        return (
            f"captions: {self.captions:,} for {self.pictures:,} pictures, {len(self.words):,} different words, {seen}"
        )

"""Captions cut into words: one way of cutting for all that reads them."""

import unicodedata
from collections import Counter
from collections.abc import Iterable

RARE = 5
"""A word seen fewer times than this can hardly be learned."""
LONGEST = 1000
"""Characters of a caption that are kept."""
MOST = 64
"""Captions of one picture that are kept."""
JOINERS = "\u200c\u200d"
"""Of the characters that cannot be seen, those that scripts and emoji need."""
IDEOGRAPHS = ((0x3040, 0x30FF), (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF), (0x20000, 0x3FFFF))
"""Kana and Han: written without spaces, and each of them means something."""


def words_of(caption: str) -> list[str]:
    """Its words in order, in lower case and compatibility form (NFKC).

    A word is a run of letters, digits and marks; an ideograph or an emoji is a word of its own; all else parts words.
    """
    words: list[str] = []
    is_open = False  # whether the next letter goes on with the last word
    for char in unicodedata.normalize("NFKC", caption).casefold():
        category = unicodedata.category(char)
        if category == "So" or any(low <= ord(char) <= high for low, high in IDEOGRAPHS):
            words.append(char)
            is_open = False
        elif char.isalnum() or (is_open and category[0] == "M"):
            if is_open:
                words[-1] += char
            else:
                words.append(char)
            is_open = True
        else:
            is_open = False
    return words


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

    def sentence(self) -> str:
        """For people: what there is to learn from."""
        rare = sum(1 for count in self.words.values() if count < RARE)
        seen = f"{rare:,} of them seen fewer than {RARE} times: what these mean can hardly be learned"
        return (
            f"captions: {self.captions:,} for {self.pictures:,} pictures, {len(self.words):,} different words, "
            f"{seen if rare else f'each seen at least {RARE} times'}"
        )

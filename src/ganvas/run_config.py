"""`RunConfig`: what a run is, as `run.json` and the header of a model's file say it."""

from dataclasses import dataclass, replace
from pathlib import Path

from .config import Budget, Conditions, Recipe, TextEncoder, check
from .sources.artwork import printable
from .words import LONGEST

FORMAT = 1
MOST_CAPTIONS = 256
MOST_WORDS = 20_000
"""Known by name; rarer ones are learned from, too, but nobody is told that they are known."""


@dataclass(frozen=True)
class RunConfig:
    """What `run.json` stores: all that is needed to go on with a run, or to make it again."""

    recipe: Recipe
    budget: Budget
    seed: int
    shape: tuple[int, int, int]
    """Channels, height, width of the pictures."""
    label_names: tuple[str, ...]
    """Empty for a run without labels."""
    label_counts: tuple[int, ...]
    """Training pictures of each label."""
    data: str
    """What the user called the pictures."""
    data_digest: str
    """Of the prepared pictures' content."""
    versions: tuple[str, ...] = ()
    """Of ganvas, Python and torch when the run began."""
    parent: str | None = None
    """The run that this one grew out of."""
    words: tuple[str, ...] = ()
    """Those of the captions that it learns from, the most frequent first; empty for a run without captions."""
    captions: tuple[tuple[str, int], ...] = ()
    """Some of these captions, each with the number of its picture's label: works that nobody asked for show them."""
    text_encoder: TextEncoder | None = None
    """The sentence model that reads captions; None: each net reads them itself."""
    format: int = FORMAT

    def __post_init__(self) -> None:
        good = len(self.shape) == 3 and self.shape[0] in (1, 3, 4) and all(8 <= side <= 1024 for side in self.shape[1:])
        check(good, "shape", self.shape, "channels (1, 3 or 4), height and width (8 to 1024)")
        names, counts = self.label_names, self.label_counts
        fits = len(names) == len(counts) and all(count >= 0 for count in counts) and (sum(counts) > 0 or not names)
        check(fits, "label_counts", counts, f"a number of pictures for each of {len(names)} labels")
        check(all(printable(name) == name for name in names), "label_names", names, "free of control characters")
        check(len(self.words) <= MOST_WORDS, "words", f"{len(self.words)} words", f"at most {MOST_WORDS} words")
        check(all(printable(word) == word for word in self.words), "words", "others", "free of control characters")
        good = len(self.captions) <= MOST_CAPTIONS and all(
            printable(text) == text and 0 < len(text) <= LONGEST and 0 <= label <= len(names)
            for text, label in self.captions
        )
        check(good, "captions", f"{len(self.captions)} of them", f"at most {MOST_CAPTIONS} texts with their labels")

    @property
    def asked(self) -> Conditions:
        """What works can be asked for by."""
        return Conditions(len(self.label_names), self.recipe.text_dim if self.words else 0, self.text_encoder)

    def to_travel(self) -> "RunConfig":
        """The same without this machine's folders: of a sentence model's path only its name is left."""
        if self.text_encoder is None:
            return self
        name = Path(self.text_encoder.path).name or "model"
        return replace(self, text_encoder=replace(self.text_encoder, path=name))

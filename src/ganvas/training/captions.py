"""Which captions a step's pictures come with, their own and another's: functions of the step's random numbers."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..config import TextEncoder
from ..dataset import Dataset
from .reading import as_numbers

ALIKE = 0.5
"""Share of the other captions that belong to pictures of the same label: what these do not say is the finer part."""
BETWEEN = 0.5
"""Share of the pictures without a caption whose works are asked for what lies between two captions."""


@dataclass(frozen=True)
class Said:
    """What n pictures come with: (n, ROW) conditions each."""

    own: Tensor
    """One of a picture's captions, or none."""
    other: Tensor
    """Of another picture; the same as `own` where that has none, or where what was drawn is said of it, too."""
    ends: tuple[Tensor, Tensor]
    """Two captions each, between which the work in the picture's place is drawn, where `share` is above 0."""
    share: Tensor
    """(n,) from the first to the second: 0, or between 0 and 1."""


class Captions:
    """The captions of pictures as numbers of words, in memory: half a kilobyte each, or a sentence model's vector.

    indices: the pictures learned from, among which others' captions are looked for.   encoder: None for words.
    """

    def __init__(self, dataset: Dataset, indices: np.ndarray, encoder: TextEncoder | None = None) -> None:
        captions = dataset.captions()
        self.starts = np.cumsum([0, *(len(of_one) for of_one in captions)])
        self.ids = as_numbers([text for of_one in captions for text in of_one], encoder)
        said = np.array([work for work in indices if captions[work]], np.int64)
        labels = dataset.labels[said]
        self.labels = dataset.labels
        self.said = said
        self.alike = {label: said[labels == label] for label in np.unique(labels).tolist()}

    def said_of(self, chosen: np.ndarray, label: Tensor, null_share: float, rng: torch.Generator) -> Said:
        """What the chosen pictures come with.

        Each has one of its captions, or, for a share `null_share`, none. The others are captions of another picture,
        half of them of one with the same label (Reed et al. 2016, sect. 4.2: real pictures with mismatching text).
        Half of those without ask for a work between both: nobody can say what suits it, so D is told of no caption
        (ibid., sect. 4.3, eq. 5, where D is told of the mixture).   label: (n,)
        """
        size = len(chosen)
        which, null, kind, place, other_which, share = torch.rand(6, size, generator=rng).numpy()
        known = self._of(chosen, which)
        partners = np.array([self._partner(*one) for one in zip(chosen, kind, place, strict=True)])
        others = self._of(partners, other_which)
        silent, between = null < null_share, null < BETWEEN * null_share
        own = np.where(silent[:, None], 0, known)
        right = [self._is_said_of(work, one) for work, one in zip(chosen, others, strict=True)]
        none = (own[:, 0] == 0) | (others[:, 0] == 0) | np.array(right)
        mixes = between & (known[:, 0] > 0) & (others[:, 0] > 0)

        def rows(ids: np.ndarray) -> Tensor:
            return torch.cat([label[:, None], torch.from_numpy(ids)], dim=1)

        other = np.where(none[:, None], own, others)
        return Said(rows(own), rows(other), (rows(known), rows(others)), torch.from_numpy(share * mixes))

    def _is_said_of(self, work: int, ids: np.ndarray) -> bool:
        """Whether these are the words of one of the picture's own captions."""
        return bool((self.ids[self.starts[work] : self.starts[work + 1]] == ids).all(axis=1).any())

    def _partner(self, work: int, kind: float, place: float) -> int:
        """A picture with a caption, by chance."""
        alike = self.alike.get(int(self.labels[work]))
        among = self.said if kind >= ALIKE or alike is None or len(alike) < 2 else alike
        return int(among[int(place * len(among))])

    def _of(self, works: np.ndarray, which: np.ndarray) -> np.ndarray:
        """(n, numbers): of each picture the caption at a place in [0, 1) of its captions; zeros of none."""
        counts = self.starts[works + 1] - self.starts[works]
        places = self.starts[works] + (which * counts).astype(np.int64)
        kind = np.int64 if self.ids.dtype == np.int16 else self.ids.dtype
        found = np.zeros((len(works), self.ids.shape[1]), kind)
        found[counts > 0] = self.ids[places[counts > 0]]
        return found

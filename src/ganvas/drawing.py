"""From seeds to pictures: what a model, an evaluation and a judge during training share."""

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .config import check
from .errors import UnknownName, UsageError
from .nets.dual import Dual
from .nets.generator import Generator
from .nets.text import parted
from .prompts import Prompt, rows, styles_of
from .registry import nearest
from .run_config import RunConfig
from .tensors import as_floats, seeded, to_uint8

BATCH = 100
"""Works drawn at once."""


class Drawer:
    """Draws by a generator. Everything about a work follows from its seed.

    generator: in evaluation mode, on `device`; it is only looked at.   name: what errors call the model.
    """

    def __init__(self, generator: nn.Module, config: RunConfig, name: str, device: torch.device) -> None:
        self.generator, self.config, self.name, self.device = generator, config, name, device
        self.labels, self.encoder = config.label_names, config.text_encoder

    def pixels(
        self,
        seeds: Sequence[int],
        *,
        label: str | int | None = None,
        truncation: float = 1.0,
        prompt: Prompt | None = None,
        batch_size: int = BATCH,
    ) -> Iterator[np.ndarray]:
        """The works of `seeds` as (n, H, W, C) uint8 arrays of up to `batch_size`; for many, in flat memory.

        label, truncation: as in `ganvas.Model.sample`. Raises UnknownName, UsageError.
        """
        check(0 <= truncation <= 1, "truncation", truncation, "between 0 and 1")
        for start in range(0, len(seeds), batch_size):
            part = seeds[start : start + batch_size]
            if isinstance(self.generator, Generator):
                yield self.drawn(self.styles(part, label, truncation, prompt))
                continue
            z, y = self._asked(part, label)
            with torch.inference_mode():  # a normal latent's mean is 0, so truncation towards it is a factor
                yield to_uint8(self.generator(z * truncation, y), self.config.recipe.tones)

    def styles(
        self,
        seeds: Sequence[int],
        label: str | int | None = None,
        truncation: float = 1.0,
        prompt: Prompt | None = None,
    ) -> Tensor:
        """(n, layers, style_dim) styles of the seeds' works; for generators that have them.

        prompt: what they are to show; they then have no label unless one is given. Raises UsageError where the model
        learned without captions.
        """
        check(0 <= truncation <= 1, "truncation", truncation, "between 0 and 1")
        generator: Any = self.generator
        with torch.inference_mode():
            if prompt is None:
                return generator.truncated(*self._asked(seeds, label), truncation).contiguous()
            self._check_reads()
            unlabelled = [len(self.labels)] * len(seeds)
            numbers = torch.tensor(unlabelled if label is None else self.label_numbers(seeds, label)).to(self.device)
            found = []
            for place in range(prompt.best_of):
                z = torch.stack([self.latent(seed, place) for seed in seeds]).to(self.device)
                found.append(styles_of(prompt, generator, z, numbers, truncation, self.encoder))
            return found[0].contiguous() if prompt.best_of == 1 else self._best(torch.stack(found, dim=1), prompt)

    def _best(self, styles: Tensor, prompt: Prompt) -> Tensor:
        """(n, tries, layers, style_dim) -> of each the try that suits the prompt best, (n, layers, style_dim).

        Each work's tries are compared by themselves, so that what is kept does not depend on how many are asked for.
        """
        matches = torch.stack([self.match(self.drawn(tries), prompt) for tries in styles])
        return styles[torch.arange(len(styles), device=styles.device), matches.argmax(dim=1)].contiguous()

    @property
    def towers(self) -> Dual | None:
        """What tells how well pictures suit a text; None where the model learned without captions, or without them."""
        return self.generator.dual if isinstance(self.generator, Generator) else None

    def match(self, pictures: np.ndarray, prompt: Prompt) -> Tensor:
        """(n,) how well pictures suit a prompt's texts: cosines, -1 to 1, of the towers that G learned beside.

        pictures: (n, H, W, C) uint8. No judge of the model: its works were drawn towards what the towers think.
        Raises UsageError where it learned without them.
        """
        self._check_reads()
        dual = self.towers
        if dual is None:
            raise UsageError(f"{self.name} cannot tell what suits a text: it learned with --no-towers.")
        unlabelled = torch.zeros(len(prompt.texts), dtype=torch.long, device=self.device)
        shares = torch.tensor(prompt.shares or [1.0] * len(prompt.texts), device=self.device)
        with torch.inference_mode():
            said = shares @ dual.read(parted(rows(unlabelled, prompt.texts, self.encoder))[1])
            seen = dual.see(as_floats(pictures, self.device, self.config.recipe.tones))
            return F.cosine_similarity(seen, said[None], dim=1)

    def to_order(self, seeds: Sequence[int], captions: Sequence[str]) -> np.ndarray:
        """(n, H, W, C) uint8: the work of each seed by its own caption, without a label, as learned.

        Raises UsageError where the model learned without captions.
        """
        self._check_reads()
        unlabelled = torch.full((len(seeds),), len(self.labels), device=self.device)
        generator: Any = self.generator
        with torch.inference_mode():
            return self.drawn(generator.styles(self._latents(seeds), rows(unlabelled, captions, self.encoder)))

    def drawn(self, styles: Tensor) -> np.ndarray:
        """(n, layers, style_dim) -> (n, H, W, C) uint8. The same styles always give the same picture."""
        generator: Any = self.generator
        with torch.inference_mode():  # contiguous: how they lie in memory decides the last bits of sums
            return to_uint8(generator.draw(styles.contiguous().to(self.device)), self.config.recipe.tones)

    def _asked(self, seeds: Sequence[int], label: str | int | None) -> tuple[Tensor, Tensor]:
        """Latents z and numbers of labels, or conditions where there are captions."""
        numbers = torch.tensor(self.label_numbers(seeds, label)).to(self.device)
        if not self.config.asked.text_dim:
            return self._latents(seeds), numbers
        told = [self.caption_of(seed) if label is None else "" for seed in seeds]
        return self._latents(seeds), rows(numbers, told, self.encoder)

    def by_chance(self, count: int, rng: torch.Generator) -> Tensor:
        """(count,) labels, or conditions where there are captions, in the proportion in which they were learned."""
        if self.config.captions:
            chosen = torch.randint(len(self.config.captions), (count,), generator=rng).tolist()
            told = [self.config.captions[one] for one in chosen]
            found = rows(torch.tensor([label for _, label in told]), [text for text, _ in told], self.encoder)
        elif self.labels:
            found = torch.multinomial(self._label_weights, count, replacement=True, generator=rng)
        else:
            found = torch.zeros(count, dtype=torch.long)
        return found.to(self.device)

    def _check_reads(self) -> None:
        if not self.config.asked.text_dim:
            raise UsageError(
                f"{self.name} learned from pictures without captions; leave out the text, or ask by label."
            )

    def _latents(self, seeds: Sequence[int]) -> Tensor:
        return torch.stack([self.latent(seed) for seed in seeds]).to(self.device)

    def latent(self, seed: int, place: int = 0) -> Tensor:
        """z of a seed: (latent_dim,) normals that depend on the seed alone.   place: 0, or which of further tries."""
        name = f"latent {place}" if place else "latent"
        return torch.randn(self.config.recipe.latent_dim, generator=seeded(seed, name))

    def label_numbers(self, seeds: Sequence[int], label: str | int | None = None) -> list[int]:
        """The number of each work's label; `len(labels)` is the null label. Raises UnknownName, UsageError."""
        if label is None and self.config.captions:
            return [self._told(seed)[1] for seed in seeds]
        if label is None and self.labels:
            return [self._label_of(seed) for seed in seeds]
        if label is None or (str(label) == "none" and "none" not in self.labels):
            return [len(self.labels)] * len(seeds)
        if not self.labels:
            raise UsageError(f"{self.name} learned without labels; leave out the label {label!r}.")
        if str(label) not in self.labels:
            raise UnknownName(f"No label {str(label)!r} in {self.name}.{nearest(str(label), self.labels)}")
        return [self.labels.index(str(label))] * len(seeds)

    def caption_of(self, seed: int) -> str:
        """The caption that a work shows which nobody asked for anything: one that was learned from; "" without any."""
        return self._told(seed)[0] if self.config.captions else ""

    def _told(self, seed: int) -> tuple[str, int]:
        chosen = torch.randint(len(self.config.captions), (), generator=seeded(seed, "caption"))
        return self.config.captions[int(chosen)]

    @cached_property
    def _label_weights(self) -> Tensor:
        return torch.tensor(self.config.label_counts, dtype=torch.float64)

    def _label_of(self, seed: int) -> int:
        return int(torch.multinomial(self._label_weights, 1, generator=seeded(seed, "label")))

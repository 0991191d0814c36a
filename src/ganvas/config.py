"""Settings as frozen dataclasses, checked when made, to and from JSON. No torch here.

A recipe is data: `run.json` stores the resolved recipe, so a run outlives edits to the recipe's file.
"""

import dataclasses
import math
import re
import types
import typing
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal, TypeVar

from tyro.conf import Suppress

from .errors import UsageError
from .registry import games, nearest, nets

T = TypeVar("T")

EVERY = re.compile(r"([0-9]*\.?[0-9]+(?:e[-+]?[0-9]+)?) *(m|min|minutes?|kimg)?")


def check(good: bool, name: str, value: object, expected: str) -> None:
    """Raises UsageError unless `good`: what was expected of the setting `name`, and what came."""
    if not good:
        raise UsageError(f"{name} must be {expected}, got {value!r}.")


def check_counts(settings: object, names: Sequence[str], most: int) -> None:
    """Raises UsageError unless each of these settings is a whole number from 1 to `most`.

    The bound keeps a slip of the finger, or a stranger's file, from asking for more memory than any machine has.
    """
    for name in names:
        value = getattr(settings, name)
        check(type(value) is int and 1 <= value <= most, name, value, f"a whole number of at least 1, at most {most}")


@dataclass(frozen=True)
class TextEncoder:
    """A sentence model that reads captions, in the place of a reader inside each net: `ganvas.sentences`."""

    path: str
    """The folder where it lies; in the file of a generator, which travels, only what that folder is called."""
    dim: int
    """Numbers of a caption's vector."""
    fingerprint: str
    """SHA-256 of its weights, and of what cuts captions for it."""

    def __post_init__(self) -> None:
        good = 0 < len(self.path) <= 4096 and self.path.isprintable()
        check(good, "text_encoder", self.path, "a path of printable characters")
        check(1 <= self.dim <= 65_536, "text_encoder.dim", self.dim, "from 1 to 65536")
        good = re.fullmatch("[0-9a-f]{64}", self.fingerprint) is not None
        check(good, "text_encoder.fingerprint", self.fingerprint, "64 hexadecimal digits")


@dataclass(frozen=True)
class Conditions:
    """What works can be asked for by: one of so many labels, a caption, both, or nothing.

    To the nets they are whole numbers: (n,) labels in [0, labels], the last one for none; where there are captions,
    (n, 1 + READ * IDS) rows of a label and what `ganvas.words.ids_of` makes of a caption. Where a sentence model reads
    captions rows are float32, (n, 2 + encoder.dim): a label, 1 or 0 for whether there is a caption, its vector.
    """

    labels: int = 0
    text_dim: int = 0
    """Numbers that a caption becomes inside a net; 0: there are no captions."""
    encoder: TextEncoder | None = None
    """The sentence model that reads captions; None: each net reads them itself."""

    @classmethod
    def of(cls, asked: "int | Conditions") -> "Conditions":
        """asked: a number of labels will do."""
        return asked if isinstance(asked, Conditions) else cls(asked)


@dataclass(frozen=True)
class NetConfig:
    """Base of a net family's settings. A family's subclass builds both of its nets from the pictures' shape."""

    family: ClassVar[str]
    """The family's name in the registry `nets`."""
    learned_from: ClassVar[tuple[str, ...]] = ()
    """Features (registry `features`) whose net has a part in training these: works are made to please it, so it is no
    judge of them, and evaluations rule it out."""
    projects: ClassVar[bool] = False
    """Whether D has a fixed part before the one that learns: a method `project`, (n, C, H, W) pictures -> (n, numbers),
    whose result D takes in the place of pictures. R1 and R2 are then taken at these numbers."""

    tokenizes: ClassVar[bool] = False
    """Whether G writes pictures as codes (nets/tokens.py), in the place of a game between two nets."""

    maps: ClassVar[bool] = False
    """Whether G has a mapping network and a buffer `path_mean`, so that its paths can be regularised."""

    def levels(self, shape: tuple[int, int, int]) -> int:
        """How many sizes of pictures the nets learn one after the other; more than 1: they have a buffer `level`."""
        return 1

    def finest(self, discriminator: Any, levels: int) -> "Sequence[Any]":
        """The modules of D that see the finest `levels` levels of pictures. Raises UsageError if it has no levels."""
        raise UsageError(f"Nets of the family '{self.family}' have no levels to freeze. Leave out --freeze-d.")

    def generator(self, shape: tuple[int, int, int], latent_dim: int, asked: int | Conditions) -> Any:
        """G: (n, latent_dim) latents and (n,) labels in [0, labels] -> (n, *shape) pictures, nominally in [-1, 1],
        on the recipe's scale of `tones`. With captions rows, as in `Conditions`, take the place of labels.
        """
        raise UsageError(f"{type(self).__name__} is not a net family; use one of: {', '.join(nets.names())}.")

    def discriminator(self, shape: tuple[int, int, int], asked: int | Conditions) -> Any:
        """D: (n, *shape) pictures and (n,) labels in [0, labels] -> (n,) logits. Label `labels` means unlabelled.

        (k, n) labels, k for each picture, give (k, n) logits where labels > 1, and so do k rows for each.
        """
        raise UsageError(f"{type(self).__name__} is not a net family; use one of: {', '.join(nets.names())}.")


AUGMENTATIONS = ("blit", "geometry", "colour", "filter", "noise", "cutout", "shift", "tint")
"""Groups of changes to pictures; training/augment.py has them."""
MOST_AUGMENT_P = 0.8
"""Augmentations begin to leak into works above it. Karras et al. 2020, sect. 3.2."""


@dataclass(frozen=True)
class Recipe:
    """All that decides how a run learns, besides the pictures, the seed and the length."""

    name: Annotated[str, Suppress]
    """The recipe's name; not an option of the command line."""
    net: NetConfig
    """The two nets."""
    latent_dim: int = 64
    """Normals in a latent z."""
    game: str = "relativistic"
    """What D and G play for: minimax, nonsaturating, hinge, wasserstein or relativistic."""
    r1_gamma: float = 0.0
    """Weight of the gradient penalty at real pictures (R1); 0 is off."""
    r2_gamma: float = 0.0
    """Weight of the gradient penalty at generated pictures (R2); 0 is off."""
    gamma_detail: float | None = None
    """The two gammas are meant for pictures with this much detail (training/detail.py), and scaled to yours; None:
    taken as they are. MNIST has 108."""
    penalty_every: int = 1
    """R1 and R2 at every so many steps only, so many times as strong: nearly the same effect for fewer operations."""
    wgan_gp_lambda: float = 0.0
    """Weight of the gradient penalty between real and generated pictures (WGAN-GP); 0 is off."""
    path_length: float = 0.0
    """Weight of the penalty on paths that change works unevenly, for nets with a mapping network; 0 is off."""
    path_every: int = 8
    """That penalty at every so many steps only, so many times as strong."""
    matching: float = 0.0
    """Weight of D's telling real pictures with their own label from the same with another's; 0 is off."""
    towers: bool = True
    """With captions, two small towers learn from real pictures which caption is whose; they choose the best of several
    works."""
    pairing: float = 0.0
    """Weight of the slope by which the towers bring works nearer to their captions; 0 is off."""
    simultaneous: bool = False
    """Both nets move at once, from one pass of each, instead of in turn: a fifth fewer operations. Not with WGAN-GP."""
    tones: Literal["linear", "sine"] = "linear"
    """The scale on which nets see and paint levels of grey and colour. linear: as pictures store them. sine: those near
    black and white are drawn apart, so that backgrounds come out clean."""
    precision: Literal["auto", "float32"] = "auto"
    """auto: products in bfloat16 where the machine has instructions for it (GPUs, newer server CPUs), else float32."""
    batch_size: int = 32
    """Pictures a step, over all processes together."""
    batch_growth: int = 1
    """Batches grow to so many times their size over the run, but never above a thousandth of the pictures seen: many
    small steps first, well averaged ones last."""
    generator_lr: float = 1e-3
    """Adam's learning rate for G at the start."""
    discriminator_lr: float = 1e-3
    """Adam's learning rate for D at the start."""
    final_lr_share: float = 0.1
    """Both learning rates fall to this share of their start along a cosine over the run; 1 keeps them."""
    warm_up_kimg: float = 0.0
    """Both learning rates rise from 0 over the first thousands of pictures; 0 starts with them as they are."""
    betas: tuple[float, float] = (0.0, 0.99)
    """Adam's decay rates of the first and the second moment."""
    ema_half_life_kimg: float = 10.0
    """Half-life of the averaged generator, in thousands of pictures."""
    ema_share: float = 0.05
    """The half-life never exceeds this share of the pictures seen so far, so that short runs forget their start."""
    null_label: float = 0.1
    """Share of the pictures trained without their label, so that the model also draws unconditionally; likewise of
    those trained without their caption."""
    text_dim: int = 64
    """Numbers that a caption becomes, where pictures have captions; 0 does not read them."""
    likeness_kimg: Annotated[float | None, Suppress] = None
    """Thousands of grey 32-px pictures until works first resemble them, by eye; for the estimate at the start."""
    augment: tuple[str, ...] = ()
    """How pictures are changed at random before D sees them, so that few pictures last: blit, geometry, colour, filter,
    noise, cutout (those of ADA), shift, tint, cutout (those of DiffAugment). Works are like the unchanged pictures."""
    augment_by: Literal["overfitting", "ramp", "fixed"] = "overfitting"
    """What sets the probability of each change: how far D knows its pictures by heart, the time, or nothing."""
    augment_p: float = 0.8
    """The highest probability of each change, at most 0.8: above it works begin to look changed."""
    mirror: bool = False
    """Half of the pictures are seen as in a mirror. Works will be, too: not for letters and signatures."""
    freeze_d: int = 0
    """So many of D's finest levels stay as the run of --from left them: what edges and colours are does not change."""
    evaluate_each_epoch: bool = False
    """After each epoch, judge D and G on held-out pictures."""
    holdout: float = 0.1
    """Share of the pictures kept from training, chosen by their content and the seed, so that copying and overfitting
    can be seen; 0 trains on all."""

    def __post_init__(self) -> None:
        games.get(self.game)
        check_counts(self, ("latent_dim", "batch_size", "batch_growth", "penalty_every", "path_every"), 65_536)
        for name in ("generator_lr", "discriminator_lr", "ema_half_life_kimg"):
            check(0 < getattr(self, name) < math.inf, name, getattr(self, name), "a number above 0")
        detail = self.gamma_detail
        check(detail is None or 0 < detail < math.inf, "gamma_detail", detail, "a number above 0, or None")
        for name in ("warm_up_kimg", "r1_gamma", "r2_gamma", "wgan_gp_lambda", "matching", "pairing", "path_length"):
            check(0 <= getattr(self, name) < math.inf, name, getattr(self, name), "0 or more")
        check(self.towers or not self.pairing, "pairing", self.pairing, "0 without towers")
        check(type(self.text_dim) is int and 0 <= self.text_dim <= 4096, "text_dim", self.text_dim, "from 0 to 4096")
        check(self.text_dim % 4 == 0, "text_dim", self.text_dim, "a multiple of 4")
        for name in ("final_lr_share", "ema_share", "null_label"):
            check(0 <= getattr(self, name) <= 1, name, getattr(self, name), "between 0 and 1")
        unknown = [name for name in self.augment if name not in AUGMENTATIONS]
        check(not unknown, "augment", " ".join(unknown), f"some of {', '.join(AUGMENTATIONS)}")
        by = ("overfitting", "ramp", "fixed")
        check(self.augment_by in by, "augment_by", self.augment_by, "overfitting, ramp or fixed")
        check(0 <= self.augment_p <= MOST_AUGMENT_P, "augment_p", self.augment_p, f"from 0 to {MOST_AUGMENT_P}")
        check(self.tones in ("linear", "sine"), "tones", self.tones, "linear or sine")
        check(self.precision in ("auto", "float32"), "precision", self.precision, "auto or float32")
        check(self.net.maps or not self.path_length, "path_length", self.path_length, "0 for nets that map no latent")
        check(not (self.net.tokenizes and self.augment), "augment", self.augment, "empty for nets of tokens")
        turns = not (self.simultaneous and self.wgan_gp_lambda)
        check(turns, "simultaneous", self.simultaneous, "off with wgan_gp_lambda, whose critic moves by itself")
        check(type(self.freeze_d) is int and 0 <= self.freeze_d <= 16, "freeze_d", self.freeze_d, "from 0 to 16")
        check(0 <= self.holdout < 1, "holdout", self.holdout, "at least 0 and below 1")
        check(all(0 <= beta < 1 for beta in self.betas), "betas", self.betas, "two numbers from 0 to below 1")


@dataclass(frozen=True)
class Budget:
    """How long a run is: by minutes of training, by thousands of pictures seen, or by epochs."""

    unit: Literal["minutes", "kimg", "epochs"]
    amount: float

    def __post_init__(self) -> None:
        check(self.unit in ("minutes", "kimg", "epochs"), "the length's unit", self.unit, "minutes, kimg or epochs")
        check(0 < self.amount < math.inf, self.unit, self.amount, "above 0")

    def __str__(self) -> str:
        return f"{self.amount:g} {self.unit}"

    def total_images(self, images_per_epoch: int) -> float | None:
        """Pictures D will have seen at the end; None for a length in minutes."""
        if self.unit == "minutes":
            return None
        return self.amount * (1000 if self.unit == "kimg" else images_per_epoch)


def parse_every(value: str | float) -> Budget:
    """How often to evaluate: "2 minutes", "2m", "20 kimg", "20kimg"; a bare number is minutes. Raises UsageError."""
    found = EVERY.fullmatch(str(value).strip().lower())
    amount = float(found[1]) if found else 0.0
    example = "a number of minutes or of kimg, such as '2 minutes', '2m' or '20 kimg'"
    check(0 < amount < math.inf, "evaluate_every", value, example)
    return Budget("kimg" if found and found[2] == "kimg" else "minutes", amount)


def to_json(value: Any) -> Any:
    """A dataclass (nested, with a net's family named) as plain JSON values."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {field.name: to_json(getattr(value, field.name)) for field in dataclasses.fields(value)}
        return {"family": value.family, **fields} if isinstance(value, NetConfig) else fields
    if isinstance(value, tuple | list):
        return [to_json(item) for item in value]
    return value


def flatten(value: Any, prefix: str = "") -> dict[str, Any]:
    """Nested JSON objects as one level: {"recipe.net.width": 32, ...}."""
    if not isinstance(value, dict):
        return {prefix: value}
    flat = {}
    for key, item in value.items():
        flat.update(flatten(item, f"{prefix}.{key}" if prefix else key))
    return flat


def from_json(cls: type[T], data: Any, where: str = "the file") -> T:
    """The dataclass `cls` out of what `to_json` made.

    Raises UsageError for an unknown, missing or mistyped field, naming the nearest valid one. Nothing in `data` is
    trusted: names are looked up in the registry, types are checked, and the dataclass checks its own ranges.
    """
    if not isinstance(data, dict):
        raise UsageError(f"{where} must hold an object for {cls.__name__}, got {type(data).__name__}.")
    if issubclass(cls, NetConfig):
        family = data.get("family")
        cls = nets.get(family if isinstance(family, str) else repr(family))
        data = {key: item for key, item in data.items() if key != "family"}
    fields = {field.name: field for field in dataclasses.fields(cls)}  # type: ignore[arg-type]
    for key in data:
        if key not in fields:
            raise UsageError(f"{where}: {cls.__name__} has no field {key!r}.{nearest(str(key), fields)}")
    hints = typing.get_type_hints(cls)
    values = {key: _value(hints[key], item, f"{where}: {key}") for key, item in data.items()}
    try:
        return cls(**values)
    except TypeError as error:
        raise UsageError(f"{where}: {cls.__name__} cannot be made: {error}.") from None


def _value(hint: Any, item: Any, where: str) -> Any:
    """`item` as the annotated type `hint`; ints pass for floats, lists for tuples."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (types.UnionType, typing.Union):
        return None if item is None else _value(next(a for a in arguments if a is not types.NoneType), item, where)
    if origin is tuple and isinstance(item, list):
        of = [arguments[0]] * len(item) if arguments[-1] is Ellipsis else arguments
        check(len(of) == len(item), where, item, f"{len(of)} values")
        return tuple(_value(kind, part, where) for kind, part in zip(of, item, strict=True))
    if origin is Literal:
        check(item in arguments, where, item, f"one of {arguments}")
        return item
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        return from_json(hint, item, where)
    if hint is float and type(item) is int:
        return float(item)
    check(type(item) is hint, where, item, f"of type {hint.__name__ if isinstance(hint, type) else hint}")
    return item

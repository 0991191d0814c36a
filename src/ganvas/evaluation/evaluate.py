"""An evaluation from beginning to end: draw, look, score works and real pictures in their place, pick examples."""

import platform
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import torch
from torch import nn

from .. import __version__
from ..config import Recipe
from ..dataset import cache_folder
from ..drawing import Drawer
from ..errors import UsageError
from ..features.choose import default_features, make_features
from ..features.extractor import Extractor
from ..files import make_folder, storage_errors
from ..metrics.score import Estimate, Pair, Score
from ..registry import scores
from .choice import Choice
from .collect import Collector, Progress, quietly
from .examples import examples
from .report import LeftOut, Line, Report, RuledOut
from .team import Team

ORDER = (
    *("frechet", "kernel", "precision", "density", "swd"),
    *("recall", "coverage", "vendi", "diversity", "ms_ssim"),
    *("copying", "closeness", "agreement", "accuracy"),
)
"""Of our own scores; those of other packages follow."""
OWN_DIGITS = (
    "The features 'digits' learned from these very pictures, so real ones look a little better than works can. MNIST "
    "as --data is fairer."
)
LEARNED = "D learned through the net of these features, so works are made to please it, and it can no longer judge them"
OF_IMAGENET = ("effnet", "inception")
"""Features that learned the same 1,000 classes of the same photographs."""
RELATED = (
    "The features {name!r} learned the same classes of ImageNet as the net through which D learned, so they may "
    "flatter the works (Kynkäänniemi et al. 2023)."
)
STALE_SECONDS = 24 * 3600
SAMPLE = 500
"""Real pictures that decide which features to use."""


@dataclass(frozen=True)
class Found:
    """What scoring came to."""

    lines: tuple[Line, ...]
    left_out: tuple[LeftOut, ...]


def all_scores(names: Sequence[str] | None = None) -> list[Score]:
    """Those asked for, or all there are, in the order of the report. Raises UnknownName, UsageError for none."""
    known = [name for name in ORDER if name in scores] + [name for name in scores.names() if name not in ORDER]
    asked = known if names is None else [*dict.fromkeys(names)]
    if not asked:
        raise UsageError(f"Name at least one score: {', '.join(known)}.")
    return [scores.get(name)() for name in sorted(asked, key=lambda name: known.index(name) if name in known else -1)]


def ruled_out(recipe: Recipe) -> tuple[RuledOut, ...]:
    """The features that may not judge works of this recipe, because its nets learned from them."""
    return tuple(RuledOut(name, recipe.name, LEARNED) for name in recipe.net.learned_from)


def extractor_for(
    choice: Choice, features: str | nn.Module | None, weights: Path | None, recipe: Recipe | None = None
) -> tuple[Extractor, tuple[str, ...]]:
    """The features asked for, or those that suit the real pictures; and warnings.

    recipe: that of the works; features that its nets learned from are no judge of them.
    Raises UsageError, also where such features were asked for, and UnknownName.
    """
    warnings: list[str] = []
    barred = ruled_out(recipe) if recipe else ()
    if features is None:
        sample = choice.reference.first(SAMPLE)
        dataset = sample.dataset
        pictures = sample.pictures(np.arange(len(sample)))
        names = tuple(one.features for one in barred)
        features, warnings = default_features(pictures, dataset.labels[sample.indices], dataset.label_names, names)
    if features == "digits" and choice.reference.dataset.source == "digits":
        warnings = [*warnings, OWN_DIGITS]
    name = features if isinstance(features, str) else features.name if isinstance(features, Extractor) else ""
    for one in barred:
        if one.features == name:
            raise UsageError(
                f"The features {name!r} are ruled out for the recipe {one.recipe!r}: {one.reason}. Choose others, such "
                "as --features random, or leave the choice out."
            )
    if name in OF_IMAGENET and any(one.features in OF_IMAGENET for one in barred):
        warnings = [*warnings, RELATED.format(name=name)]
    return make_features(features, choice.reference.dataset.shape, weights), tuple(warnings)


def evaluate(
    drawer: Drawer,
    choice: Choice,
    wanted: Sequence[Score],
    extractor: Extractor,
    *,
    kimg: float,
    seed: int,
    team: Team,
    warnings: tuple[str, ...] = (),
    progress: Progress = quietly,
) -> Report:
    """Scores as many works as `choice` has real pictures, each beside its floor. The same report in every process.

    seed: of the first work.   Raises DataError, StorageError.
    """
    began = time.monotonic()
    report = None
    with shared_folder(team) as folder:
        collector = Collector(extractor, drawer.device, folder, team, progress if team.leads else quietly)
        pair = collected(collector, drawer, choice, seed, any(score.uses_training for score in wanted))
        if team.leads:
            found = score_all(pair, wanted, (extractor.name, collector.sha256), progress)
            chosen = examples(pair, choice, seed)
            config, data = drawer.config, choice.reference.dataset
            report = Report(
                model=drawer.name,
                recipe=config.recipe.name,
                kimg=kimg,
                data=data.source,
                data_digest=data.digest,
                compared_with=choice.compared_with,
                seed=seed,
                features=extractor.name,
                features_sha256=collector.sha256,
                lines=found.lines,
                left_out=found.left_out,
                warnings=(*choice.warnings, *warnings),
                versions=versions(),
                date=datetime.now(UTC).isoformat(timespec="seconds"),
                seconds=time.monotonic() - began,
                examples=chosen,
                ruled_out=ruled_out(config.recipe),
            )
        report = team.share(report)
    assert report is not None
    return report


@contextmanager
def shared_folder(team: Team) -> Iterator[Path]:
    """A temporary folder that all processes of the team see; beside the cache, where there is room for large files.

    What killed evaluations left there is removed after a day. Raises StorageError.
    """
    made = None
    if team.leads:
        above = make_folder(cache_folder())
        for old in above.glob("evaluation-*"):
            with suppress(OSError):
                if time.time() - old.stat().st_mtime > STALE_SECONDS:
                    shutil.rmtree(old)
        with storage_errors(above):
            made = tempfile.mkdtemp(prefix="evaluation-", dir=above)
    folder = Path(team.share(made) or "")
    try:
        yield folder
    finally:
        if team.leads:
            shutil.rmtree(folder, ignore_errors=True)


def collected(collector: Collector, drawer: Drawer, choice: Choice, seed: int, all_training: bool) -> Pair:
    """Everything that the scores look at."""
    names = drawer.labels
    reference = collector.real(choice.reference, "reference", names)
    stand_ins = collector.real(choice.stand_ins, "stand-ins", names)
    training = held_out = None
    if all_training and choice.training is not None:
        training = collector.real(choice.training, "training", names).features
    if training is not None and choice.held_out is not None:
        held_out = collector.real(choice.held_out, "held-out", names).features
    works = collector.works(drawer, range(seed, seed + len(choice.reference)))
    return Pair(
        works=works,
        reference=reference,
        shape=drawer.config.shape,
        label_names=names,
        device=drawer.device,
        training=training,
        held_out=held_out,
        stand_ins=stand_ins,
    )


def score_all(pair: Pair, wanted: Sequence[Score], features: tuple[str, str], progress: Progress = quietly) -> Found:
    """Each score of the works and of real pictures in their place; or why there is none.

    features: name and sha256 of what the pair was seen through.
    """
    assert pair.stand_ins is not None
    real_pair = replace(pair, works=pair.stand_ins)  # with the same memo: what both need is computed once
    lines, left_out = [], []
    for number, score in enumerate(wanted):
        progress("Scoring", number, len(wanted))
        reason = score.missing(pair)
        if reason is None:
            began = time.monotonic()
            works, real = score.measure(pair), score.floor(pair, real_pair)
            if np.isfinite([works.value, real.value]).all():
                lines.append(line_of(score, works, real, len(pair.works), features, time.monotonic() - began))
                continue
            reason = "came out as no finite number"
        left_out.append(LeftOut(score.name, score.title, reason))
    progress("Scoring", len(wanted), len(wanted))
    return Found(tuple(lines), tuple(left_out))


def line_of(
    score: Score, works: Estimate, real: Estimate, count: int, features: tuple[str, str], seconds: float
) -> Line:
    name, sha256 = features if score.uses_features else (None, None)
    return Line(
        score=score.name,
        title=score.title,
        question=score.question,
        sentence=score.sentence,
        source=score.source,
        better=score.better,
        as_percent=score.as_percent,
        works=works,
        real=real,
        count=count,
        features=name,
        features_sha256=sha256,
        seconds=seconds,
    )


def versions() -> tuple[str, ...]:
    return (
        f"ganvas {__version__}",
        f"Python {platform.python_version()}",
        f"torch {torch.__version__}",
        f"numpy {np.__version__}",
    )

"""Events on a terminal: a progress bar for people, lines for logs, JSON for machines."""

import json
import math
import shlex
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import asdict
from pathlib import Path

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, Progress, TextColumn
from rich.text import Text

from .config import check
from .evaluation.wording import MOST_DECIMALS, UNKNOWN, decimals_for
from .registry import scores
from .runs import Run, without_nan
from .training.events import (
    Diagnosed,
    Estimated,
    Evaluated,
    Event,
    Finished,
    Inherited,
    Preview,
    Saved,
    Scored,
    Started,
    Step,
    Warned,
)

PLAIN_SECONDS = 10
"""Between two lines of the plain display."""


def show(events: Iterable[Event], display: str = "auto") -> Finished:
    """Draws all events; returns the last. display: "rich", "plain", "json", "none" or "auto"."""
    check(display in ("auto", "rich", "plain", "json", "none"), "display", display, "auto, rich, plain, json or none")
    if display == "auto":
        display = "rich" if sys.stdout.isatty() else "plain"
    return {"rich": show_rich, "plain": show_plain, "json": show_json, "none": consume}[display](events)


def consume(events: Iterable[Event]) -> Finished:
    """Runs through the events without a word."""
    last = deque(events, maxlen=1).pop()
    assert isinstance(last, Finished)
    return last


def show_json(events: Iterable[Event]) -> Finished:
    """One JSON object a line; `event` names its kind; null is a number that is none."""

    def printed(event: Event) -> Event:
        record = {key: str(value) if isinstance(value, Path) else value for key, value in asdict(event).items()}
        print(json.dumps({"event": type(event).__name__.lower(), **without_nan(record)}), flush=True)
        return event

    return consume(map(printed, events))


def show_plain(events: Iterable[Event]) -> Finished:
    """A line every ten seconds, and one for each checkpoint, evaluation and warning."""
    shown = float("-inf")

    def printed(event: Event) -> Event:
        nonlocal shown
        if isinstance(event, Step):
            if event.seconds - shown < PLAIN_SECONDS and event.progress < 1:
                return event
            shown = event.seconds
        line = sentence(event)
        if line:
            print(line, flush=True)
        return event

    return consume(map(printed, events))


def show_rich(events: Iterable[Event]) -> Finished:
    """A progress bar over a line of time left, kimg, pictures/s, losses and D's accuracies; other events above it."""
    console = Console()
    bar = Progress(BarColumn(bar_width=None), TextColumn("{task.percentage:>3.0f}%"), expand=True)
    task = bar.add_task("", total=1.0)
    with Live(Group(bar, Text()), console=console, refresh_per_second=4) as live:

        def drawn(event: Event) -> Event:
            if isinstance(event, Step):
                bar.update(task, completed=event.progress)
                live.update(Group(bar, Text(figures(event), style="cyan")))
            line = "" if isinstance(event, Step | Preview | Saved) else sentence(event)
            if line:
                style = "yellow" if isinstance(event, Warned | Diagnosed) else None
                console.print(line, style=style, markup=False, highlight=False)
            return event

        return consume(map(drawn, events))


def show_reading(display: str) -> Callable[[int, int], None]:
    """Progress of a sentence model that reads captions, as a line every ten seconds; none for "json" and "none"."""
    told: float | None = None

    def progress(done: int, total: int) -> None:
        nonlocal told
        told = time.monotonic() if told is None else told
        if time.monotonic() - told >= PLAIN_SECONDS and display not in ("json", "none"):
            told = time.monotonic()
            print(f"The sentence model has read {done:,} of {total:,} captions.", flush=True)

    return progress


def clock(seconds: float) -> str:
    """Seconds as 1:05 or 2:03:04."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def figures(step: Step) -> str:
    """A step's figures, short enough for one line; without D's where D did not move."""
    moving = f"{clock(step.seconds_left)} left · {step.kimg:.1f} kimg · {step.images_per_second:.0f} img/s · "
    if step.loss_d == step.accuracy_real == step.accuracy_fake == 0:
        return f"{moving}loss {step.loss_g:.3f}"
    return (
        f"{moving}loss D {step.loss_d:.2f} G {step.loss_g:.2f} · D right on real {step.accuracy_real:.0%} "
        f"fake {step.accuracy_fake:.0%}"
    )


def sentence(event: Event) -> str:
    """The event in plain words; empty for those not worth a line."""
    match event:
        case Started(resumed=True):
            return f"Going on at {event.kimg:.1f} kimg, after {clock(event.seconds)}, on {event.device}."
        case Started():
            return (
                f"Learning from {event.images:,} pictures on {event.device}"
                f"{f' with {event.processes} processes' if event.processes > 1 else ''}: "
                f"G has {event.generator_parameters:,} weights, D {event.discriminator_parameters:,}."
            )
        case Inherited():
            return inherited_sentence(event)
        case Estimated():
            return estimate_sentence(event)
        case Step():
            return f"{event.progress:4.0%} · {figures(event)}"
        case Evaluated():
            return (
                f"Epoch {event.epoch}: on held-out pictures loss D {event.loss_d:.2f}, D right on real "
                f"{event.accuracy_real:.0%}, on works {event.accuracy_fake:.0%}."
            )
        case Scored():
            return scored_sentence(event)
        case Saved():
            return f"Saved {event.path}"
        case Warned():
            return f"Warning: {event.message}"
        case Diagnosed():
            done = f"It {event.act}." if event.act else f"What helps: {event.remedy}"
            return f"The doctor, at {event.found_kimg:.1f} kimg: {event.sentence} {done}"
        case Finished():
            return finished_sentence(event)
        case _:
            return ""


def inherited_sentence(event: Inherited) -> str:
    """What was taken over, and what was not."""
    parts = [f"{event.fitted} weights taken over as they are"]
    told = (("resized", event.resized), ("new", event.new), ("left out", event.left_out))
    for what, names in told:
        if names:
            parts.append(f"{len(names)} {what} ({', '.join(names[:3])}{', ...' if len(names) > 3 else ''})")
    without = "" if event.has_d else " Its D was not at hand, so D begins anew."
    return f"Starting from {event.parent}: {'; '.join(parts)}.{without}"


def estimate_sentence(event: Estimated) -> str:
    """What this machine can do in the time given, and how to make do with less."""
    rate = f"About {event.images_per_second:,.0f} pictures a second on this machine"
    if event.likeness_seconds is None:
        return f"{rate}: {event.images_per_second * event.run_seconds / 1000:,.0f} kimg in {clock(event.run_seconds)}."
    line = f"{rate}: {about(event.likeness_seconds)} to a first likeness"
    if event.likeness_seconds <= event.run_seconds:
        return f"{line}, {event.images_per_second * event.run_seconds / 1000:,.0f} kimg in {clock(event.run_seconds)}."
    return (
        f"{line}, longer than this run. Give more --minutes, or learn smaller pictures (--size-px) or nets (--width)."
    )


def about(seconds: float) -> str:
    """A rough time for people: about 40 s, about 3 min, about 2.5 h."""
    if seconds < 90:
        return f"about {max(1, round(seconds / 10)) * 10} s"
    if seconds < 90 * 60:
        return f"about {round(seconds / 60)} min"
    return f"about {seconds / 3600:.1f} h"


def scored_sentence(event: Scored) -> str:
    """All scores with their intervals, and whether this generator is the best so far."""
    nowhere = (math.nan, math.nan)
    told = [score_in_words(name, value, *event.intervals.get(name, nowhere)) for name, value in event.scores.items()]
    best = ". Best so far" if event.best else ""
    return f"Scores at {event.kimg:.1f} kimg: {', '.join(told) or 'none'}{best}."


def score_in_words(name: str, value: float, low: float, high: float) -> str:
    """ "kernel 0.0123 (0.0110 to 0.0137)", with as many digits as the interval allows."""
    if not math.isfinite(value):
        return f"{name} {UNKNOWN}"
    percent = name in scores and scores.get(name).as_percent
    factor, unit = (100, "%") if percent else (1, "")
    known = math.isfinite(low) and math.isfinite(high)
    decimals = decimals_for(factor * low, factor * high) if known else decimals_for(factor * value, factor * value)

    def digits(number: float) -> str:
        return f"{factor * number:,.{decimals}f}" if decimals <= MOST_DECIMALS else f"{factor * number:.2g}"

    interval = f" ({digits(low)} to {digits(high)}{unit})" if known else ""
    return f"{name} {digits(value)}{unit}{interval}"


def finished_sentence(event: Finished) -> str:
    """How the run ended, and what to type next."""
    if not event.done:
        return f"Stopped and saved at {event.kimg:.1f} kimg. The same command goes on: {event.run}"
    budget = Run.find(event.run).config.budget
    said = {
        "copying": " The doctor ended it, as works became copies; a larger length or --doctor warn goes on from here.",
        "stalled": " The doctor saw no gain any more for a third of the run: more time alone will hardly help.",
    }.get(event.verdict or "", "")
    return (
        f"Done: {event.kimg:.1f} kimg in {clock(event.seconds)} ({budget}).{said} See {event.run / 'strip.png'}; "
        f"draw new works with: ganvas sample {shlex.quote(str(event.run))}"
    )

"""The loop: a generator of events over a run folder. It can be stopped or killed at any moment and goes on exactly.

All that a step uses follows from the seed and the pictures seen; all that it changes is in the checkpoint. So a run
that was resumed is bit for bit the run that was not, on a CPU, for a length in kimg or epochs.
"""

import shutil
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import nullcontext, suppress
from dataclasses import asdict, replace
from functools import partial
from typing import Any

import torch
from torch import Tensor

from ..config import Recipe
from ..dataset import Dataset
from ..errors import CheckpointError, NonFiniteLoss
from ..runs import Checkpoint, Run, is_number
from . import ema, machine, probe, state
from .batches import Batches
from .detail import for_pictures
from .doctor import Finding, non_finite
from .epochs import held_out_scores
from .events import (
    Diagnosed,
    Estimated,
    Evaluated,
    Event,
    Finished,
    Inherited,
    Preview,
    Saved,
    Started,
    Step,
    Warned,
    rounded,
)
from .few import warnings_before
from .growth import Growth
from .inherit import Heritage, inherit
from .judging import Judging, Jury
from .phases import enter, set_rates
from .players import Players, make_players
from .preview import Previews, due
from .schedule import Schedule, batch_size, ema_decay
from .step import step
from .strength import Overfitting, Strength
from .vitals import Probe
from .ward import Ward, abandon

REPORT_SECONDS = 1.0


class Trainer:
    """Trains a run on its dataset.

    run: the run folder, new or with checkpoints to go on from.   dataset: the one that `run.config` was made for.
    checkpoint_seconds: the most training time that a kill can cost.
    judging: who scores the averaged generator, how often; it is also scored at the run's end. The time that this takes
    is no time of training: a run of given minutes is not cut short by it, and every weight is the same without it.
    clock: seconds since some moment, by which minutes are counted; `time.process_time` makes them minutes of CPU.
    doctor: "warn" looks at the run now and then and says what goes wrong, "auto" also does something about it, "off"
    does not look (docs/doctor.md). Looking changes no weight.
    heritage: weights that a new run starts from, where they fit.
    Raises UsageError when the batch cannot be shared among the processes, or "auto" is asked of several.
    """

    def __init__(
        self,
        run: Run,
        dataset: Dataset,
        checkpoint_seconds: float = 60.0,
        judging: Judging | None = None,
        clock: Callable[[], float] = time.monotonic,
        doctor: str = "warn",
        heritage: Heritage | None = None,
    ) -> None:
        machine.keep_freed_memory()
        self.run, self.dataset, self.checkpoint_seconds, self.clock = run, dataset, checkpoint_seconds, clock
        config, recipe = run.config, run.config.recipe
        self.heritage, self.advice = heritage, tuple[str, ...]()
        self.growth = Growth(recipe.net.levels(config.shape))
        self.accelerator = machine.accelerator(grows=self.growth.levels > 1)
        self.device = self.accelerator.device
        processes = self.accelerator.num_processes
        machine.check_shares(recipe, processes)
        self.train_works, self.held_out = dataset.split(recipe.holdout, config.seed)
        self.recipe = for_pictures(recipe, dataset, self.train_works)
        self.schedule = Schedule(config.budget, len(self.train_works))
        self.images, self.seconds = 0, 0.0
        rank = self.accelerator.process_index
        self.batches = Batches(dataset, self.train_works, recipe, config.asked, config.seed, rank, processes)
        self.players = self._players()
        self.average = ema.frozen_copy(self.players.bare_G)
        self._grow()
        self.previews = Previews(run, recipe, self.device)
        self.jury = Jury(run, judging) if judging else None
        look = partial(Probe, config, dataset, self.train_works, self.held_out, self.device)
        doctor = "off" if recipe.net.tokenizes else doctor  # it knows what goes wrong in games
        self.ward = Ward(doctor, look, recipe.batch_size, processes, clock, bool(recipe.augment))
        self.strength = Strength(
            recipe, partial(Overfitting, config, dataset, self.train_works, self.held_out, self.device)
        )
        self._saved: tuple[int, bool, str] | None = None
        self._stop = False

    def stop(self) -> None:
        """Asks `fit` to save and finish after the step at hand. May be called from a signal handler."""
        self._stop = True

    def fit(self) -> Iterator[Event]:
        """Trains to the run's length, yielding events; the last one is `Finished`.

        Goes on from the newest checkpoint that can be read. Raises NonFiniteLoss, StorageError, RunBusy; the last good
        checkpoint stays.
        """
        lock = self.run.lock() if self.accelerator.is_main_process else nullcontext()
        with lock:
            if self.accelerator.is_main_process and Run.find(self.run.folder) != self.run:
                self.run.store()  # another length than before
            yield from self._fit()

    # What follows is ordered as it happens.

    def _players(self, alone: bool = False) -> Players:
        return make_players(self.run.config, self.recipe, self.accelerator, alone)

    def _fit(self) -> Iterator[Event]:
        warnings, checkpoint = self._resume()
        if checkpoint is None or not self._over():
            yield self._started(resumed=checkpoint is not None)
        for message in warnings:
            yield Warned(*self._now(), message)
        if checkpoint is None and self.heritage is not None:
            yield Inherited(*self._now(), **inherit(self.heritage, self.players, self.average, self.run.config))
        if checkpoint is None and self.accelerator.num_processes == 1:
            yield from self._estimate()
        if checkpoint is None and self.accelerator.is_main_process:
            yield Preview(*self._now(), self.previews.draw(self.average, 0))
        while (found := (yield from self._steps_until_ill())) is not None:
            yield from self._treat(found)
        done = self._over()
        if (self.images, done, str(self.run.config.budget)) != self._saved:
            yield from self._save(done)
        if done and self.jury is not None and self.jury.last[0] != self.images:
            yield from self._judge(self.jury)
        if done and self.accelerator.is_main_process:
            yield Preview(*self._now(), self.previews.draw(self.average, self.images))
            self.previews.over_time()
        self.accelerator.wait_for_everyone()
        yield Finished(*self._now(), done, self.run.folder, self.ward.verdict())

    def _estimate(self) -> Iterator[Event]:
        """What a short probe on other players says; it changes nothing here and is no time of training."""
        budget = self.run.config.budget
        seconds = probe.seconds_for(budget)
        if seconds > 0:
            batch = self.batches.batch(0, self.recipe.batch_size, self.device)
            rate = self.growth.measured(probe.rates(self._players(alone=True), batch, seconds, self.growth))
            wait = probe.likeness_seconds(self.recipe, self.run.config.shape, rate)
            yield Estimated(*self._now(), rate, wait, 60 * budget.amount)

    def _steps_until_ill(self) -> Generator[Event, None, Finding | None]:
        """Steps until the run is over or stopped: None; or until there is a finding for the doctor to treat."""
        try:
            return (yield from self._steps())
        except NonFiniteLoss:
            if not self.ward.may_act(non_finite()):
                raise
            return non_finite()

    def _steps(self) -> Generator[Event, None, Finding | None]:
        sums, steps, reported = torch.zeros(5, device=self.device), 0, self.seconds
        drawn, saved = due(self._progress()), self.seconds
        origin = self.clock() - self.seconds
        before, since = self.images, self.clock()
        while not self._over() and not self._agree(origin):
            epoch = self.images // len(self.train_works)
            sums += self._step()
            steps += 1
            if self.seconds - reported >= REPORT_SECONDS or self._progress() >= 1:
                yield self._report(sums / steps, self.images - before, since)
                sums.zero_()
                steps, reported, before, since = 0, self.seconds, self.images, self.clock()
            if self.recipe.evaluate_each_epoch and len(self.held_out) and self.images // len(self.train_works) > epoch:
                yield self._evaluate(self.images // len(self.train_works))
            if self.ward.is_due(self.images) and self._progress() < 1 and self.accelerator.is_main_process:
                for finding in self.ward.examine(self.players, self.average, self.images, self._progress()):
                    if self.ward.may_act(finding):
                        self._check_finite(sums)  # as the act is saved, perhaps on top of what is there now
                        return finding
                    yield self._tell(finding, self.images)
            if self.jury is not None and self.jury.is_due(*self._seen()) and self._progress() < 1:
                self._check_finite(sums)
                began = self.clock()
                yield from self._judge(self.jury)
                judged = self.clock() - began
                origin, since = origin + judged, since + judged
            if due(self._progress()) > drawn and self._progress() < 1:
                drawn = due(self._progress())
                if self.accelerator.is_main_process:
                    yield Preview(*self._now(), self.previews.draw(self.average, self.images))
            if self.seconds - saved >= self.checkpoint_seconds and self._progress() < 1:
                self._check_finite(sums)
                saved = self.seconds
                yield from self._save(done=False)
        self._check_finite(sums)
        return None

    def _go_by(self, recipe: Recipe) -> None:
        self.players = replace(self.players, recipe=recipe)
        self.strength.go_by(recipe)

    def _grow(self) -> None:
        self.growth.set((self.players.bare_G, self.players.bare_D, self.average), self._progress())
        enter(self.players, self.average, self._progress())

    def _step(self) -> Tensor:
        """One move of D, one of G. returns: (5,) D's loss, penalty, the two accuracies, G's loss."""
        recipe, players = self.players.recipe, self.players
        size = batch_size(self._progress(), self.images, recipe.batch_size, recipe.batch_growth)
        self._grow()
        self.strength.follow(players, self.images, self._progress())
        batch = self.batches.batch(self.images, size, self.device, self.strength.p)
        batch = replace(batch, real=self.growth.shown(batch.real, self._progress()))
        set_rates(players, self._progress(), self.images)
        judged = step(players, batch)
        decay = ema_decay(self.images, size, recipe.ema_half_life_kimg, recipe.ema_share)
        ema.update(self.average, players.bare_G, decay)
        self.images += size
        return judged

    def _agree(self, origin: float) -> bool:
        """Takes the time; returns whether to stop. All processes go by the first one's clock, and stop together."""
        clock = torch.tensor([self.clock() - origin, float(self._stop)], dtype=torch.float64)
        if self.accelerator.num_processes > 1:
            clock = clock.to(self.device, torch.float32)
            everyone = self.accelerator.gather(clock[None])
            clock = torch.stack([everyone[0, 0], everyone[:, 1].amax()])
        self.seconds, stop = clock.tolist()
        return stop > 0

    def _treat(self, finding: Finding) -> Iterator[Event]:
        """Back to the last healthy checkpoint, where there is one, and on from there with the doctor's remedy."""
        found_at, seconds, ward = self.images, self.seconds, self.ward
        known = ward.treatment, ward.acts
        way = self._go_back(finding)
        ward.treatment, ward.acts = known
        self.seconds = seconds  # what is thrown away has taken its time
        done = ward.acted(finding, found_at, self.images)
        self._go_by(ward.treatment.of(self.recipe))
        abandon(self.run, self.images)
        yield from self._save(done=False)  # at once: a kill must not undo the act
        self.run.rewind(self.images)
        if self.jury is not None:
            self.jury.last = (0, 0.0)
            self.jury.recall(self.average)
        yield self._tell(finding, found_at, f"{way} and {ward.treatment.in_words(done, self.recipe)}")

    def _go_back(self, finding: Finding) -> str:
        """Restores the newest checkpoint from when all was well. returns: what came of it, in words."""
        for checkpoint in self.ward.refuges(self.run, finding):
            with suppress(CheckpointError):
                self._restore(checkpoint)
                return f"went back to {checkpoint.kimg:.1f} kimg"
        if not finding.urgent:
            return "stayed where it was, as no checkpoint from before is kept,"
        self.players, self.images = self._players(), 0
        self.average = ema.frozen_copy(self.players.bare_G)
        if self.heritage is not None:
            inherit(self.heritage, self.players, self.average, self.run.config)
        self._grow()
        self.ward.recall(None)
        self.strength.forget()
        return "began anew"

    def _tell(self, finding: Finding, found_at: int, act: str | None = None) -> Diagnosed:
        """The finding as an event, written to stats.jsonl."""
        remedy = self.ward.remedy(finding)
        event = Diagnosed(*self._now(), finding.name, finding.sentence, remedy, finding.values, found_at / 1000, act)
        self._log("stats.jsonl", event)
        return event

    def _judge(self, jury: Jury) -> Iterator[Event]:
        """The average is scored by the main process; the others wait."""
        jury.last = self._seen()
        if self.accelerator.is_main_process:
            yield from jury.judge(self.average, *self._seen())
        self.accelerator.wait_for_everyone()

    def _progress(self) -> float:
        return self.schedule.progress(self.images, self.seconds)

    def _over(self) -> bool:
        return self._progress() >= 1 or self.ward.stopped

    def _seen(self) -> tuple[int, float]:
        return self.images, self.seconds

    def _now(self) -> tuple[float, float]:
        return self.images / 1000, self.seconds

    def _started(self, resumed: bool) -> Started:
        sizes = [sum(p.numel() for p in net.parameters()) for net in (self.players.bare_G, self.players.bare_D)]
        where = str(self.device), self.accelerator.num_processes, len(self.train_works)
        return Started(*self._now(), resumed, *where, *sizes)

    def _report(self, means: Tensor, images: int, since: float) -> Step:
        """The averages over all processes since then, written to stats.jsonl. Raises NonFiniteLoss."""
        if self.accelerator.num_processes > 1:
            means = self.accelerator.reduce(means, reduction="mean")
        self._check_finite(means)
        loss_d, penalty, *right, loss_g = means.tolist()
        rate = images / max(self.clock() - since, 1e-9)  # a GPU is done with its steps only now
        left = self.schedule.seconds_left(self.images, self.seconds, rate)
        event = Step(
            *self._now(), self._progress(), left, rate, loss_d, loss_g, penalty, *right, augment_p=self.strength.p
        )
        self._log("stats.jsonl", event)
        return event

    def _evaluate(self, epoch: int) -> Evaluated:
        """What D makes of held-out pictures, into metrics.jsonl."""
        loss, right = held_out_scores(self.run.config, self.dataset, self.held_out, self.players, self.average, epoch)
        event = Evaluated(*self._now(), epoch, loss, *right.tolist())
        self._log("metrics.jsonl", event)
        return event

    def _log(self, name: str, event: Event) -> None:
        if self.accelerator.is_main_process:
            self.run.append(name, {**rounded(asdict(event)), "kimg": event.kimg})

    def _check_finite(self, sums: Tensor) -> None:
        """Raises NonFiniteLoss before anything broken reaches a checkpoint."""
        nets = (self.players.bare_G, self.players.bare_D, self.average)
        if bool(torch.isfinite(sums).all()) and all(state.is_finite(net) for net in nets):
            return
        raise state.broken(self.run, self.images)

    def _save(self, done: bool) -> Iterator[Event]:
        if self.accelerator.is_main_process:
            length = str(self.run.config.budget)
            scalars: dict[str, Any] = {"images": self.images, "seconds": self.seconds, "done": done, "length": length}
            scalars |= {"progress": self._progress(), "doctor": self.ward.to_json(), "augment": self.strength.to_json()}
            scalars["growth"] = self.growth.shares
            average, tensors = state.net_arrays(self.average), state.players_arrays(self.players)
            checkpoint = self.run.save(average, tensors, scalars, self.ward.spared(self.run))
            yield Saved(*self._now(), checkpoint.folder)
        self._saved = (self.images, done, str(self.run.config.budget))
        self.accelerator.wait_for_everyone()

    def _resume(self) -> tuple[list[str], Checkpoint | None]:
        """Restores the newest checkpoint that can be read. returns: warnings about those that cannot, and it."""
        warnings, damaged = [], []
        for checkpoint in reversed(self.run.checkpoints()):
            try:
                self._restore(checkpoint)
            except CheckpointError as error:
                warnings.append(f"{checkpoint.folder.name} is damaged and set aside; the one before is used. {error}")
                damaged.append(checkpoint)
                continue
            break
        else:
            checkpoint = None
            if warnings:
                raise CheckpointError(f"No checkpoint of {self.run.folder} can be read. {warnings[0]}")
        warnings += warnings_before(self.recipe, self.dataset, self.train_works, self.held_out)
        self.accelerator.wait_for_everyone()
        if self.accelerator.is_main_process:
            for unreadable in damaged:
                unreadable.set_aside()
            self.run.rewind(self.images)
            self.run.store_data_folder(self.dataset.folder)
            for name in ("dataset.json", "works.jsonl"):
                if not (self.run.folder / name).exists():
                    shutil.copyfile(self.dataset.folder / name, self.run.folder / name)
        self.accelerator.wait_for_everyone()
        if self.jury is not None:
            warnings += self.jury.recall(self.average)
            self.accelerator.wait_for_everyone()  # so that all have read before the first one writes again
        return warnings, checkpoint

    def _restore(self, checkpoint: Checkpoint) -> None:
        tensors, average = checkpoint.tensors(), checkpoint.ema()
        state.load_players(self.players, tensors)
        state.load_net(self.average, average)
        scalars = checkpoint.scalars()
        self.ward.recall(scalars.get("doctor"))
        self._go_by(self.ward.treatment.of(self.recipe))
        self.strength.recall(scalars.get("augment"))
        self.growth.recall(scalars.get("growth"))
        self.images, self.seconds = scalars["images"], float(scalars["seconds"])
        self._saved = (scalars["images"], scalars["done"], str(scalars.get("length")))
        before, now = scalars.get("progress"), self._progress()
        if is_number(before) and before > 0 and now != before:  # another length than before
            self.ward.go_on(now / before)
            self.strength.progress = min(1.0, self.strength.progress * now / before)

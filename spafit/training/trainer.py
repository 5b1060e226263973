"""The training itself, from prepared model and data to the final figures; `loop.train` is the way in."""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from spafit import adapt, plan, tasks
from spafit.home import spafit_home
from spafit.models.weights import check_weights, weights_digest
from spafit.tasks.tokens import Encoded
from spafit.training import checkpoint, preparation
from spafit.training.accelerated.graphs import RecordedSteps
from spafit.training.batches import Batch, Feed, Order
from spafit.training.changes import Before
from spafit.training.config import ENGINE_GENERATION
from spafit.training.device import give_memory_back, peak_memory
from spafit.training.early_stopping import EarlyStopping
from spafit.training.engine import Engine
from spafit.training.estimates.remaining import Forecast
from spafit.training.evaluation import Evaluation, Evaluator, Stopped, loss_of
from spafit.training.events import AutomaticChoice, Change, Evaluated, Event, Finished, Phase, Progress, Started, Step
from spafit.training.failures import TrainingFailed, diverged
from spafit.training.optimizer import make_optimizer, schedule, set_learning_rate
from spafit.training.points import Points
from spafit.training.predictions import save_predictions
from spafit.training.prefix.cache import PrefixCache
from spafit.training.preparation import Prepared
from spafit.training.rates import default_learning_rate, rate_reason
from spafit.training.steps import count_steps
from spafit.training.timeline import Timeline

EVENT_SECONDS = 0.1  # between looks at the losses, at least
PROGRESS_SECONDS = 5.0  # without a point of the curve, after which a run tells how far it is
REPLAYED = AutomaticChoice(
    "Steps", "recorded for each size of batch, then replayed", "one launch instead of hundreds for which the GPU waits"
)
ONE_TOKEN_LAYER = 0.25  # what the last layer costs when only one token of a text goes beyond keys and values


class Trainer:
    """Trains a prepared model. Everything is decided on construction; `events` does the work, once, in order."""

    def __init__(
        self, prepared: Prepared, timeline: Timeline, should_stop: Callable[[], bool], folder: Path | None = None
    ) -> None:
        self.spec, self.data, self.model, self.anatomy = prepared.spec, prepared.data, prepared.model, prepared.anatomy
        self.settings, self.device = prepared.spec.settings, prepared.device
        self.timeline, self.should_stop, self.folder = timeline, should_stop, folder
        data, settings = self.data, self.settings
        self.trainable = [p for p in self.model.parameters() if p.requires_grad]
        self.total_parameters = sum(p.numel() for p in self.model.parameters())  # before stand-ins hide frozen layers
        self.optimizer = make_optimizer(self.model, self.spec.learning_rate, settings.weight_decay)
        self.steps = count_steps(settings, len(data.train))
        self.feed, self.live = Feed(data.train, self.device), Feed(data.live, self.device)
        cache = spafit_home() / "cache"
        self.weights = weights_digest(check_weights(prepared.folder), cache)
        self.before = Before(self.model, self.anatomy)
        self.engine = Engine(self.model, self.anatomy, settings, self.device, cache)
        self.order = Order(data.train.lengths, settings, functools.partial(self.engine.computed, data.train))
        self.prefix = PrefixCache(
            self.engine,
            plan.prefix_depth(self.anatomy, self.spec.stratification),
            # Models with the same weights may still differ, for instance in how far attention reaches.
            f"{self.weights} {weights_digest([prepared.folder / 'config.json'], cache)}",
            {
                "train": (data.train, self.steps.total / self.steps.per_epoch),
                "live": (data.live, float(self.steps.evaluations)),
            },
            cache,
        )
        self.choices = self._choices(prepared.choices)
        self.evaluator = Evaluator(self.engine.logits, data.task.metrics, should_stop)
        self.recorded: RecordedSteps | None = None
        self.early_stopping = EarlyStopping(self.model, settings.early_stopping)
        self.forecast = self._forecast()
        self.points = Points(self.steps.total, self.steps.per_epoch)
        self.step = self.examples = 0  # taken, and seen
        self.published_at = self.reported_at = -math.inf

    def _choices(self, preparing: tuple[AutomaticChoice, ...]) -> tuple[AutomaticChoice, ...]:
        drawn = "texts of similar length together" if self.settings.group_by_length else "drawn at random"
        padding = self.order.padding(min(self.steps.total, self.steps.per_epoch))
        batches = AutomaticChoice("Batches", drawn, f"{padding:.1%} of what is computed is padding")
        steps, rates = self.settings.expected_steps(), []
        rate = default_learning_rate(self.spec.stratification, steps)
        if self.spec.learning_rate == rate:
            reason = rate_reason(self.spec.stratification, steps)
            rates.append(AutomaticChoice("Learning rate", f"{rate:g}", reason))
        cached = (self.prefix.choice.automatic,) if self.prefix.choice.automatic else ()
        replayed = (REPLAYED,) if self.engine.records(self.steps.total) else ()
        return (*rates, *self.engine.choices, batches, *replayed, *preparing, *cached)

    def _computed_once(self, encoded: Encoded) -> int:
        """Tokens that a pass over a split in fixed batches computes."""
        return self.engine.computed(encoded, Feed(encoded, self.device).fixed_batches())

    def _forecast(self) -> Forecast:
        data, engine, steps = self.data, self.engine, self.steps
        last = 1.0 if engine.one_token is None else ONE_TOKEN_LAYER
        depth = self.anatomy.num_layers
        recording = 0 if self.prefix.stored else engine.cached_layers
        return Forecast(
            self.order.positions,
            steps.total,
            self.order.total_positions(steps.total),
            max(ONE_TOKEN_LAYER, depth - 1 + last - engine.cached_layers),
            evaluations=steps.evaluations,
            evaluation_positions=self._computed_once(data.live),
            final_positions=sum(map(self._computed_once, data.final.values())),
            all_layers=(depth - 1 + last) * engine.fp32_slowness,
            recording=recording * (self._computed_once(data.train) + self._computed_once(data.live)),
            forward_seconds=engine.forward_seconds,
        )

    def events(self) -> Iterator[Event]:
        """Train, save and evaluate, and tell it."""
        give_memory_back()  # of preparing
        state = "finished"
        try:
            yield from self.fill_prefix(self.feed)
            yield from self._train()
        except Stopped:
            state = "stopped"
        yield from self._end_of_curve()
        if self.early_stopping.reached:
            self.early_stopping.restore_best()
        yield self.timeline.enter("saving")
        self._save()
        results: dict[str, Evaluation] = {}
        if state == "finished":
            yield self.timeline.enter("final")
            try:
                results = self._final()
            except Stopped:
                state = "stopped"
        if results and self.folder is not None:
            save_predictions(self.folder, {part: measured.predictions for part, measured in results.items()})
        self.engine.restore()
        yield self._finished(state, results, self.before.changes(self.model))

    def fill_prefix(self, feed: Feed) -> Iterator[Phase]:
        """Compute or read the states that a split's examples leave the frozen prefix with, if they are cached."""
        if self.engine.replay is None or feed.states is not None:
            return
        yield self.timeline.enter("prefix")
        seconds = self.prefix.fill(feed, self.should_stop)
        self.forecast.recorded(seconds, self._computed_once(feed.encoded) * self.engine.cached_layers)

    def _train(self) -> Iterator[Event]:
        """Take every step, with evaluations in between, until the last one or early stopping."""
        torch.manual_seed(self.settings.seed)
        self.record_steps()
        yield self.timeline.enter("training")
        yield self._started()
        self.mode(True)
        before = self.timeline.elapsed
        while self.step < self.steps.total and not self.early_stopping.reached:
            rate = self.spec.learning_rate * schedule(self.step, self.steps.total, self.settings.warmup)
            seen = self.examples
            loss = self.optimizer_step(rate)
            now = self.timeline.elapsed
            self.points.add(self.step, loss, self.examples - seen, rate, now)
            self.forecast.trained(now - before)
            before = now  # what telling about a step costs, waiting for a GPU included, counts for the next one
            evaluating = self.steps.evaluates_after(self.step)
            yield from self._tell(now, at_once=evaluating)
            if evaluating:
                yield from self.evaluate()
                if not (self.step == self.steps.total or self.early_stopping.reached):
                    yield self.timeline.enter("training")
                before = self.timeline.elapsed

    def record_steps(self) -> None:
        """From here on steps are recorded and replayed, where the device can do that and it pays."""
        self.recorded = self.engine.recorded_steps(
            self.feed, self.steps.total, lambda batch: self._take_step([batch], len(batch.labels))
        )

    def optimizer_step(self, rate: float) -> Tensor:
        """Take one step; returns the summed loss of its examples, still on the device."""
        parts = self.order.parts(self.step)
        count = sum(map(len, parts))
        set_learning_rate(self.optimizer, rate)
        total = None if self.recorded is None else self._replayed_step(self.recorded, parts)
        if total is None:
            total = self._take_step(self._batches(parts), count)
        self.step += 1
        self.examples += count
        return total

    def _replayed_step(self, recorded: RecordedSteps, parts: Sequence[np.ndarray]) -> Tensor | None:
        if self.should_stop():
            raise Stopped
        (rows,) = parts
        total = recorded.step(rows)
        if total is None:
            self.optimizer.zero_grad(set_to_none=True)  # what is left of a step that could not be recorded
        return total

    def _batches(self, parts: Sequence[np.ndarray]) -> Iterator[Batch]:
        for rows in parts:
            if self.should_stop():
                raise Stopped
            yield self.feed.batch(rows)

    def _take_step(self, batches: Iterable[Batch], count: int) -> Tensor:
        """Learn from batches of `count` examples together; returns their summed loss."""
        total = torch.zeros((), device=self.device)
        for batch in batches:
            loss = loss_of(self.engine.logits(batch), batch.labels, "sum")
            (loss / count).backward()
            total += loss.detach()
        torch.nn.utils.clip_grad_norm_(self.trainable, self.settings.max_grad_norm)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        return total

    def _tell(self, now: float, at_once: bool) -> Iterator[Step | Progress]:
        """Give out the points that are complete, not too often; where they are far apart, how far the run is."""
        if not at_once and now - self.published_at < EVENT_SECONDS:
            return
        self.published_at = now
        if self.points.waiting:
            self.reported_at = now
            yield from self._complete_points()
        elif now - self.reported_at >= PROGRESS_SECONDS:
            self.reported_at = now
            if not self.points.is_finite():
                raise self._diverged("loss", self.step)
            yield Progress(self.step, self.timeline.elapsed, self.forecast.remaining())

    def _complete_points(self) -> Iterator[Step]:
        for point in self.points.take(self.forecast.remaining()):
            if not math.isfinite(point.loss):
                raise self._diverged("loss", point.step)
            yield point

    def _end_of_curve(self) -> Iterator[Step]:
        """Yield what the curve has not told yet; a run that ends between two points gets one more."""
        self.points.close()
        yield from self._complete_points()

    def evaluate(self) -> Iterator[Phase | Evaluated]:
        """Evaluate on the live examples, and tell it."""
        yield from self.fill_prefix(self.live)
        yield self.timeline.enter("evaluating")
        before = self.timeline.elapsed
        self.mode(False)
        result = self._measure(self.live)
        self.mode(True)
        self.early_stopping.watch(result.metrics[self.data.task.metric])
        now = self.timeline.elapsed
        self.forecast.evaluated(now - before)
        if self.early_stopping.reached:
            self.forecast.stopped_early()
        epoch = self.step / self.steps.per_epoch
        yield Evaluated(self.step, result.metrics, result.loss, now, epoch, self.forecast.remaining())

    def mode(self, training: bool) -> None:
        """Put the model in training or evaluation mode."""
        preparation.set_mode(self.model, self.anatomy, training, self.settings.frozen_dropout)

    def _measure(self, feed: Feed) -> Evaluation:
        try:
            return self.evaluator.measure(feed)
        except FloatingPointError as error:
            raise self._diverged(str(error), self.step) from error

    def _diverged(self, what: str, step: int) -> TrainingFailed:
        return diverged(
            step, self.spec.learning_rate, default_learning_rate(self.spec.stratification, self.steps.total), what
        )

    def _save(self) -> None:
        if self.folder is not None:
            task = self.data.task
            metadata = {
                "stratification": self.spec.stratification.to_json(),
                "model": self.spec.model,
                "base": self.weights,
                "labels": json.dumps(task.labels),
                "pair": json.dumps(task.pair),
            }
            checkpoint.save_trained(self.folder, adapt.trainable_state(self.model), metadata)

    def _final(self) -> dict[str, Evaluation]:
        """Evaluate the full model in fp32 with fixed batches."""
        self.recorded = None  # its memory goes back
        self.engine.only_full_fp32()
        self.model.eval()
        return {part: self._measure(Feed(encoded, self.device)) for part, encoded in self.data.final.items()}

    def _started(self) -> Started:
        return Started(
            total_steps=self.steps.total,
            trainable=sum(p.numel() for p in self.trainable),
            total=self.total_parameters,
            device=self.device.type,
            precision=self.engine.precision,
            learning_rate=self.spec.learning_rate,
            train_examples=len(self.data.train),
            eval_examples=len(self.data.live),
            eval_every=self.steps.eval_every,
            cached_layers=self.engine.cached_layers,
            decisions=tuple(choice.sentence for choice in self.choices),
            seconds=self.timeline.elapsed,
            final_examples=sum(map(len, self.data.final.values())),
            choices=self.choices,
            weights_hash=self.weights,
            data_hash=tasks.content_digest(self.data.task),
            engine_generation=ENGINE_GENERATION,
        )

    def _finished(self, state: str, results: dict[str, Evaluation], changes: Sequence[Change]) -> Finished:
        """`results` are those of the final evaluation; empty when it did not come to an end."""
        data = self.data
        return Finished(
            state=state,
            metrics=results["test"].metrics if results else {},
            validation_metrics=results["validation"].metrics if results else {},
            baseline=tasks.baseline(data.task, data.test.labels) if results else {},
            validation_baseline=tasks.baseline(data.task, data.validation.labels) if results else {},
            further_tests={part: self._scores(part, results[part]) for part in data.further_tests if results},
            seconds=self.timeline.elapsed,
            steps=self.step,
            timeline=self.timeline.spent(),
            padding=self.order.padding(self.step),
            early=self.early_stopping.reached,
            peak_memory=peak_memory(self.device),
            changes=tuple(changes),
        )

    def _scores(self, part: str, measured: Evaluation) -> dict[str, dict[str, float]]:
        """Return what was measured on a further test part, beside its baseline."""
        labels = self.data.further_tests[part].labels
        return {"metrics": measured.metrics, "baseline": tasks.baseline(self.data.task, labels)}

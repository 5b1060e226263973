"""The stages of a training run; `loop.train` is the way in."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from torch import Tensor

from spafit import adapt, tasks
from spafit.home import spafit_home
from spafit.models.weights import check_weights
from spafit.tasks.tokens import Encoded
from spafit.training import checkpoint, preparation
from spafit.training.batches import Feed, Plan, positions
from spafit.training.config import RunSpec, default_learning_rate
from spafit.training.device import choose_device, give_memory_back, peak_memory, prepare_cpu
from spafit.training.engine import Engine
from spafit.training.estimates.remaining import Forecast
from spafit.training.evaluation import Evaluation, Stopped, evaluate, fixed_batches, loss_of
from spafit.training.events import Evaluated, Event, Finished, Phase, Progress, Started, Step
from spafit.training.failures import TrainingFailed, diverged
from spafit.training.optimizer import make_optimizer, schedule, set_learning_rate
from spafit.training.points import Points
from spafit.training.prefix.store import weights_digest
from spafit.training.timeline import Timeline

EVENT_SECONDS = 0.1  # between looks at the losses, at least
PROGRESS_SECONDS = 5.0  # without a point of the curve, after which a run tells how far it is
POINTS = 10  # live evaluations in a run that names no interval
ONE_TOKEN_LAYER = 0.25  # what the last layer costs when only one token of a text goes beyond keys and values


class Run:
    """One run. `events` does everything, in order; it can be called once."""

    def __init__(self, spec: RunSpec, should_stop: Callable[[], bool], folder: Path | None, timeline: Timeline) -> None:
        self.spec = spec
        self.settings = spec.settings
        self.should_stop = should_stop
        self.folder = folder
        self.timeline = timeline
        self.step = 0
        self.examples = 0
        self.best: tuple[float, dict[str, Tensor]] | None = None
        self.waited = 0  # evaluations since the best one
        self.early = False

    def events(self) -> Iterator[Event]:
        """Do the run and tell it."""
        state = "finished"
        results: dict[str, Evaluation] = {}
        yield from self.prepare()
        try:
            yield from self.fill_prefix()
            yield from self._train()
        except Stopped:
            state = "stopped"
        if self.early and self.best is not None:
            adapt.load_trainable_state(self.model, self.best[1])
        yield self.timeline.enter("saving")
        self._save()
        if state == "finished":
            yield self.timeline.enter("final")
            try:
                results = self._final()
            except Stopped:
                state = "stopped"
        self.engine.restore()
        yield Finished(
            state=state,
            metrics=results["test"].metrics if results else {},
            validation_metrics=results["validation"].metrics if results else {},
            baseline=tasks.baseline(self.data.task, self.data.test.labels) if results else {},
            further_tests={part: self._scores(part, results[part]) for part in self.data.further_tests if results},
            seconds=self.timeline.elapsed,
            steps=self.step,
            timeline=self.timeline.spent(),
            padding=self.plan.padding(self.step) if self.step else 0.0,
            early=self.early,
            peak_memory=peak_memory(self.device),
        )

    def prepare(self) -> Iterator[Event]:
        """Load everything and decide everything, up to the first computation."""
        self.device = choose_device(self.settings.device)
        if self.device.type == "cpu":
            prepare_cpu()
        folder = preparation.model_folder(self.spec)
        task = tasks.get_task(self.spec.task)
        described = preparation.describe_model(self.spec, folder, task.num_labels)
        self.max_length = min(self.settings.max_length, described.max_length)
        yield self.timeline.enter("data")
        self.data = preparation.prepare_data(self.spec, folder, self.max_length)
        yield self.timeline.enter("model")
        self.model, self.anatomy = preparation.prepare_model(self.spec, folder, described)
        self.data = preparation.fit_data(self.data, self.model, self.spec.model)
        self.model.to(self.device)
        if self.settings.checkpointing:
            self.model.activation_checkpointing_enable({"use_reentrant": False})
            # It also lets the embeddings' output require gradients, which would then pass through every frozen layer.
            self.model.disable_input_require_grads()
        self.trainable = [p for p in self.model.parameters() if p.requires_grad]
        self.total = sum(p.numel() for p in self.model.parameters())  # before stand-ins hide the frozen layers
        self.optimizer = make_optimizer(self.model, self.spec.learning_rate, self.settings.weight_decay)
        self._plan()
        self.engine = Engine(self.model, self.anatomy, self.settings, self.device, spafit_home() / "cache")
        padding = self.plan.padding(min(self.total_steps, self.plan.steps_per_epoch))
        self.engine.decisions.append(f"Texts of similar length together: {padding:.1%} of what is computed is padding.")
        self.engine.decisions += preparation.remarks(self.data.task.key)
        if self.max_length < self.settings.max_length:
            self.engine.decisions.append(f"Texts cut at {self.max_length} tokens, the most this model takes.")
        needs = {
            "train": (self.data.train, self.total_steps / self.plan.steps_per_epoch),
            "live": (self.data.live, float(self.evaluations)),
        }
        self.engine.choose_prefix(
            adapt.prefix_depth(self.anatomy, self.spec.stratification),
            weights_digest(check_weights(folder), spafit_home() / "cache"),
            needs,
        )
        self.forecast = self._make_forecast()
        give_memory_back()

    def fill_prefix(self) -> Iterator[Phase]:
        """Compute or read the states that the training examples leave the frozen prefix with, if they are cached."""
        if self.engine.replay is not None:
            yield self.timeline.enter("prefix")
            self._fill(self.feed)

    def _fill(self, feed: Feed) -> None:
        seconds = self.engine.fill(feed, self.should_stop)
        self.forecast.recorded(seconds, _positions(feed.encoded) * self.engine.cached_layers)

    def _plan(self) -> None:
        """Decide which examples each step takes and when the model is evaluated."""
        data, settings = self.data, self.settings
        self.feed, self.live = Feed(data.train, self.device), Feed(data.live, self.device)
        self.plan = Plan(
            data.train.lengths, data.train.max_length, settings.batch_size, settings.accumulation, settings.seed
        )
        self.total_steps = settings.max_steps or max(1, round(settings.epochs * self.plan.steps_per_epoch))
        self.eval_every = settings.eval_every or math.ceil(self.total_steps / POINTS)
        self.evaluations = math.ceil(self.total_steps / self.eval_every)

    def _make_forecast(self) -> Forecast:
        last = 1.0 if self.engine.one_token is None else ONE_TOKEN_LAYER
        depth = self.anatomy.num_layers
        recording = 0 if self.engine.stored else self.engine.cached_layers
        return Forecast(
            self.plan.positions,
            self.total_steps,
            max(ONE_TOKEN_LAYER, depth - 1 + last - self.engine.cached_layers),
            evaluations=self.evaluations,
            evaluation_positions=_positions(self.data.live),
            final_positions=sum(map(_positions, self.data.final.values())),
            all_layers=(depth - 1 + last) * self.engine.fp32_slowness,
            recording=recording * (_positions(self.data.train) + _positions(self.data.live)),
            forward_seconds=self.engine.forward_seconds,
        )

    def _started(self) -> Started:
        return Started(
            total_steps=self.total_steps,
            trainable=sum(p.numel() for p in self.trainable),
            total=self.total,
            device=self.device.type,
            precision=self.engine.precision,
            learning_rate=self.spec.learning_rate,
            train_examples=len(self.data.train),
            eval_examples=len(self.data.live),
            eval_every=self.eval_every,
            cached_layers=self.engine.cached_layers,
            decisions=tuple(self.engine.decisions),
            seconds=self.timeline.elapsed,
            final_examples=sum(map(len, self.data.final.values())),
        )

    def _train(self) -> Iterator[Event]:
        torch.manual_seed(self.settings.seed)
        yield self.timeline.enter("training")
        yield self._started()
        self.mode(True)
        points = Points(self.total_steps, self.plan.steps_per_epoch)
        try:
            yield from self._steps(points)
        except Stopped:
            yield from self._end_of_curve(points)
            raise
        yield from self._end_of_curve(points)

    def _steps(self, points: Points) -> Iterator[Event]:
        published_at = reported_at = -math.inf
        before = self.timeline.elapsed
        while self.step < self.total_steps and not self.early:
            rate = self.spec.learning_rate * schedule(self.step, self.total_steps, self.settings.warmup)
            seen = self.examples
            loss = self.optimizer_step(rate)
            now = self.timeline.elapsed
            points.add(self.step, loss, self.examples - seen, rate, now)
            self.forecast.trained(now - before)
            before = now  # what telling about a step costs, waiting for a GPU included, counts for the next one
            evaluating = self.step == self.total_steps or self.step % self.eval_every == 0
            if evaluating or now - published_at >= EVENT_SECONDS:
                published_at = now
                if points.waiting:
                    reported_at = now
                    yield from self._point_events(points)
                elif now - reported_at >= PROGRESS_SECONDS:
                    reported_at = now
                    yield self._progress(points)
            if evaluating:
                yield from self.evaluate()
                if not (self.step == self.total_steps or self.early):
                    yield self.timeline.enter("training")
                before = self.timeline.elapsed

    def _point_events(self, points: Points) -> Iterator[Step]:
        for point in points.take(self.forecast.remaining()):
            if not math.isfinite(point.loss):
                raise self._diverged("loss", point.step)
            yield point

    def _progress(self, points: Points) -> Progress:
        if not points.is_finite():
            raise self._diverged("loss", self.step)
        return Progress(self.step, self.timeline.elapsed, self.forecast.remaining())

    def _end_of_curve(self, points: Points) -> Iterator[Step]:
        """What the curve has not told yet; a run that ends between two points gets one more."""
        points.close()
        yield from self._point_events(points)

    def optimizer_step(self, rate: float) -> Tensor:
        """Take one step; returns the summed loss of its examples, still on the device."""
        parts = self.plan.parts(self.step)
        count = sum(map(len, parts))
        total = torch.zeros((), device=self.device)
        for rows in parts:
            if self.should_stop():
                raise Stopped
            batch = self.feed.batch(rows)
            loss = loss_of(self.engine.logits(batch), batch.labels, "sum")
            (loss / count).backward()
            total += loss.detach()
        torch.nn.utils.clip_grad_norm_(self.trainable, self.settings.max_grad_norm)
        set_learning_rate(self.optimizer, rate)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self.step += 1
        self.examples += count
        return total

    def evaluate(self) -> Iterator[Phase | Evaluated]:
        """Evaluate on the live examples, and tell it."""
        if self.engine.replay is not None and self.live.states is None:
            yield self.timeline.enter("prefix")
            self._fill(self.live)
        yield self.timeline.enter("evaluating")
        before = self.timeline.elapsed
        self.mode(False)
        result = self._measure(self.live)
        self.mode(True)
        if self.settings.early_stopping is not None:
            self._watch(result.metrics[self.data.task.metric], self.settings.early_stopping)
        now = self.timeline.elapsed
        self.forecast.evaluated(now - before)
        if self.early:
            self.forecast.stopped_early()
        epoch = self.step / self.plan.steps_per_epoch
        yield Evaluated(self.step, result.metrics, result.loss, now, epoch, self.forecast.remaining())

    def _measure(self, feed: Feed) -> Evaluation:
        try:
            return evaluate(self.engine.logits, feed, self.data.task.metrics, self.should_stop)
        except FloatingPointError as error:
            raise self._diverged(str(error), self.step) from error

    def _diverged(self, what: str, step: int) -> TrainingFailed:
        return diverged(step, self.spec.learning_rate, default_learning_rate(self.spec.stratification), what)

    def _watch(self, score: float, patience: int) -> None:
        """Keep the best parameters so far, and notice when nothing has improved for too long."""
        if self.best is None or score > self.best[0]:
            state = {name: tensor.clone() for name, tensor in adapt.trainable_state(self.model).items()}
            self.best, self.waited = (score, state), 0
            return
        self.waited += 1
        self.early = self.waited >= patience

    def mode(self, training: bool) -> None:
        """Put the model in training or evaluation mode."""
        preparation.set_mode(self.model, self.anatomy, training, self.settings.frozen_dropout)

    def _save(self) -> None:
        if self.folder is not None:
            metadata = {"stratification": self.spec.stratification.to_json(), "model": self.spec.model}
            checkpoint.save_trained(self.folder, adapt.trainable_state(self.model), metadata)

    def _final(self) -> dict[str, Evaluation]:
        """Evaluate the full model in fp32 with fixed batches."""
        self.engine.only_full_fp32()
        self.model.eval()
        return {part: self._measure(Feed(encoded, self.device)) for part, encoded in self.data.final.items()}

    def _scores(self, part: str, measured: Evaluation) -> dict[str, dict[str, float]]:
        """What was measured on a further test part, beside what guessing reaches there."""
        labels = self.data.further_tests[part].labels
        return {"metrics": measured.metrics, "baseline": tasks.baseline(self.data.task, labels)}


def _positions(encoded: Encoded) -> int:
    """Tokens and padding in a split's fixed batches."""
    return positions(encoded.lengths, fixed_batches(encoded.lengths, encoded.max_length), encoded.max_length)

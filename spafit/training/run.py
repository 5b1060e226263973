"""The stages of a training run; `loop.train` is the way in."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from torch import Tensor

from spafit import adapt, tasks
from spafit.training import checkpoint, preparation
from spafit.training.batches import Feed, Plan
from spafit.training.config import RunSpec
from spafit.training.device import choose_device, peak_memory, usable_cores
from spafit.training.evaluation import Evaluation, Stopped, evaluate, fixed_batches, loss_of
from spafit.training.events import Evaluated, Event, Finished, Started, Step
from spafit.training.failures import diverged
from spafit.training.optimizer import make_optimizer, schedule, set_learning_rate
from spafit.training.timeline import Timeline

EVENT_SECONDS = 0.1  # between Step events, at least
POINTS = 10  # live evaluations in a run that names no interval


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
        yield from self._prepare()
        state = "finished"
        try:
            yield from self._train()
        except Stopped:
            state = "stopped"
        if self.early and self.best is not None:
            adapt.load_trainable_state(self.model, self.best[1])
        yield self.timeline.enter("saving")
        self._save()
        results: dict[str, Evaluation] = {}
        if state == "finished":
            yield self.timeline.enter("final")
            try:
                results = self._final()
            except Stopped:
                state = "stopped"
        yield Finished(
            state=state,
            metrics=results["test"].metrics if results else {},
            validation_metrics=results["validation"].metrics if results else {},
            baseline=tasks.baseline(self.data.task, self.data.test.labels) if results else {},
            seconds=self.timeline.elapsed,
            steps=self.step,
            timeline=self.timeline.spent(),
            padding=self.plan.padding(),
            early=self.early,
            peak_memory=peak_memory(self.device),
        )

    def _prepare(self) -> Iterator[Event]:
        self.device = choose_device(self.settings.device)
        if self.device.type == "cpu":
            torch.set_num_threads(usable_cores())
        folder = preparation.model_folder(self.spec)
        yield self.timeline.enter("data")
        self.data = preparation.prepare_data(self.spec, folder)
        yield self.timeline.enter("model")
        self.model, self.anatomy = preparation.prepare_model(self.spec, folder, self.data.task.num_labels)
        self.model.to(self.device)
        if self.settings.checkpointing:
            self.model.gradient_checkpointing_enable({"use_reentrant": False})
        self.trainable = [p for p in self.model.parameters() if p.requires_grad]
        self.optimizer = make_optimizer(self.model, self.spec.learning_rate, self.settings.weight_decay)
        self.feeds = {name: Feed(getattr(self.data, name), self.device) for name in ("train", "validation", "test")}
        self.plan = Plan(
            self.data.train.lengths, self.settings.batch_size, self.settings.accumulation, self.settings.seed
        )
        wanted = round(self.settings.epochs * self.plan.steps_per_epoch)
        self.total_steps = self.settings.max_steps or max(1, wanted)
        self.eval_every = self.settings.eval_every or max(1, math.ceil(self.total_steps / POINTS))
        live_lengths = self.data.validation.lengths[self.data.live]
        self.live_batches = [self.data.live[rows] for rows in fixed_batches(live_lengths)]

    def _forward(self, inputs: dict[str, Tensor]) -> Tensor:
        return self.model(**inputs).logits

    def _train(self) -> Iterator[Event]:
        torch.manual_seed(self.settings.seed)
        yield self.timeline.enter("training")
        yield Started(
            total_steps=self.total_steps,
            trainable=sum(p.numel() for p in self.trainable),
            total=sum(p.numel() for p in self.model.parameters()),
            device=self.device.type,
            precision="fp32",
            learning_rate=self.spec.learning_rate,
            train_examples=len(self.data.train),
            eval_examples=len(self.data.live),
            eval_every=self.eval_every,
            cached_layers=0,
            decisions=(),
            seconds=self.timeline.elapsed,
        )
        preparation.set_mode(self.model, self.anatomy, True, self.settings.frozen_dropout)
        told, told_at = 0, -math.inf  # examples and time of the last Step event
        losses = torch.zeros((), device=self.device)
        while self.step < self.total_steps and not self.early:
            if self.should_stop():
                raise Stopped
            rate = self.spec.learning_rate * schedule(self.step, self.total_steps, self.settings.warmup)
            losses += self._optimizer_step(rate)
            last = self.step == self.total_steps
            now = self.timeline.elapsed
            if last or now - told_at >= EVENT_SECONDS:
                mean = float(losses) / (self.examples - told)
                if not math.isfinite(mean):
                    raise diverged(self.step, self.spec.learning_rate)
                yield Step(
                    step=self.step,
                    epoch=self.step / self.plan.steps_per_epoch,
                    loss=mean,
                    learning_rate=rate,
                    seconds=now,
                    examples=self.examples,
                )
                losses.zero_()
                told, told_at = self.examples, now
            if last or self.step % self.eval_every == 0:
                yield self.timeline.enter("evaluating")
                yield self._evaluate()
                if not (last or self.early):
                    yield self.timeline.enter("training")

    def _optimizer_step(self, rate: float) -> Tensor:
        """Take one step; returns the summed loss of its examples, still on the device."""
        parts = self.plan.step(self.step)
        count = sum(map(len, parts))
        total = torch.zeros((), device=self.device)
        for rows in parts:
            inputs, labels = self.feeds["train"].batch(rows)
            loss = loss_of(self._forward(inputs), labels, "sum")
            (loss / count).backward()
            total += loss.detach()
        torch.nn.utils.clip_grad_norm_(self.trainable, self.settings.max_grad_norm)
        set_learning_rate(self.optimizer, rate)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self.step += 1
        self.examples += count
        return total

    def _evaluate(self) -> Evaluated:
        preparation.set_mode(self.model, self.anatomy, False, self.settings.frozen_dropout)
        result = evaluate(
            self._forward, self.feeds["validation"], self.live_batches, self.data.task.metrics, self.should_stop
        )
        preparation.set_mode(self.model, self.anatomy, True, self.settings.frozen_dropout)
        if self.settings.early_stopping is not None:
            self._watch(result.metrics[self.data.task.metric])
        epoch = self.step / self.plan.steps_per_epoch
        return Evaluated(self.step, result.metrics, result.loss, self.timeline.elapsed, epoch)

    def _watch(self, score: float) -> None:
        """Keep the best parameters so far, and notice when nothing has improved for too long."""
        if self.best is None or score > self.best[0]:
            state = {name: tensor.clone() for name, tensor in adapt.trainable_state(self.model).items()}
            self.best, self.waited = (score, state), 0
            return
        self.waited += 1
        self.early = self.waited >= self.settings.early_stopping

    def _save(self) -> None:
        if self.folder is not None:
            metadata = {"stratification": self.spec.stratification.to_json(), "model": self.spec.model}
            checkpoint.save_trained(self.folder, adapt.trainable_state(self.model), metadata)

    def _final(self) -> dict[str, Evaluation]:
        """Evaluate the full model in fp32 with fixed batches."""
        self.model.eval()
        return {
            name: evaluate(
                self._forward, feed, fixed_batches(feed.encoded.lengths), self.data.task.metrics, self.should_stop
            )
            for name, feed in self.feeds.items()
            if name != "train"
        }

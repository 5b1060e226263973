"""How long a run will take, before it starts, from runs of the same model on this machine. Pure; no torch."""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from dataclasses import dataclass

from spafit.models.anatomy import Anatomy
from spafit.plan import prefix_depth
from spafit.training.config import RunSpec
from spafit.training.events import Finished, Started
from spafit.training.steps import count_steps

SCALED = ("prefix", "training", "evaluating")  # phases whose time goes with the work


@dataclass(frozen=True)
class PastRun:
    """A finished run of this machine, as its events tell it."""

    spec: RunSpec
    started: Started
    finished: Finished


def predict_seconds(
    spec: RunSpec,
    anatomy: Anatomy,
    past: Iterable[PastRun],
    train_examples: int,
    eval_examples: int,
    final_examples: int = 0,
) -> float | None:
    """Estimate the seconds from launch to end; None when no finished run is comparable.

    Comparable are runs of the same model; among them those on the same task, with the same length of texts and of the
    same kind are preferred. Their time per unit of work (see `work`) is taken over, by its median. The time of the
    final evaluation goes with its examples; that of the other phases is taken as it is.

    Args:
        spec: the run to come.
        anatomy: its model's.
        past: earlier runs on this machine, in any order.
        train_examples: that the run will train on.
        eval_examples: in each of its live evaluations.
        final_examples: in its final evaluation, all parts together; 0: as many as the earlier runs had.
    """
    comparable = [run for run in past if run.finished.state == "finished" and _same_model(run.spec, spec)]
    for same in (_same_everything, _same_texts, lambda a, b: True):
        if close := [run for run in comparable if same(run.spec, spec)]:
            break
    else:
        return None
    rates, fixed = [], []
    for run in close:
        timeline = dict(run.finished.timeline)
        done = work(run.spec, anatomy, run.started.train_examples, run.started.eval_examples)
        rates.append(sum(timeline.get(phase, 0.0) for phase in SCALED) / done)
        if final_examples and run.started.final_examples and "final" in timeline:
            timeline["final"] *= final_examples / run.started.final_examples
        fixed.append(sum(seconds for phase, seconds in timeline.items() if phase not in SCALED))
    coming = work(spec, anatomy, train_examples, eval_examples)
    return statistics.median(rates) * coming + statistics.median(fixed)


def work(spec: RunSpec, anatomy: Anatomy, train_examples: int, eval_examples: int) -> float:
    """Return the work of a run in forward passes of one example through one layer.

    A trained layer costs as much again backwards, and once more where its weights train; the frozen layers at the
    bottom are computed once when they are cached.
    """
    settings, strat = spec.settings, spec.stratification
    steps = count_steps(settings, train_examples)
    passes, evaluated = steps.total * steps.examples, steps.evaluations * eval_examples
    recipes = strat.layer_recipes()
    frozen = prefix_depth(anatomy, strat)
    cached = settings.prefix_cache != "off" and not settings.frozen_dropout
    above = sum(3 if recipe.trains_weight else 2 for recipe in recipes[frozen:])
    once = min(train_examples, passes) + min(eval_examples, evaluated)
    below = frozen * (once if cached else passes + evaluated)
    # The head, and one layer's worth for what every pass costs however little of the model it computes.
    return below + passes * (above + 1) + evaluated * (len(recipes) - frozen + 1)


def _same_model(one: RunSpec, other: RunSpec) -> bool:
    return one.model == other.model and one.stratification.num_layers == other.stratification.num_layers


def _same_texts(one: RunSpec, other: RunSpec) -> bool:
    return one.task == other.task and one.settings.max_length == other.settings.max_length


def _same_everything(one: RunSpec, other: RunSpec) -> bool:
    same = _same_texts(one, other) and one.settings.device == other.settings.device
    return same and one.stratification == other.stratification

"""How long runs may take and what they may leave on the disk, before they start, and whether to ask first. No torch."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from spafit.counting import count
from spafit.models.anatomy import Anatomy
from spafit.runs import Origin, State, Store
from spafit.training.config import RunSpec
from spafit.training.estimates.before_start import PastRun, predict_seconds
from spafit.training.events import Finished, Started, event_from_dict

LONG_SECONDS = 3600.0
"""Estimated time from which on runs are asked about once, wherever they are started."""
PAST_RUNS = 20
VALUE_BYTES = 4
ROW_BYTES = 16
"""Of an example's label and place beside its outputs, before compression."""
OTHER_BYTES = 200_000
"""Of a run's curve, log and the rest, about."""


@dataclass(frozen=True)
class Expected:
    """What is to be expected of some runs, one after the other."""

    seconds: float | None
    """None while no finished run of the model on this machine says how fast it is."""
    disk: int
    """Bytes of trained parameters, predictions and curves."""


def expected(
    specs: Iterable[RunSpec], anatomy: Anatomy, past: Iterable[PastRun], sizes: Mapping[str, int], outputs: int
) -> Expected:
    """Return what runs may take.

    Args:
        specs: of the runs to come.
        anatomy: of their model.
        past: finished runs of the model on this machine.
        sizes: rows of each part of the task.
        outputs: of the model's head.
    """
    known = list(past)
    evaluated = sum(sizes.values()) - sizes["train"]
    seconds: list[float | None] = []
    disk = 0
    for spec in specs:
        train = min(spec.settings.train_samples or sizes["train"], sizes["train"])
        live = min(spec.settings.eval_samples or sizes["validation"], sizes["validation"])
        seconds.append(predict_seconds(spec, anatomy, known, train, live, evaluated))
        trained = count(anatomy, spec.stratification).trainable
        disk += VALUE_BYTES * trained + evaluated * (VALUE_BYTES * outputs + ROW_BYTES) + OTHER_BYTES
    known = [one for one in seconds if one is not None]
    return Expected(sum(known) if len(known) == len(seconds) else None, disk)


def long_question(seconds: float | None, runs: int = 1) -> str | None:
    """Return what to ask before runs that take over an hour in all are started; None where there is nothing to ask."""
    if seconds is None or seconds <= LONG_SECONDS:
        return None
    hours = f"about {seconds / 3600:.1f} hours, judged by earlier ones of this machine"
    return f"This run takes {hours}; start it?" if runs == 1 else f"These {runs:,} runs take {hours}; start them?"


def past_runs(store: Store, model: str, task: str) -> list[PastRun]:
    """Return finished runs of a model on this machine, as their events tell them: the latest on a task, then others."""
    finished = functools.partial(store.list, state=State.FINISHED, model=model, origin=Origin.LOCAL, limit=PAST_RUNS)
    found = finished(task=task)
    runs = {run.id: run for run in (found if len(found) == PAST_RUNS else [*found, *finished()])}
    events_of_runs = (
        (run.spec, _first_and_last(store, run.id, run.attempt)) for run in itertools.islice(runs.values(), PAST_RUNS)
    )
    return [PastRun(spec, *events) for spec, events in events_of_runs if events is not None]


@functools.lru_cache(maxsize=500)
def _first_and_last(store: Store, run_id: str, attempt: int) -> tuple[Started, Finished] | None:
    """Return a finished run's first and last word. They never change, so an attempt's are read once per store."""
    events = {event["kind"]: event for _seq, event in store.events(run_id) if event["kind"] in ("started", "finished")}
    if len(events) < 2:
        return None
    started, finished = event_from_dict(events["started"]), event_from_dict(events["finished"])
    return (started, finished) if isinstance(started, Started) and isinstance(finished, Finished) else None

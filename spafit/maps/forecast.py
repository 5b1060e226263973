"""How long a sweep may take and what it may leave on the disk, before it is launched. No torch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from spafit.counting import count
from spafit.models.anatomy import Anatomy
from spafit.runs import Origin, Run, Store, sweeps
from spafit.training.config import RunSpec
from spafit.training.estimates.before_start import PastRun, predict_seconds
from spafit.training.events import Finished, Started, event_from_dict

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
    told = [one for one in seconds if one is not None]
    return Expected(sum(told) if len(told) == len(seconds) else None, disk)


def past_runs(store: Store, model: str, task: str) -> list[PastRun]:
    """Return finished runs of this machine on the same model and task, the latest ones, as their events tell them."""
    local = [run for run in sweeps.finished_runs(store, model, task) if run.origin is Origin.LOCAL]
    return [told for run in local[-PAST_RUNS:] if (told := _told(store, run)) is not None]


def _told(store: Store, run: Run) -> PastRun | None:
    events = {event["kind"]: event for _seq, event in store.events(run.id) if event["kind"] in ("started", "finished")}
    if len(events) < 2:
        return None
    started, finished = event_from_dict(events["started"]), event_from_dict(events["finished"])
    return (
        PastRun(run.spec, started, finished)
        if isinstance(started, Started) and isinstance(finished, Finished)
        else None
    )

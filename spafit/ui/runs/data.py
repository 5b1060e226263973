"""A run's events as the pages use them: fetched once, then only what is new; as points of curves."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from spafit.runs import Run, State, Store
from spafit.tasks import TaskError, folder, get_task, is_quick, load
from spafit.tasks.metrics import REGRESSION_METRICS

POINT_COLUMNS = ("series", "step", "epoch", "seconds", "examples", "value")
"""Columns of a points table; `series` is "loss" (training), "validation loss" or "validation METRIC"."""
_KEPT_RUNS = 60
_QUIET_SECONDS = 1.0
"""Where no event has come for this long, the clock is carried on without one."""

Event = Mapping[str, Any]


def events_of(run: Run) -> list[Event]:
    """All events of the run's current attempt so far. A session asks the store only for those it has not seen."""
    seen: dict[tuple[str, int], tuple[int, list[Event], bool]] = st.session_state.setdefault("seen_events", {})
    key = (run.id, run.attempt)
    last, events, complete = seen.pop(key, (0, [], False))
    for number, event in [] if complete else Store.open().events(run.id, after=last):
        last = number
        events.append(event)
    seen[key] = (last, events, run.state.over)  # an attempt that is over tells nothing more
    while len(seen) > _KEPT_RUNS:
        seen.pop(next(iter(seen)))
    return events


def up_to_now(run: Run) -> Run:
    """Return the run with its seconds and those left, carried on through a phase that tells nothing while it lasts.

    The final evaluation is such a phase: it can take as long as the training did.
    """
    if run.state is not State.RUNNING or run.seconds is None:
        return run
    quiet = Store.open().quiet_for(run.id)
    if quiet < _QUIET_SECONDS:
        return run
    left = None if run.remaining is None else max(0.0, run.remaining - quiet)
    return replace(run, seconds=run.seconds + quiet, remaining=left)


def points(events: Iterable[Event]) -> pd.DataFrame:
    """One row per measured value, columns `POINT_COLUMNS`, in the order of the events.

    An evaluation does not tell how many training examples were seen; it takes their number from its epoch.
    """
    rows: list[tuple[str, int, float, float, int | None, float]] = []
    in_an_epoch: int | None = None
    for event in events:
        if event["kind"] == "started":
            in_an_epoch = event["train_examples"]
        elif event["kind"] == "step":
            at = (event["step"], event["epoch"], event["seconds"], event.get("examples"))
            rows.append(("loss", *at, event["loss"]))
        elif event["kind"] == "evaluated":
            epoch = event.get("epoch", 0.0)
            seen = None if in_an_epoch is None else round(epoch * in_an_epoch)
            at = (event["step"], epoch, event["seconds"], seen)
            rows.append(("validation loss", *at, event["loss"]))
            rows.extend((f"validation {name}", *at, value) for name, value in event["metrics"].items())
    return pd.DataFrame(rows, columns=list(POINT_COLUMNS)).astype({"examples": "Int64"})


def points_of(run: Run) -> pd.DataFrame:
    """Return the points of a run so far; computed again only where events have come since."""
    known: dict[str, tuple[tuple[int, int], pd.DataFrame]] = st.session_state.setdefault("known_points", {})
    events = events_of(run)
    mark = (run.attempt, len(events))
    if run.id not in known or known[run.id][0] != mark:
        known[run.id] = (mark, points(events))
        while len(known) > _KEPT_RUNS:
            known.pop(next(iter(known)))
    return known[run.id][1]


def last_of(events: Iterable[Event], kind: str) -> Event | None:
    """Return the latest event of a kind, or None."""
    return next((event for event in reversed(list(events)) if event["kind"] == kind), None)


def baseline_of(task_key: str) -> float | None:
    """Return what the task's primary metric is on validation data for whoever always says the most frequent label.

    None where that would need a download, a long wait, or more than counting labels.
    """
    try:
        task = get_task(task_key)
        return _baseline_of(task.key, str(folder(task))) if is_quick(task) else None
    except TaskError:
        return None


@st.cache_data(show_spinner=False, max_entries=100)
def _baseline_of(task_key: str, place: str) -> float | None:
    """Count it once for all visitors; `place` changes when the data does."""
    task = get_task(task_key)
    labels = load(task, "validation").labels
    if task.metric == "accuracy":
        return float(np.bincount(labels).max() / len(labels))
    return 0.0 if task.metric in ("matthews", "pearson", "spearman") else None


def primary_metric(run: Run) -> str:
    """Name the metric that counts for this run: its task's, or the first it recorded when the task is gone."""
    return task_metric(run.task) or next(iter(run.metrics or run.validation_metrics), "accuracy")


def task_metric(key: str) -> str | None:
    """Return the primary metric of a task; None when it is gone."""
    try:
        return get_task(key).metric
    except TaskError:
        return None


def loss_name(metric: str) -> str:
    """Return what the loss of a task with this primary metric is, as an axis says it."""
    return "squared error" if metric in REGRESSION_METRICS else "cross-entropy"

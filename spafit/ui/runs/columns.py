"""The columns of the table of runs: what each says, how it is sorted, and which of them are shown at first."""

from collections.abc import Sequence
from typing import Any

import streamlit as st

from spafit.glossary import term
from spafit.runs import Run
from spafit.stratification import Method
from spafit.tasks import called
from spafit.ui.components.text import metric_name
from spafit.ui.runs.data import primary_metric, task_metric
from spafit.ui.runs.naming import run_label, task_name

WHY_NO_TEST = (
    "The test score is kept for the end: whoever chooses among many runs by it uses it up, because the best of many is "
    "partly luck. So runs are ranked by their validation score."
)
CONFIG = {
    "Run": st.column_config.TextColumn(width=190),
    "Rate": st.column_config.NumberColumn(format="%.3g", help="The peak learning rate"),
    "Trainable": st.column_config.NumberColumn(format="localized", help=term("trainable").tip),
    "Validation": st.column_config.NumberColumn(
        format="%.3f", help="The metric in the latest evaluation; on all validation data once the run is finished"
    ),
    "Baseline": st.column_config.NumberColumn(format="%.3f", help=term("baseline").tip),
    "Test": st.column_config.NumberColumn(
        format="%.3f", help="The metric on the test data, once, at the end; MNLI: matched"
    ),
    "Test, mismatched": st.column_config.NumberColumn(format="%.3f", help="On MNLI's second test part, likewise"),
    "Test baseline": st.column_config.NumberColumn(format="%.3f", help=term("baseline").tip),
    "Task": st.column_config.TextColumn(help="With the metric of Validation and Baseline; higher is better"),
    "Seconds": st.column_config.NumberColumn(format="%.0f", help="From launch to end, without waiting"),
    "Started": st.column_config.DatetimeColumn(format="distance"),
    "Tags": st.column_config.ListColumn(),
    "Pinned": st.column_config.CheckboxColumn(help="Its saved weights stay when others make room"),
}
SORTS = {
    "Started": "number",
    "Run": "name",
    "Validation": "validation",
    "Seed": "seed",
    "N1": "n1",
    "N2": "n2",
    "Method": "method",
    "Rate": "learning_rate",
    "State": "state",
    "Task": "task",
    "Model": "model",
    "Owner": "owner",
    "Trainable": "trainable",
    "Seconds": "seconds",
    "Pinned": "pinned",
}
"""What the database sorts by, by the column's heading."""
ALL = (
    *("Run", "Seed", "State", "Validation", "Baseline", "Task", "Started", "Trainable", "Seconds", "Owner", "Model"),
    *("Method", "N1", "N2", "Rate", "Tags", "Note", "Pinned", "Test", "Test, mismatched", "Test baseline"),
)
FIRST = ALL[:11]
"""Shown at first; tags and notes join them where there are any."""


def shown(runs: Sequence[Run], chosen: Sequence[str]) -> list[str]:
    """Return the columns to show: those that were chosen, else the first ones that tell these runs apart."""
    if chosen:
        return [column for column in ALL if column in chosen]
    spare = set() if any(run.owner for run in runs) else {"Owner"}
    spare |= set() if len({run.model for run in runs}) > 1 else {"Model"}
    more = [name for name, there in (("Tags", any(r.tags for r in runs)), ("Note", any(r.note for r in runs))) if there]
    return [column for column in FIRST if column not in spare] + more


def rows(runs: Sequence[Run]) -> list[dict[str, Any]]:
    """Return what each run says in every column."""
    known = {run.task: (task_name(run.task), task_metric(run.task)) for run in runs}  # looked up once each
    return [_row(run, *known[run.task]) for run in runs]


def _row(run: Run, task: str, known_metric: str | None) -> dict[str, Any]:
    metric, further = known_metric or primary_metric(run), run.further_tests
    return {
        "Run": run_label(run),
        "Seed": run.seed,
        "State": f"queued, place {run.position}" if run.position else str(run.state),
        "Validation": run.validation_metrics.get(metric),
        "Baseline": run.validation_baseline.get(metric),
        "Test": run.metrics.get(metric),
        **{called(run.task, part).capitalize(): further[part]["metrics"].get(metric) for part in further},
        "Test baseline": run.baseline.get(metric),
        "Task": f"{task} · {metric_name(metric)}",
        "Method": method_label(run.method),
        "N1": run.n1,
        "N2": run.n2,
        "Rate": run.learning_rate,
        "Trainable": run.trainable,
        "Seconds": run.seconds,
        "Owner": run.owner,
        "Model": run.model,
        "Tags": list(run.tags),
        "Note": run.note,
        "Pinned": run.pinned,
        "Started": run.started_at or run.created_at,
    }


def method_label(method: str | None) -> str:
    """Return a method as people read it; other stratifications than the presets have none."""
    return Method(method).label if method in set(Method) else "other"

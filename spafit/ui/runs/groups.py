"""Runs in groups, a row each: repeats of one setting with their standard error, or runs that share a value."""

from typing import Any

import pandas as pd
import streamlit as st

from spafit.maps.repeats import repeats
from spafit.maps.statistics import summarize
from spafit.runs import Run, Store, tables
from spafit.runs.tables import Order
from spafit.ui.components.text import metric_name
from spafit.ui.runs.arrange import GROUPS, SETTING, Arrangement
from spafit.ui.runs.columns import method_label
from spafit.ui.runs.data import primary_metric
from spafit.ui.runs.naming import run_label, task_name

MOST_RUNS = 5000
"""That are taken together by setting."""
_CONFIG = {
    **{name: st.column_config.NumberColumn(format="%.3f") for name in ("Lowest", "Mean", "Highest", "Baseline")},
    "Standard error": st.column_config.NumberColumn(
        format="%.4f", help="Of the mean over seeds, from the sample standard deviation (n - 1)"
    ),
    "n": st.column_config.NumberColumn(help="Seeds with a finished run"),
    "Finished": st.column_config.NumberColumn(help="Runs with a final validation score, which the scores are about"),
    "Rate": st.column_config.NumberColumn(format="%.3g"),
}


def groups_table(arranged: Arrangement) -> None:
    """Draw the groups; scores are of the validation data."""
    assert arranged.group is not None
    found = _by_setting(arranged) if arranged.group == SETTING else _by_value(arranged, arranged.group)
    st.dataframe(pd.DataFrame(found), hide_index=True, placeholder="–", column_config=_CONFIG, key="runs_groups")
    about = (
        "Repeats of a setting differ in their seed only: model, data, engine and all other settings are the same."
        if arranged.group == SETTING
        else "Runs of a group may differ in everything else, so their mean says little by itself."
    )
    st.caption(f"Scores are on the validation data. {about}")


def _by_setting(arranged: Arrangement) -> list[dict[str, Any]]:
    runs = tables.page(Store.open(), arranged.wanted, Order(), dict(arranged.metrics), limit=MOST_RUNS)
    rows = [_repeats_row(one.runs, one.scores(primary_metric(one.runs[0]))) for one in repeats(runs)]
    return sorted(rows, key=lambda row: (row["Mean"] is not None, row["Mean"] or 0.0), reverse=True)


def _repeats_row(runs: tuple[Run, ...], scores: dict[int, float]) -> dict[str, Any]:
    run = runs[0]
    metric, summary = primary_metric(run), summarize(list(scores.values())) if scores else None
    return {
        "Setting": run_label(run),
        "Rate": run.learning_rate,
        "Mean": summary and summary.mean,
        "Standard error": summary and summary.standard_error,
        "n": len(scores),
        "Baseline": next((r.validation_baseline[metric] for r in runs if metric in r.validation_baseline), None),
        "Task": f"{task_name(run.task)} · {metric_name(metric)}",
        "Model": run.model,
        "Runs": len(runs),
    }


def _by_value(arranged: Arrangement, heading: str) -> list[dict[str, Any]]:
    by = GROUPS[heading]
    assert by is not None
    said = {"method": method_label, "task": task_name}.get(by, lambda value: value)
    return [
        {
            heading: said(group.value),
            "Runs": group.runs,
            "Finished": group.scored,
            "Lowest": group.lowest,
            "Mean": group.mean,
            "Highest": group.highest,
            **({} if by == "task" else {"Task": task_name(group.task)}),
            **({} if by == "model" else {"Model": group.model}),
        }
        for group in tables.groups(Store.open(), arranged.wanted, by, dict(arranged.metrics))
    ]

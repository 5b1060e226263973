"""The board's figure and its one line, in letters that are read at the back of the room."""

from collections.abc import Sequence

import plotly.graph_objects as go
import streamlit as st

from spafit.classroom.board import Entry, entries
from spafit.errors import SpafitError
from spafit.figures.base import SERIES_COLORS, drawn, empty
from spafit.models.registry import get_model
from spafit.palette import KIND_COLORS
from spafit.runs import State, Store
from spafit.tasks import Task, get_task
from spafit.ui.components.errors import showing_errors
from spafit.ui.components.text import metric_name, plain

HEIGHT = 480
LINE = KIND_COLORS["frozen"]
NAMED = 6
"""Entries with a place number and a line beside the figure."""
NAME_CHARS = 24


@st.fragment(run_every=2.0)
def board(model: str, task_key: str) -> None:
    """Draw what the finished runs of a model and task have reached, again whenever there is more."""
    with showing_errors():
        task, model_name = get_task(task_key), get_model(model).name
        runs = Store.open().list(task=task_key, model=model, state=State.FINISHED, limit=None)
        found = entries(runs, task.metric)
        st.title(plain(f"{task.name} · {model_name}"), anchor=False)
        baseline = next((run.validation_baseline.get(task.metric) for run in runs if run.validation_baseline), None)
        picture, ranking = st.columns([5, 2], gap="large", vertical_alignment="center")
        with picture:
            st.plotly_chart(figure(found, baseline, task), key="board", config={"displayModeBar": False})
        with ranking:
            for place, entry in enumerate(found[:NAMED], 1):
                st.markdown(f"{'### ' if place == 1 else '#### '}{place}\\. {_line(entry)}")


def newest_choice() -> tuple[str, str] | None:
    """Return model and task of the run that finished last; None when none has."""
    try:
        runs = Store.open().list(state=State.FINISHED, limit=1)
    except SpafitError:
        return None
    return (runs[0].model, runs[0].task) if runs else None


def _line(entry: Entry) -> str:
    """One place of the ranking, with the names of those who ran it as they typed them."""
    who = ", ".join(name[:NAME_CHARS] for name in entry.owners[:2])
    more = f" and {len(entry.owners) - 2} more" if len(entry.owners) > 2 else ""
    seeds = f", mean of {entry.runs}" if entry.runs > 1 else ""
    return plain(f"{entry.score:.3f} {entry.name}: {who}{more}{seeds}")


def figure(found: Sequence[Entry], baseline: float | None, task: Task) -> go.Figure:
    """Return score against trainable parameters; the best is a star, the baseline a dashed line."""
    if not found:
        return empty("The first finished run appears here.", height=HEIGHT)
    labels = [str(place) if place <= NAMED else "" for place in range(1, len(found) + 1)]
    dots = {
        "type": "scatter",
        "mode": "markers+text",
        "x": [max(entry.trainable, 1) for entry in found],
        "y": [entry.score for entry in found],
        "text": labels,
        "textposition": "top center",
        "textfont": {"size": 22},
        "cliponaxis": False,
        "hoverinfo": "skip",
        "marker": {
            "size": [26, *[18] * (len(found) - 1)],
            "symbol": ["star", *["circle"] * (len(found) - 1)],
            "color": [SERIES_COLORS[1], *[SERIES_COLORS[0]] * (len(found) - 1)],
        },
    }
    large = {"title": {"font": {"size": 22}}, "tickfont": {"size": 18}}
    across = large | {"type": "log", "dtick": 1, "title": {"text": "Trainable parameters", "font": {"size": 22}}}
    up = large | {"title": {"text": f"Validation {metric_name(task.metric)}", "font": {"size": 22}}}
    lines: dict[str, object] = {}
    if baseline is not None:
        note = {"text": f"baseline {baseline:.2f}", "font": {"size": 18}}
        lines["shapes"] = [
            {
                "type": "line",
                "xref": "paper",
                "x0": 0,
                "x1": 1,
                "y0": baseline,
                "y1": baseline,
                "line": {"dash": "dash", "color": LINE},
            }
        ]
        lines["annotations"] = [
            note | {"xref": "paper", "x": 1, "y": baseline, "showarrow": False, "yanchor": "bottom"}
        ]
    margin = {"l": 12, "r": 60, "t": 60, "b": 12}
    return drawn([dots], height=HEIGHT, x=across, y=up, showlegend=False, margin=margin, **lines)

"""The board's figure and its one line, in letters that are read at the back of the room."""

import math
from collections.abc import Mapping, Sequence
from html import escape

import plotly.graph_objects as go
import streamlit as st

from spafit.classroom.board import Entry, cells, entries
from spafit.figures.base import GRID, SERIES_COLORS, drawn, empty
from spafit.figures.labels import beside, round_numbers
from spafit.models.registry import get_model
from spafit.palette import KIND_COLORS
from spafit.runs import State, Store, classes
from spafit.tasks import Task, get_task
from spafit.ui.components.errors import showing_errors
from spafit.ui.components.text import metric_name, plain

HEIGHT = 340
WIDTH = 430
"""Pixels that dots have on a narrow projector; with more, names have more room."""
MARGIN = {"l": 12, "r": 60, "t": 40, "b": 12}
LINE = KIND_COLORS["frozen"]
NAMED = 6
"""Entries with a place number and a line beside the figure."""
NAME_CHARS = 24


@st.fragment(run_every=2.0)
def board(class_id: str, model: str, task_key: str) -> None:
    """Draw what finished runs have reached, again whenever there is more.

    Args:
        class_id: whose runs count; empty for everybody's.
        model: of the runs that count, if no class says so; empty for that of the run that finished last.
        task_key: likewise.
    """
    with showing_errors():
        store = Store.open()
        course = classes.get(store.engine, class_id) if class_id else None
        if course is not None:
            model, task_key = course.rules.setting.model, course.rules.setting.task
        elif not (model and task_key):
            model, task_key = newest_choice() or ("", "")
        if not model:
            st.title("Board", anchor=False)
            st.markdown("### No run has finished yet. What runs reach appears here by itself.")
            return
        task, model_name = get_task(task_key), get_model(model).name
        mine = class_id or None
        runs = store.list(task=task_key, model=model, state=State.FINISHED, class_id=mine, limit=None)
        found = entries(runs, task.metric)
        heading = f"{task.name} · {model_name}" if course is None else f"{course.name} · {task.name}"
        baseline = next((run.validation_baseline.get(task.metric) for run in runs if run.validation_baseline), None)
        title, best = st.columns([3, 2], vertical_alignment="center")
        title.title(plain(heading), anchor=False)
        if found:
            best.markdown(f"### Best so far {found[0].score:.3f}")
        score_side, map_side = st.columns([3, 2], gap="medium") if cells(found) else (st.container(), None)
        with score_side, st.container(key="board_names" if course is not None else "board_dots"):
            drawn_score = figure(found, baseline, task, names=course is not None)
            st.plotly_chart(drawn_score, key="board", config={"displayModeBar": False})
        if map_side is not None:
            with map_side:
                depth = runs[0].spec.stratification.num_layers
                st.plotly_chart(triangle(cells(found), depth), key="board_map", config={"displayModeBar": False})
        _ranking(found, test_shown=course is not None and course.test_revealed)


def _ranking(found: Sequence[Entry], test_shown: bool) -> None:
    """Draw the first places in two rows; on a low screen the second one is left out."""
    for row in range(0, min(len(found), NAMED), 3):
        with st.container(key=f"board_row_{row}"):
            for place, column in enumerate(st.columns(3), row + 1):
                if place <= len(found):
                    column.markdown(f"#### {place}\\. {_line(found[place - 1], test_shown)}")


def newest_choice() -> tuple[str, str] | None:
    """Return model and task of the run that finished last; None when none has."""
    runs = Store.open().list(state=State.FINISHED, limit=1)
    return (runs[0].model, runs[0].task) if runs else None


def _line(entry: Entry, test_shown: bool) -> str:
    """One place of the ranking, with the names of those who ran it as they typed them."""
    who = ", ".join(name[:NAME_CHARS] for name in entry.owners[:2])
    more = f" and {len(entry.owners) - 2} more" if len(entry.owners) > 2 else ""
    seeds = f", mean of {entry.runs}" if entry.runs > 1 else ""
    test = "" if entry.test is None or not test_shown else f", test {entry.test:.3f}"
    return plain(f"{entry.score:.3f} {entry.name}: {who}{more}{seeds}{test}")


def triangle(scores: Mapping[tuple[int, int], float], depth: int) -> go.Figure:
    """Return the triangle of boundaries with the best score in each measured cell, the best of all framed."""
    across = list(range(depth + 1))
    rows = [[scores.get((n1, n2)) for n1 in across] for n2 in across]
    text = [["" if value is None else f"{value:.2f}".removeprefix("0") for value in row] for row in rows]
    cells_ = {
        "type": "heatmap",
        "x": across,
        "y": across,
        "z": rows,
        "text": text,
        "texttemplate": "%{text}",
        "textfont": {"size": 15 if depth <= 8 else 10},
        "colorscale": "Cividis",
        "showscale": False,
        "hoverinfo": "skip",
        "xgap": 2,
        "ygap": 2,
    }
    best = max(scores, key=lambda cell: scores[cell])
    empty_cells = [_square(n1, n2, GRID, 1) for n2 in across for n1 in across if n1 <= n2]
    frame = _square(*best, SERIES_COLORS[1], 5)
    large = {"tickfont": {"size": 18}, "dtick": 1 if depth <= 12 else 4, "showgrid": False, "fixedrange": True}
    x = large | {"title": {"text": "N1", "font": {"size": 20}}, "range": [-0.5, depth + 0.5]}
    y = large | {"title": {"text": "N2", "font": {"size": 20}}, "range": [-0.5, depth + 0.5]}
    return drawn([cells_], height=HEIGHT, x=x, y=y, shapes=[*empty_cells, frame], margin=MARGIN)


def _square(n1: int, n2: int, color: str, width: int) -> dict[str, object]:
    line = {"color": color, "width": width}
    return {"type": "rect", "x0": n1 - 0.5, "x1": n1 + 0.5, "y0": n2 - 0.5, "y1": n2 + 0.5, "line": line}


def figure(found: Sequence[Entry], baseline: float | None, task: Task, *, names: bool = False) -> go.Figure:
    """Return score against trainable parameters; the best is a star, the baseline a dashed line.

    Everybody's: the first have their place in their dot. A class's, with ``names``: its students' stand beside their
    dots, as many as have room there.
    """
    if not found:
        return empty("The first finished run appears here.", height=HEIGHT)
    x, y = [max(entry.trainable, 1) for entry in found], [entry.score for entry in found]
    low, high = min(x) / 1.5, max(x) * 1.5
    bottom, top = min([*y, *([] if baseline is None else [baseline])]), max(y)
    margin = 0.12 * (top - bottom) or 0.05
    bottom, top = bottom - margin, top + 1.5 * margin
    places = [str(place) if place <= NAMED else "" for place in range(1, len(found) + 1)]
    labels = [(place, "middle center") for place in places]
    if names:
        span = math.log(high / low)
        points = [
            (WIDTH * math.log(a / low) / span, (HEIGHT - 110) * (top - b) / (top - bottom))
            for a, b in zip(x, y, strict=True)
        ]
        who = [f"{place} {entry.owners[0][:NAME_CHARS]}".strip() for place, entry in zip(places, found, strict=True)]
        labels = beside(points, who, letter=10, line=22, dot=24, width=WIDTH)
    elif labels:
        labels[0] = ("1", "top center")
    dots = {
        "type": "scatter",
        "mode": "markers+text",
        "x": x,
        "y": y,
        "text": [escape(name) for name, _place in labels],  # plotly reads tags
        "textposition": [place for _name, place in labels],
        "textfont": {
            "size": [22, *[18 if names else 16] * (len(found) - 1)],
            "color": [LINE, *[LINE if names else "#FFFFFF"] * (len(found) - 1)],
        },
        "cliponaxis": False,
        "hoverinfo": "skip",
        "marker": {
            "size": [28, *[24] * (len(found) - 1)],
            "opacity": 1,
            "symbol": ["star", *["circle"] * (len(found) - 1)],
            "color": [SERIES_COLORS[1], *[SERIES_COLORS[0]] * (len(found) - 1)],
        },
    }
    large = {"title": {"font": {"size": 22}}, "tickfont": {"size": 18}}
    ticks = round_numbers(low, high)
    across = large | {
        "type": "log",
        "range": [math.log10(low), math.log10(high)],
        "tickvals": ticks,
        "tickformat": ".2~s",
        "tickangle": 0,
        "title": {"text": "Trainable parameters", "font": {"size": 22}},
    }
    up = large | {
        "range": [bottom, top],
        "title": {"text": f"Validation {metric_name(task.metric)}", "font": {"size": 22}},
    }
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
    return drawn([dots], height=HEIGHT, x=across, y=up, showlegend=False, margin=MARGIN, **lines)

"""Where runs are wrong and where they disagree on the test part; its examples open in the box above."""

import numpy as np
import pandas as pd
import streamlit as st

from spafit import access
from spafit.runs import Run, Store
from spafit.runs.rights import require_test
from spafit.tasks import Task
from spafit.tasks.task import shortened
from spafit.training.predictions import Predictions, load_predictions
from spafit.tryout.compare import check_examples, confusion, disagreements, examples_of
from spafit.ui.components.text import plain
from spafit.ui.tryout.choose import facts, label, part_of, take_row

SHOWN = 50
"""Examples in a list."""
CHARACTERS = 160


def show_mistakes(runs: list[Run], task: Task) -> None:
    """Draw the confusion matrix of each run, its cells' examples, and where the runs disagree."""
    store = Store.open()
    for run in runs:
        require_test(run.test_hidden, to_others=access.shared())
    kept = [load_predictions(store.folder(run.id))["test"] for run in runs]
    examples = part_of(task.key, "test")
    for run, predictions in zip(runs, kept, strict=True):
        check_examples(run.id, facts(run).labels, predictions, task, examples)
    texts = examples.text
    if not task.labels:
        _regression(runs, kept)
        return
    for run, predictions in zip(runs, kept, strict=True):
        st.markdown(f"**{plain(label(run))}**")
        counts = pd.DataFrame(confusion(predictions, len(task.labels)), index=list(task.labels), columns=task.labels)
        counts.index.name = "true class, answered with →"
        st.dataframe(counts, width="content")
        _cell(run, predictions, task, texts)
    if len(runs) > 1:
        _disagree(runs, kept, task, texts)


def _cell(run: Run, predictions: Predictions, task: Task, texts: list[str]) -> None:
    filled = [tuple(map(int, cell)) for cell in np.argwhere(confusion(predictions, len(task.labels)))]
    cells = sorted(filled, key=lambda cell: cell[0] == cell[1])  # mistakes first
    if all(label == answer for label, answer in cells):
        st.caption("Every test example is answered as labelled.")
    chosen = st.selectbox(
        "Examples of a cell",
        cells,
        index=None,
        placeholder="Choose a cell",
        format_func=lambda cell: f"{task.labels[cell[0]]} answered as {task.labels[cell[1]]}",
        key=f"cell_{run.id}",
    )
    if chosen is not None:
        rows = examples_of(predictions, *chosen)[:SHOWN]
        _list(f"cell_rows_{run.id}", task, [int(row) for row in rows], texts, {})


def _disagree(runs: list[Run], kept: list[Predictions], task: Task, texts: list[str]) -> None:
    found = disagreements(kept)
    st.markdown(f"**Where they disagree**: {len(found):,} of {len(kept[0].rows):,} test examples")
    columns = {
        f"{number}: {run.spec.stratification.name}": [task.labels[each.answers[number - 1]] for each in found[:SHOWN]]
        for number, run in enumerate(runs, 1)
    }
    true = {"label": [task.labels[each.label] for each in found[:SHOWN]]}
    _list("disagree_rows", task, [each.row for each in found[:SHOWN]], texts, true | columns)


def _list(key: str, task: Task, rows: list[int], texts: list[str], more: dict[str, list[str]]) -> None:
    """Draw examples as a table whose rows can be chosen to try them out."""
    table = pd.DataFrame({"text": [shortened(texts[row], CHARACTERS) for row in rows]} | more)
    event = st.dataframe(table, hide_index=True, on_select="rerun", selection_mode="single-row", key=key)
    if event.selection.rows and event.selection.rows[0] < len(rows):
        st.button(
            "Try this one",
            icon=":material/arrow_upward:",
            on_click=take_row,
            args=(task.key, rows[event.selection.rows[0]]),
            key=f"{key}_try",
        )


def _regression(runs: list[Run], kept: list[Predictions]) -> None:
    import plotly.graph_objects as go

    figure = go.Figure()
    for run, predictions in zip(runs, kept, strict=True):
        figure.add_scatter(
            x=predictions.labels,
            y=predictions.outputs[:, 0],
            mode="markers",
            name=run.spec.stratification.name,
            marker={"opacity": 0.4, "size": 6},
        )
    low, high = float(kept[0].labels.min()), float(kept[0].labels.max())
    figure.add_scatter(x=[low, high], y=[low, high], mode="lines", name="equal", line={"dash": "dot"})
    figure.update_layout(xaxis_title="true score", yaxis_title="predicted score", height=420)
    st.plotly_chart(figure, width="stretch")

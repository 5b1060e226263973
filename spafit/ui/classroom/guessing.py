"""Predict, then run: the form, the locked guess, and the histogram of the class."""

from collections.abc import Iterable, Mapping
from typing import Any

import plotly.graph_objects as go
import streamlit as st

from spafit.classroom import guesses
from spafit.classroom.guesses import CELL, QUESTIONS, SCORE, Guess
from spafit.figures.base import SERIES_COLORS, drawn
from spafit.palette import KIND_COLORS
from spafit.runs import Store, classes
from spafit.runs.classes import Class, Member
from spafit.ui.components.errors import showing_errors
from spafit.ui.components.text import plain

HEIGHT = 190


def guess_form(course: Class, member: Member) -> None:
    """Draw the form with every question of the class; placing locks all of them."""
    depth = course.rules.setting.stratification.num_layers
    asked = guesses.asked(course.rules)
    st.markdown("**Guess first.** Once placed, your guess is locked.")
    values: dict[str, Any] = {}
    with st.form("class_guess"):
        columns = st.columns(len(asked), gap="medium")
        for kind, column in zip(asked, columns, strict=True):
            with column:
                values[kind] = _answer(kind, depth)
        pressed = st.form_submit_button("Lock my guess", type="primary", icon=":material/lock:")
    if pressed:
        with showing_errors():
            guesses.place(Store.open(), course, member, values)
            st.rerun()


def _answer(kind: str, depth: int) -> Any:
    question = QUESTIONS[kind]
    if kind == CELL:
        label = f"{question} After layer N1 and N2"
        return list(st.slider(label, 0, depth, (depth // 3, 2 * depth // 3), key="guess_cell"))
    if kind == SCORE:
        return st.number_input(question, value=0.75, step=0.01, format="%.2f", key="guess_score")
    return st.slider(question, 1, depth, depth, key="guess_layer")


def my_guess(mine: Mapping[str, Guess]) -> None:
    """Say what the visitor guessed, with the points once what came out is shown."""
    words = [guesses.said(kind, mine[kind].value) for kind in QUESTIONS if kind in mine]
    reached = [guess.points for guess in mine.values() if guess.points is not None]
    score = f" **{sum(reached)} of {guesses.MOST_POINTS * len(mine)} points.**" if reached else ""
    st.markdown(f":material/lock: Your guess: {plain(', '.join(words))}.{score}")


def class_guesses(course: Class, made: Iterable[Guess]) -> None:
    """Draw the histogram of each question, with what came out marked once the teacher has shown it."""
    known = list(made)
    truth = guesses.by_owner(known).get(classes.TRUTH, {}) if course.guesses_revealed else {}
    students = {guess.owner_id for guess in known if guess.owner_id != classes.TRUTH}
    if not students:
        st.caption("Nobody has guessed yet.")
        return
    st.caption(f"{len(students)} {'student has' if len(students) == 1 else 'students have'} guessed.")
    asked = [kind for kind in guesses.asked(course.rules) if guesses.histogram(known, kind)]
    with st.container(key="charts_guesses"):
        for kind, column in zip(asked, st.columns(len(asked)), strict=True):
            with column:
                st.markdown(f"**{QUESTIONS[kind]}**")
                if kind in truth:
                    st.markdown(f"It was **{plain(guesses.said(kind, truth[kind].value))}**.")
                came_out = guesses.bin_of(kind, truth[kind].value) if kind in truth else None
                bars = histogram_figure(guesses.histogram(known, kind), came_out)
                st.plotly_chart(bars, key=f"guesses_{kind}", config={"displayModeBar": False})


def histogram_figure(counted: list[tuple[str, int]], came_out: str | None) -> go.Figure:
    """Return bars, the one that came out in another colour; it is there also where nobody guessed it."""
    rows = counted if came_out is None or came_out in dict(counted) else [*counted, (came_out, 0)]
    colors = [SERIES_COLORS[1] if name == came_out else KIND_COLORS["frozen"] for name, _count in rows]
    bars = {
        "type": "bar",
        "x": [name for name, _count in rows],
        "y": [count for _name, count in rows],
        "marker": {"color": colors},
        "text": [str(count) for _name, count in rows],
        "textposition": "outside",
        "cliponaxis": False,
        "hoverinfo": "skip",
    }
    across = {"type": "category", "fixedrange": True}
    up = {"visible": False, "fixedrange": True}
    return drawn([bars], height=HEIGHT, x=across, y=up, showlegend=False, margin={"l": 8, "r": 8, "t": 26, "b": 8})

"""What a page of a lesson can show: the real ribbon, charts, map, runs and advice, by the name that a file has."""

from collections.abc import Callable

import streamlit as st

from spafit.lessons.facts import Situation
from spafit.runs import Origin, State, Store
from spafit.runs.class_rules import BOUNDARIES, LORA, RECIPES, Rules
from spafit.stratification import Stratification
from spafit.ui.advice.page import advice
from spafit.ui.choice import current
from spafit.ui.classroom.mine import guess_first, is_open, must_guess
from spafit.ui.components.errors import showing_errors
from spafit.ui.components.text import plain
from spafit.ui.explore.compare import methods_tab
from spafit.ui.explore.costs import costs_tab
from spafit.ui.explore.layers import layers_tab
from spafit.ui.explore.recipes import recipes_tab
from spafit.ui.explore.stack import main_ribbon
from spafit.ui.maps.launch import train_here
from spafit.ui.maps.view import measured_map_of
from spafit.ui.pickers import pick_method
from spafit.ui.runs.naming import task_name
from spafit.ui.runs.view import run_view

_NEWEST = 50
_MOST_COUNTED = 500
_NEEDS = {"methods": (RECIPES,), "recipes": (RECIPES, LORA)}
"""What a class must leave open, one of these at least, for a part to be drawn."""


def draw(parts: tuple[str, ...], at: Situation, rules: Rules | None) -> None:
    """Draw the parts of a page, in their order; what cannot be drawn says so, and the others stay.

    What ``rules`` of the reader's class fix is left out.
    """
    drawing: dict[str, Callable[[], None]] = {
        "methods": lambda: pick_method("explore_method"),
        "ribbon": lambda: main_ribbon(
            at.anatomy,
            fixed=not is_open(rules, BOUNDARIES),
            measured="scores" in parts and not must_guess(),
            path="/lesson",
            leads_on=False,
        ),
        "counts": lambda: layers_tab(at.anatomy, at.now),
        "comparison": lambda: methods_tab(at.anatomy, at.now),
        "cost": lambda: costs_tab(at.anatomy, at.now, rules),
        "recipes": lambda: recipes_tab(at.anatomy, at.now, rules),
        "run": lambda: _run(at.now),
        "map": lambda: _map(at),
        "advice": lambda: advice(at.anatomy),
    }
    for part, drawn in drawing.items():
        if part in parts and (part not in _NEEDS or is_open(rules, *_NEEDS[part])):
            with showing_errors():
                drawn()


def fixed(parts: tuple[str, ...], rules: Rules | None) -> bool:
    """Whether a class fixes something that a page with these parts would have its reader change."""
    needs = _NEEDS | {"ribbon": (BOUNDARIES,)}
    return any(part in needs and not is_open(rules, *needs[part]) for part in parts)


def _map(at: Situation) -> None:
    if must_guess():
        guess_first()
        return
    if at.measured is None:
        st.info(
            f"Nothing is measured of {_pair(at)} yet; the triangle shows how much trains.", icon=":material/grid_on:"
        )
    measured_map_of(at.anatomy, at.now, at.measured)


def _pair(at: Situation) -> str:
    return f"{plain(at.anatomy.name)} on {plain(task_name(current().task))}"


def _run(setting: Stratification) -> None:
    """Draw the button that trains the setting, and the newest run of it."""
    train_here(setting)
    choice = current()
    newest = Store.open().list(model=choice.model, task=choice.task, limit=_NEWEST)
    run = next((run for run in newest if run.stratification == setting.name), None)
    if run is not None:
        with st.container(border=True):
            run_view(run, chart_columns=2)


def runs_here(model: str, task: str) -> dict[str, int]:
    """Return how many runs of each setting have finished on this machine."""
    found: dict[str, int] = {}
    finished = Store.open().list(model=model, task=task, state=State.FINISHED, origin=Origin.LOCAL, limit=_MOST_COUNTED)
    for run in finished:
        found[run.stratification] = found.get(run.stratification, 0) + 1
    return found

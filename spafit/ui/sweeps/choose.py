"""The form of a sweep: cells of the triangle, methods beside them, seeds and rates."""

from collections.abc import Callable
from typing import TypeVar

import streamlit as st

from spafit.counting import count
from spafit.maps.cells import CHOICES, METHODS, Cell, cells, stratifications
from spafit.maps.definition import Definition, SweepError, define
from spafit.models.anatomy import Anatomy
from spafit.stratification import LoraSettings, Method
from spafit.ui.choice import current
from spafit.ui.components.cells import cell_picker
from spafit.ui.maps.data import readable

MAX_CHARS = 200
NAMED = {"all": "All", "corners": "Corners", "diagonal": "Diagonal", "coarse": "Coarse"}
WHAT_THEY_ARE = (
    "**All**: every pair of boundaries. **Corners**: 0-0, 0-L and L-L. **Diagonal**: no BitFit stratum. "
    "**Coarse**: boundaries at thirds of the layers."
)
_CELLS = "sweep_cells"
Read = TypeVar("Read", int, float)


def chosen_cells(num_layers: int) -> tuple[Cell, ...]:
    """Return the visitor's cells, as far as a model of this depth has them; at first the coarse ones."""
    chosen = st.session_state.get(_CELLS)
    if chosen is None or chosen[0] != num_layers:
        return cells("coarse", num_layers)
    return chosen[1]


def choose(anatomy: Anatomy) -> Definition | None:
    """Draw the form and return what it asks for; None while it asks for nothing.

    Raises:
        SpafitError: it asks for what cannot be.
    """
    triangle, beside = st.container(key="charts_sweep_form").columns([1, 1], gap="large")
    with triangle:
        _triangle(anatomy.num_layers)
    with beside:
        methods = st.pills(
            "Methods beside them",
            METHODS,
            selection_mode="multi",
            format_func=lambda method: method.label,
            key="sweep_methods",
            persist_state="session",
        )
        first = current().settings.seed
        seeds = st.text_input(
            "Seeds",
            str(first),
            max_chars=MAX_CHARS,
            key="sweep_seeds",
            persist_state="session",
            help="With commas between them, such as 0, 1, 2. Three or more of each setting show what is chance.",
        )
        rates = st.text_input(
            "Learning rates",
            placeholder="the recommended one of each setting",
            max_chars=MAX_CHARS,
            key="sweep_rates",
            persist_state="session",
            help="With commas between them, such as 0.0003, 0.001: every setting is trained at each.",
        )
    return _definition(anatomy, methods, seeds, rates)


def _triangle(num_layers: int) -> None:
    st.markdown("Cells", help=f"Click a cell or drag over an area. {WHAT_THEY_ARE}")
    measured = readable(current())
    cell_picker(
        num_layers,
        chosen_cells(num_layers),
        [] if measured is None else [(point["n1"], point["n2"]) for point in measured["cells"]],
        key="sweep_triangle",
        on_choice=lambda chosen: _take(num_layers, tuple(chosen)),
    )
    with st.container(horizontal=True, gap="xsmall"):
        for choice in CHOICES:
            st.button(
                NAMED[choice], key=f"sweep_{choice}", on_click=_take, args=(num_layers, cells(choice, num_layers))
            )
        st.button("None", key="sweep_none", on_click=_take, args=(num_layers, ()))


def _take(num_layers: int, chosen: tuple[Cell, ...]) -> None:
    st.session_state[_CELLS] = (num_layers, chosen)


def _definition(anatomy: Anatomy, methods: list[Method], seeds: str, rates: str) -> Definition | None:
    choice, chosen = current(), chosen_cells(anatomy.num_layers)
    if not chosen and not methods:
        return None
    lora = choice.stratification.lora if choice.stratification.uses_lora else LoraSettings()
    beside = tuple(method for method in METHODS if method in methods)
    wanted = stratifications(chosen, beside, anatomy.num_layers, lora)
    for one in wanted:
        count(anatomy, one)  # refuses what does not fit the model
    asked = numbers("Learning rates", rates, float) if rates.strip() else ()
    if not asked and choice.settings.learning_rate is not None:
        asked = (choice.settings.learning_rate,)
    return define(choice.model, choice.task, choice.settings, wanted, numbers("Seeds", seeds, int), asked)


def numbers(what: str, text: str, read: Callable[[str], Read]) -> tuple[Read, ...]:
    """Return the numbers in a text, with commas or spaces between them. Raises `SweepError`."""
    try:
        return tuple(read(word) for word in text.replace(",", " ").split())
    except ValueError:
        kind = "whole numbers" if read is int else "numbers"
        raise SweepError(f"{what} takes {kind} with commas between them, not {text[:60]!r}.") from None

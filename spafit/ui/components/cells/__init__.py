"""Choosing cells of the triangle of boundaries: by a click, by dragging over an area, or from the keyboard."""

import functools
import uuid
from collections.abc import Callable, Collection, Sequence

import streamlit as st

from spafit.maps.cells import Cell
from spafit.ui.components import source

NOTHING = {"seq": 0}
"""The state before anything was chosen; constant, because a default that changes counts as a choice."""
_mount = st.components.v2.component(
    "spafit_cells",
    html="<div class='cells'></div>\n",
    css=source("triangle.css", "cells/cells.css"),
    js=source("element.js", "cells/cells.js"),
)


def cell_picker(
    num_layers: int,
    chosen: Sequence[Cell],
    measured: Collection[Cell],
    *,
    key: str,
    on_choice: Callable[[list[Cell]], None],
) -> None:
    """Draw the triangle with the chosen cells; the caller keeps them.

    Args:
        num_layers: the model's depth.
        chosen: drawn as chosen.
        measured: drawn with a dot.
        key: the widget's key.
        on_choice: called with all chosen cells when that has changed.
    """
    epoch = st.session_state.setdefault(f"_{key}_epoch", uuid.uuid4().hex)
    seq = ((st.session_state.get(key) or {}).get("cells") or {}).get("seq", 0)
    _mount(
        key=key,
        data={"n": num_layers, "chosen": list(chosen), "measured": list(measured), "seq": seq, "epoch": epoch},
        default={"cells": NOTHING},
        on_cells_change=functools.partial(_changed, key, num_layers, on_choice),
    )


def _changed(key: str, num_layers: int, on_choice: Callable[[list[Cell]], None]) -> None:
    """Hand over what came from the browser, as far as it is cells of this triangle."""
    choice = st.session_state[key]["cells"]
    if choice["seq"]:
        pairs = {tuple(pair) for pair in choice["chosen"]}
        on_choice([(n1, n2) for n1 in range(num_layers + 1) for n2 in range(n1, num_layers + 1) if (n1, n2) in pairs])

"""Components drawn in the browser: the stratum ribbon with its two boundaries, and the map of all settings."""

import functools
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import streamlit as st

from spafit.maps.cells import Cell
from spafit.models.anatomy import Anatomy
from spafit.stratification import Stratification, corner_labels
from spafit.ui.components import source
from spafit.ui.components.ribbon.contents import contents

Split = Callable[[int, int], None]
"""What is done with a new pair of boundaries."""
NO_SPLIT = {"seq": 0}
"""The state before anything was moved; constant, because a default that changes counts as a move."""

_SHARED = ("element.js", "ribbon/counts.js")
_mount = st.components.v2.component(
    "spafit_ribbon",
    html="<div class='ribbon'></div>\n",
    css=source("ribbon/ribbon.css"),
    js=source(*_SHARED, "ribbon/inside.js", "ribbon/view.js", "ribbon/ribbon.js"),
)

_mount_map = st.components.v2.component(
    "spafit_map",
    html="<div class='map'></div>\n",
    css=source("triangle.css", "ribbon/map.css"),
    js=source(*_SHARED, "ribbon/map.js"),
)


def ribbon(
    anatomy: Anatomy,
    stratification: Stratification,
    *,
    key: str,
    on_split: Split | None = None,
    on_history: Callable[[int], None] | None = None,
    can_undo: bool = False,
    can_redo: bool = False,
    compact: bool = False,
    hint: str = "",
    page_is_behind: bool = False,
    measured: Mapping[str, Any] | None = None,
) -> None:
    """Draw the ribbon; the caller owns the boundaries in session keys that no widget has.

    Args:
        anatomy: the model's.
        stratification: that is drawn.
        key: the widget's key; one per ribbon on a page.
        on_split: called with (n1, n2) when a boundary was released; None: it goes back to where it was.
        on_history: called with the number of moves to undo (negative: to redo).
        can_undo: whether there is a move to undo.
        can_redo: whether there is a move to redo.
        compact: a smaller ribbon without the passes, for two side by side.
        hint: one line above the stack.
        page_is_behind: for a ribbon in a fragment: whether the page around it shows an older setting. The browser then
            asks for all of it once the ribbon is drawn; a rerun from the fragment itself would drop what it just drew.
        measured: scores of the cells, said beside the counts while a boundary is dragged (`spafit.ui.maps.data`).
    """
    epoch = st.session_state.setdefault(f"_{key}_epoch", uuid.uuid4().hex)
    state = st.session_state.get(key) or {}
    split, undone = state.get("split") or {}, (state.get("history") or {}).get("undone", 0)
    # Streamlit drops a widget's state on a visit to another page; what is counted from begins again with it.
    st.session_state[f"_{key}_done"] = (split.get("seq", 0), undone)
    changed = functools.partial(_ribbon_changed, key, on_split, on_history)
    _mount(
        key=key,
        data={
            **contents(anatomy, stratification),
            "seq": split.get("seq", 0),
            "undone": undone,
            "epoch": epoch,
            "can_undo": can_undo,
            "can_redo": can_redo,
            "compact": compact,
            "hint": hint,
            "behind": page_is_behind,
            "measured": measured,
        },
        default={"split": NO_SPLIT, "history": {"undone": 0}},
        on_split_change=changed,
        on_history_change=changed,
        on_page_change=st.rerun,
    )


def setting_map(
    anatomy: Anatomy,
    stratification: Stratification,
    *,
    key: str,
    on_split: Split | None = None,
    values: Mapping[str, Any] | None = None,
    selected: Sequence[Cell] = (),
    on_select: Callable[[list[Cell]], None] | None = None,
) -> None:
    """Draw the map of every pair of boundaries; a click or arrow keys choose one, dragging over an area selects it.

    Args:
        anatomy: the model's.
        stratification: whose recipes the settings have.
        key: the widget's key.
        on_split: called with the chosen (n1, n2); None: no setting can be chosen.
        values: what colours the cells in place of trained parameters: "name", and "cells" by "N1-N2", each a value, how
            it is written, and a number of seeds (None where that means nothing); cells that are not there stay empty.
        selected: cells with a line around them.
        on_select: called with the selected cells when that has changed; None: none can be.
    """
    epoch = st.session_state.setdefault(f"_{key}_epoch", uuid.uuid4().hex)
    state = st.session_state.get(key) or {}
    seq, picks = ((state.get(name) or {}).get("seq", 0) for name in ("split", "selected"))
    _mount_map(
        key=key,
        data={
            **contents(anatomy, stratification),
            "corners": list(corner_labels(stratification)),
            "values": values,
            "seq": seq,
            "epoch": epoch,
            "selectable": on_select is not None,
            "selected": [f"{n1}-{n2}" for n1, n2 in selected],
            "picks": picks,
        },
        default={"split": NO_SPLIT, "selected": NO_SPLIT},
        on_split_change=functools.partial(_split_changed, key, on_split),
        on_selected_change=functools.partial(_selection_changed, key, on_select),
    )


def _split_changed(key: str, on_split: Split | None) -> None:
    split = st.session_state[key]["split"]
    if split["seq"] and on_split is not None:
        on_split(split["n1"], split["n2"])


def _selection_changed(key: str, on_select: Callable[[list[Cell]], None] | None) -> None:
    selection = st.session_state[key]["selected"]
    if selection["seq"] and on_select is not None:
        on_select([(n1, n2) for n1, n2 in selection["cells"]])


def _ribbon_changed(key: str, on_split: Split | None, on_history: Callable[[int], None] | None) -> None:
    """Do what is new since the last call, a move and an undo that come together in the order in which they were made.

    The browser counts undos minus redos in all.
    """
    split, history = st.session_state[key]["split"], st.session_state[key]["history"]
    seq, undone = st.session_state.get(f"_{key}_done", (0, 0))
    st.session_state[f"_{key}_done"] = (split["seq"], history["undone"])
    undo_first = history.get("after", 0) < split["seq"]
    steps = history["undone"] - undone
    if steps and on_history is not None and undo_first:
        on_history(steps)
    if split["seq"] != seq and on_split is not None:
        on_split(split["n1"], split["n2"])
    if steps and on_history is not None and not undo_first:
        on_history(steps)

"""Data's look at a file before it is stored: how it was read, what was guessed, and the correction of both."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from spafit.runs import Store, uploads
from spafit.runs.rights import require_submit
from spafit.tasks import CLASSIFICATION, REGRESSION, helper
from spafit.tasks.upload import stored
from spafit.tasks.upload.encodings import ENCODINGS
from spafit.tasks.upload.records import AUTO, QUOTES
from spafit.ui.components.text import plain
from spafit.ui.data.turns import waiting_said
from spafit.ui.visitor import actor

KINDS = {CLASSIFICATION: "a class", REGRESSION: "a number"}
SEPARATED = ("CSV", "TSV")
_NONE = "–"
_FOUND_OUT = "found out"
_CHOICES = {_FOUND_OUT: _FOUND_OUT} | ENCODINGS
_SHOWN = 5  # rows
_LISTED = 20  # classes


def correct(arguments: dict[str, Any], title: str) -> None:
    """Show what was read and guessed from a file, let a person correct it, and store it on request.

    Args:
        arguments: path and name of the file, and of a second one, as `intake.add` takes them.
        title: what to call it on the page.

    Raises:
        TaskError: the file cannot be read as it is, or as the person says.
    """
    source: dict[str, Any] = {name: value for name, value in arguments.items() if name != "title"}
    source |= _bytes_as(arguments)
    with waiting_said():
        found = _look(**source)
    summary = st.container()
    if found["format"] in SEPARATED:
        headed = st.checkbox("The first line names the columns", found["headed"], key=_key("headed", arguments))
        if headed != found["headed"]:
            source["headed"] = headed
            found = _look(**source)
    with st.expander("The first rows, as they are read", expanded=True):
        head = {plain(name): [plain(cell) for cell in cells] for name, cells in found["head"].items()}
        st.table(pd.DataFrame(head).head(_SHOWN), hide_index=True)
    st.caption("What follows is a guess: correct it where it is wrong.")
    columns, found = _columns(found, source)
    with summary:
        _summary(found, title)
    _use(found)
    ready = not found["problem"]
    if st.button("Store this data set", type="primary", icon=":material/save:", disabled=not ready):
        before = {there.key for there in stored.list_stored()}
        with waiting_said(), st.spinner("Reading, dividing and storing …", show_time=True):
            me = require_submit(actor(enrol=True))
            key = helper.call("add", columns=columns, **source, title=arguments.get("title"))
            uploads.claim(Store.open(), key, me)
        st.session_state["data_stored"] = (key, key in before)
        st.rerun()


@st.cache_data(show_spinner="Reading the file …", max_entries=50, ttl=3600)
def _look(columns: dict[str, Any] | None = None, **source: Any) -> dict[str, Any]:
    return helper.call("look", columns=columns, **source)


def _key(what: str, arguments: dict[str, Any]) -> str:
    """Return a widget's key for this file: another file starts anew."""
    return f"{what}_{Path(arguments['path']).name}"


def _bytes_as(arguments: dict[str, Any]) -> dict[str, Any]:
    """Draw what is said of a text file's bytes, also where they could not be read without; returns what was said."""
    if arguments["name"].lower().endswith(".parquet"):
        return {}
    said: dict[str, Any] = {}
    left, right = st.columns(2)
    with left:
        encoding = st.selectbox(
            "Encoding",
            list(_CHOICES),
            format_func=_CHOICES.__getitem__,
            key=_key("encoding", arguments),
            help="Choose another where the first rows below are gibberish.",
        )
    with right:
        quotes = st.selectbox(
            "Quotation marks",
            list(QUOTES),
            format_func=QUOTES.__getitem__,
            key=_key("quotes", arguments),
            help="Of CSV and TSV: whether they hold cells with separators and line breaks together.",
        )
    if encoding != _FOUND_OUT:
        said["encoding"] = encoding
    if quotes != AUTO:
        said["quotes"] = quotes
    return said


def _columns(found: dict[str, Any], source: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Draw the choice of columns; returns it, and what the file is with it."""
    names = [column["name"] for column in found["columns"]]
    guess = found["guess"]
    left, right = st.columns(2)
    with left:
        text = st.selectbox("Text", names, index=_place(names, guess["text"]), placeholder="Choose the text")
        pair = st.selectbox("Second text", [_NONE, *names], index=_place([_NONE, *names], guess["pair"] or _NONE))
    with right:
        label = st.selectbox("Label", names, index=_place(names, guess["label"]), placeholder="Choose the label")
        split = st.selectbox(
            "Split column",
            [_NONE, *names],
            index=_place([_NONE, *names], guess["split"] or _NONE),
            help="Says of each row whether it is for train, validation or test.",
        )
    chosen = {"text": text, "pair": _or_none(pair), "label": label, "split": _or_none(split)}
    if chosen != {part: guess[part] for part in chosen}:
        found = _look(chosen, **source)
    kind = st.segmented_control(
        "The label is", list(KINDS), format_func=KINDS.__getitem__, default=found["guess"]["kind"], required=True
    )
    if kind != found["guess"]["kind"]:
        found = _look(chosen | {"kind": kind}, **source)
    return chosen | {"kind": kind}, found


def _place(names: list[str], name: str | None) -> int | None:
    return None if name is None else names.index(name)


def _or_none(name: str | None) -> str | None:
    return None if name == _NONE else name


def _summary(found: dict[str, Any], title: str) -> None:
    how = [found["format"], found["encoding"], found["delimiter"] and f"separated by {found['delimiter']}"]
    st.markdown(f"**{plain(title)}**: {found['table_rows']:,} rows · {' · '.join(filter(None, how))}")
    for remark in found["remarks"]:
        st.info(plain(remark), icon=":material/info:")


def _use(found: dict[str, Any]) -> None:
    """Say what would be learned from the file: rows, classes, what is left out; or why nothing can be."""
    if found["problem"]:
        st.warning(plain(found["problem"]), icon=":material/warning:")
        return
    classes = [plain(name) for name in found["labels"][:_LISTED]]
    more = f" and {len(found['labels']) - _LISTED:,} more" if len(found["labels"]) > _LISTED else ""
    said = f"{len(found['labels'])} classes: {', '.join(classes)}{more}" if classes else "a number is learned"
    st.markdown(f"**{found['rows']:,} rows can be used**, {said}")
    if found["left_out"]:
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in found["left_out"].items())
        with st.expander(plain(f"Left out: {reasons}")):
            st.text("\n".join(found["problems"]))

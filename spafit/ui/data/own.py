"""Data's part for data sets that visitors bring: upload or name one, correct the columns, store, list, delete."""

from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from spafit.errors import SpafitError
from spafit.quantities import bytes_text
from spafit.runs import Store, uploads
from spafit.runs.rights import require_submit
from spafit.tasks import CLASSIFICATION, REGRESSION, get_task, helper
from spafit.tasks.files import FORMATS, limit_mb
from spafit.tasks.upload import stored
from spafit.tasks.upload.export import to_csv
from spafit.ui.components.errors import showing_errors
from spafit.ui.components.text import plain
from spafit.ui.visitor import actor

TYPES = [suffix.removeprefix(".") for suffix in FORMATS] + ["json"]
KINDS = {CLASSIFICATION: "a class", REGRESSION: "a number"}
_NONE = "–"


def bring() -> None:
    """Draw the upload, the correction of what was guessed, and the button that stores the data set."""
    st.markdown(
        f"A table with a text and a label in each row: CSV, TSV, JSON lines or Parquet, up to {limit_mb():,} MB. It is "
        "kept on the machine that runs this app, for everybody who can open it, until somebody deletes it."
    )
    source = st.segmented_control("From", ("A file", "The Hugging Face Hub"), default="A file", required=True)
    if source == "A file":
        file = st.file_uploader("Data file", type=TYPES, key="data_file", max_upload_size=limit_mb())
        second = st.file_uploader(
            "Test part in a second file (optional)", type=TYPES, key="data_second", max_upload_size=limit_mb()
        )
        if file is None:
            return
        with showing_errors():
            arguments = _kept(file, "path", "name") | (_kept(second, "test_path", "test_name") if second else {})
            _correct(arguments, file.name)
    else:
        _from_hub()


def _from_hub() -> None:
    with st.form("data_hub", border=False):
        name = st.text_input("Name on the Hub", placeholder="owner/name", max_chars=200).strip()
        config = st.text_input("Configuration (if it has several)", max_chars=100).strip()
        fetch = st.form_submit_button("Fetch", icon=":material/download:")
    with showing_errors():
        if fetch:
            with st.spinner("Fetching from the Hub …", show_time=True):
                path = helper.call("hub", name=name, config=config or None)
            st.session_state["data_fetched"] = (path, name)
        if "data_fetched" in st.session_state:
            path, title = st.session_state["data_fetched"]
            _correct({"path": path, "name": f"{title}.parquet", "title": title}, title)


def _kept(file: UploadedFile, path: str, name: str) -> dict[str, str]:
    """Arguments for the helper: where an upload was put and what it is called."""
    kept: dict[str, str] = st.session_state.setdefault("data_kept", {})
    if not Path(kept.get(file.file_id, "")).is_file():  # new, or forgotten since: uploads wait for a day
        kept[file.file_id] = str(stored.keep_upload(file.name, file.getbuffer()))
    return {path: kept[file.file_id], name: file.name}


@st.cache_data(show_spinner="Reading the file …", max_entries=20, ttl=3600)
def _inspected(path: str, name: str, headed: bool | None = None) -> dict[str, Any]:
    return helper.call("look", path=path, name=name, headed=headed)


def _correct(arguments: dict[str, Any], title: str) -> None:
    """Show what was read and guessed; store it on request."""
    found = _inspected(arguments["path"], arguments["name"])
    summary = st.container()
    if found["format"] in ("CSV", "TSV"):
        headed = st.checkbox(
            "The first line names the columns", found["headed"], key=f"headed_{Path(arguments['path']).name}"
        )
        if headed != found["headed"]:
            arguments = arguments | {"headed": headed}
            found = _inspected(arguments["path"], arguments["name"], headed)
    how = [found["format"], found["encoding"], found["delimiter"] and f"separated by {found['delimiter']}"]
    summary.markdown(f"**{plain(title)}**: {found['rows']:,} rows · {' · '.join(filter(None, how))}")
    if 0:
        st.warning(f"Lines that do not fit the table and are left out: {found['malformed']:,}")
        st.text("\n".join(found["problems"]))
    head = pd.DataFrame({plain(name): [plain(cell) for cell in cells] for name, cells in found["head"].items()})
    with st.expander("The first rows", expanded=True):
        st.table(head.head(5), hide_index=True)
    st.caption("What follows is a guess: correct it where it is wrong.")
    columns = _columns(found)
    if st.button("Store this data set", type="primary", icon=":material/save:"):
        before = {there.key for there in stored.list_stored()}
        with st.spinner("Reading, dividing and storing …", show_time=True):
            me = require_submit(actor(enrol=True))
            key = helper.call("add", columns=columns, **arguments)
            uploads.claim(Store.open(), key, me)
        st.session_state["data_stored"] = (key, key in before)
        st.rerun()


def _columns(found: dict[str, Any]) -> dict[str, Any]:
    names = [column["name"] for column in found["columns"]]
    guess = found["guess"]
    left, right = st.columns(2)
    with left:
        text = st.selectbox("Text", names, index=names.index(guess["text"]))
        pair = st.selectbox("Second text", [_NONE, *names], index=_place(names, guess["pair"]))
    with right:
        label = st.selectbox("Label", names, index=names.index(guess["label"]))
        split = st.selectbox(
            "Split column",
            [_NONE, *names],
            index=_place(names, guess["split"]),
            help="Says of each row whether it is for train, validation or test.",
        )
    kind = st.segmented_control(
        "The label is", list(KINDS), format_func=KINDS.__getitem__, default=guess["kind"], required=True
    )
    distinct = next(column["distinct"] for column in found["columns"] if column["name"] == label)
    st.caption(f"The label column has {distinct:,} different values.")
    return {
        "text": text,
        "pair": None if pair == _NONE else pair,
        "label": label,
        "split": None if split == _NONE else split,
        "kind": kind,
    }


def _place(names: list[str], name: str | None) -> int:
    return 0 if name is None else names.index(name) + 1


def just_stored() -> None:
    """Say that a data set has been stored, once, with where to go next."""
    if "data_stored" in st.session_state:
        key, before = st.session_state.pop("data_stored")
        with showing_errors():
            name = plain(stored.get(key).name)
            what = f"The same content was stored already, as {name}." if before else f"Stored as {name}."
            st.success(f"{what} It is a task now, here and on Train.", icon=":material/check:")


def listed() -> None:
    """Draw the stored data sets with size, download and deletion."""
    found = stored.list_stored()
    if not found:
        st.caption("No data set is stored yet.")
    for dataset in found:
        with st.container(border=True, horizontal=True, vertical_alignment="center"):
            day = datetime.fromtimestamp(dataset.created).strftime("%Y-%m-%d %H:%M")
            st.markdown(f"**{plain(dataset.name)}**  \n{bytes_text(dataset.size)} · {day} · `{dataset.key}`")
            st.button("Look at it", key=f"look_{dataset.key}", on_click=_choose, args=(dataset.key,))
            st.download_button(
                "CSV",
                icon=":material/download:",
                data=lambda key=dataset.key: to_csv(get_task(key)),
                file_name=f"{dataset.key}.csv",
                mime="text/csv",
                key=f"csv_{dataset.key}",
                on_click="ignore",
                help="Everything as it was divided. Cells that a spreadsheet would compute get an apostrophe in front.",
            )
            if uploads.may_delete(Store.open(), dataset.key, actor()):
                with st.popover("Delete"):
                    st.markdown("Runs that used it keep their results.")
                    st.button(
                        "Delete it for everybody", key=f"delete_{dataset.key}", on_click=_delete, args=(dataset.key,)
                    )
    if message := st.session_state.pop("data_message", None):
        st.error(plain(message))


def _choose(key: str) -> None:
    st.session_state["data_task"] = key
    st.session_state["data_tab"] = "Look at a task"


def _delete(key: str) -> None:
    try:
        uploads.delete(Store.open(), key, actor())
    except SpafitError as error:
        st.session_state["data_message"] = str(error)

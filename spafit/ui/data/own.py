"""Data's part for data sets that visitors bring: upload or name one, correct the columns, store, list, delete."""

from datetime import datetime
from pathlib import Path

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from spafit.errors import SpafitError
from spafit.quantities import bytes_text
from spafit.runs import Store, uploads
from spafit.tasks import get_task, helper
from spafit.tasks.files import FORMATS, limit_mb
from spafit.tasks.upload import stored
from spafit.tasks.upload.export import to_csv
from spafit.ui.components.download import download
from spafit.ui.components.errors import showing_errors
from spafit.ui.components.text import plain
from spafit.ui.data.look import train_button
from spafit.ui.data.reading import correct
from spafit.ui.visitor import actor

TYPES = [suffix.removeprefix(".") for suffix in FORMATS]


def bring() -> None:
    """Draw the upload, the correction of what was guessed, and the button that stores the data set."""
    st.markdown(
        f"A table with a text and a label in each row: CSV, TSV, JSON, fastText or Parquet, up to {limit_mb():,} MB. "
        "It is kept on the machine that runs this app, for everybody who can open it, until somebody deletes it."
    )
    source = st.segmented_control("From", ("A file", "The Hugging Face Hub"), default="A file", required=True)
    if source == "A file":
        file = st.file_uploader(
            "Data file", type=TYPES, key="data_file", max_upload_size=limit_mb(), on_change=_forget_stored
        )
        second = st.file_uploader(
            "Test part in a second file (optional)", type=TYPES, key="data_second", max_upload_size=limit_mb()
        )
        if file is None:
            return
        with showing_errors():
            arguments = _kept(file, "path", "name") | (_kept(second, "test_path", "test_name") if second else {})
            correct(arguments, file.name)
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
            correct({"path": path, "name": f"{title}.parquet", "title": title}, title)


def _kept(file: UploadedFile, path: str, name: str) -> dict[str, str]:
    """Arguments for the helper: where an upload was put and what it is called."""
    kept: dict[str, str] = st.session_state.setdefault("data_kept", {})
    if not Path(kept.get(file.file_id, "")).is_file():  # new, or forgotten since: uploads wait for a day
        kept[file.file_id] = str(stored.keep_upload(file.name, file.getbuffer()))
    return {path: kept[file.file_id], name: file.name}


def just_stored() -> None:
    """Say that a data set has been stored, with where to go next, until another file is looked at."""
    if "data_stored" not in st.session_state:
        return
    key, before = st.session_state["data_stored"]
    found = next((one for one in stored.list_stored() if one.key == key), None)
    if found is None:
        _forget_stored()
        return
    what = (
        f"The same content was stored already, as {plain(found.name)}." if before else f"Stored as {plain(found.name)}."
    )
    st.success(f"{what} It is a task now, here and on Train.", icon=":material/check:")
    train_button(found.task, "Train on it", key="train_on_stored")


def _forget_stored() -> None:
    st.session_state.pop("data_stored", None)


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
            download(
                "CSV",
                lambda key=dataset.key: to_csv(get_task(key)),
                f"{dataset.key}.csv",
                key=f"csv_{dataset.key}",
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

"""Maps as files: the one that is shown to take away, others to take in, and what was taken in."""

import streamlit as st

from spafit.errors import SpafitError
from spafit.export.runs_report import report_on
from spafit.maps import kept
from spafit.maps.exporting import document, series_to_export
from spafit.maps.file import MAX_BYTES, SUFFIX, packed, read
from spafit.maps.imports import delete_map, import_map
from spafit.maps.measured import Series
from spafit.maps.page import map_page
from spafit.runs import Origin, Store
from spafit.ui.choice import current
from spafit.ui.components.download import download
from spafit.ui.components.errors import show_error, showing_errors
from spafit.ui.components.text import plain
from spafit.ui.maps.data import Map
from spafit.ui.visitor import actor

_FILE, _SAID, _REFUSED = "map_file", "map_file_said", "map_not_deleted"


def map_files(measured: Map | None) -> None:
    """Draw the downloads of the map that is shown, the field for another one, and the imported ones."""
    with st.expander("Map as a file", icon=":material/file_save:", key="explore_map_files", on_change="rerun") as box:
        if not box.open:
            return
        with showing_errors():
            if measured is not None:
                _downloads(measured)
            if actor().administrator:
                _field()
            else:
                st.caption("A map from elsewhere is imported by an administrator (About page).")
            _imported()


def _downloads(measured: Map) -> None:
    choice, key = current(), measured["series"]
    name = f"{choice.model}-{choice.task}".replace("/", "-")

    def chosen() -> Series:
        return series_to_export(Store.open(), choice.model, choice.task, key)

    def content() -> bytes:
        return packed(document(Store.open(), chosen()))

    with st.container(horizontal=True):
        download(
            "Map",
            content,
            f"{name}{SUFFIX}",
            key="map_download",
            help="All runs of this map with curves and predictions; another spafit imports it, here or with "
            "'spafit map import'.",
        )
        download(
            "Page",
            lambda: map_page(read(content(), name, Origin.IMPORTED)),
            f"{name}.html",
            key="map_page",
            help="Ribbon, triangle, curves and replay in one file that any browser opens, without a network.",
        )
        download(
            "Report",
            lambda: report_on(chosen().runs)[0],
            f"{name}-report.html",
            icon=":material/print:",
            key="map_report",
            help="One page to print or hand in: every measured setting with its score and noise, and the triangle.",
        )


def _field() -> None:
    said = st.session_state.setdefault(_SAID, {})
    file = st.file_uploader(
        "Import a map", type=SUFFIX.removeprefix("."), max_upload_size=MAX_BYTES // 10**6, key=_FILE
    )
    if file is None:
        said.clear()
        return
    if file.file_id not in said:
        said.clear()
        try:
            with st.spinner("Reading the map …"):
                imported = import_map(Store.open(), file.getvalue(), file.name, actor())
        except SpafitError as error:
            said[file.file_id] = error
        else:
            said[file.file_id] = (
                f"The map of {imported['model']} on {imported['task']}, {imported['runs']:,} runs, is imported."
            )
            st.rerun()  # its runs are on the pictures
    outcome = said[file.file_id]
    if isinstance(outcome, SpafitError):
        show_error(outcome)
    else:
        st.success(plain(outcome), icon=":material/check:")


def _imported() -> None:
    made_elsewhere = [made for made in kept.maps() if made.origin is Origin.IMPORTED]
    for made in made_elsewhere:
        with st.container(horizontal=True, vertical_alignment="center", key=f"map_{made.digest}"):
            st.badge("imported", icon=":material/input:", color="violet")
            what = f"{made.model} on {made.task}, {len(made.runs):,} runs: {made.document['origin']}"
            st.markdown(plain(what), width="stretch")
            if actor().administrator:
                st.button("Delete", key=f"map_delete_{made.digest}", on_click=_delete, args=(made.digest,))
    if refused := st.session_state.pop(_REFUSED, None):
        show_error(refused)
    for broken in kept.broken():
        st.warning(plain(broken), icon=":material/warning:")


def _delete(digest: str) -> None:
    try:
        delete_map(Store.open(), digest, actor())
    except SpafitError as error:
        st.session_state[_REFUSED] = error

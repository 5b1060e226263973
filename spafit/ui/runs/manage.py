"""What its owner and administrators may do with a run, what they wrote beside it, and who did what to it."""

from collections.abc import Generator
from contextlib import contextmanager

import streamlit as st

from spafit.errors import SpafitError
from spafit.quantities import bytes_text
from spafit.runs import Run, Store, audit, disk, tables
from spafit.runs.rights import may_change
from spafit.runs.store import NOTE_LENGTH
from spafit.ui.components.errors import showing_errors
from spafit.ui.components.text import plain
from spafit.ui.state import detach
from spafit.ui.visitor import actor

NAME_CHARS = 200
_MESSAGE = "run_message"


def manage(run: Run) -> None:
    """Draw what somebody wrote beside a run, and the buttons that change it, where it is not somebody else's.

    A run that goes takes tags and a note; everything else waits for its end.
    """
    if message := st.session_state.pop(_MESSAGE, None):
        st.error(plain(message), icon=":material/error:")
    _written(run)
    if not may_change(actor(), run.owner_id, run.class_id):
        return
    with st.container(horizontal=True):
        _tags_and_note(run)
        if not run.state.over:
            return
        with st.popover("Rename", icon=":material/edit:"):
            st.text_input("Name of the run", run.name, max_chars=NAME_CHARS, key=f"name_{run.id}")
            st.button("Rename it", key=f"rename_{run.id}", on_click=_rename, args=(run.id,))
        if run.archived:
            archive, about = "Take out of the archive", "It comes back into the list."
        else:
            archive, about = "Archive", "Archived runs leave the list; nothing is deleted."
        st.button(
            archive,
            icon=":material/archive:",
            help=about,
            key=f"archive_{run.id}",
            on_click=_archive,
            args=(run.id, not run.archived),
        )
        if size := disk.weights_size(Store.open(), run.id):
            st.button(
                "Let the weights go" if run.pinned else "Keep the weights",
                icon=":material/keep_off:" if run.pinned else ":material/keep:",
                key=f"pin_{run.id}",
                help=f"{bytes_text(size)}. When all saved weights are more than the server keeps, the oldest go first; "
                "those of kept runs stay.",
                on_click=_pin,
                args=(run.id, not run.pinned),
            )
        with st.popover("Delete", icon=":material/delete:"):
            st.markdown("Delete this run with its figures, curve, log and trained parameters? It cannot be undone.")
            st.button("Delete it", key=f"delete_{run.id}", type="primary", on_click=_delete, args=(run.id,))


def _written(run: Run) -> None:
    if run.tags:
        with st.container(horizontal=True):
            for tag in run.tags:
                st.badge(plain(tag), icon=":material/label:", color="gray")
    if run.note:
        st.text(run.note)


def _tags_and_note(run: Run) -> None:
    with st.popover("Tags and note", icon=":material/label:"):
        known = tables.values(Store.open(), "tags")
        st.multiselect(
            "Tags",
            list(dict.fromkeys([*run.tags, *known])),
            list(run.tags),
            accept_new_options=True,
            key=f"tags_{run.id}",
            placeholder="type a tag, then Enter",
        )
        st.text_area("Note", run.note, max_chars=NOTE_LENGTH, key=f"note_{run.id}")
        st.button("Save", key=f"write_{run.id}", on_click=_write, args=(run,))


def _write(run: Run) -> None:
    tags, note = tuple(st.session_state[f"tags_{run.id}"]), st.session_state[f"note_{run.id}"]
    with _remembering_errors():
        if tags != run.tags:
            Store.open().tag(run.id, tags, actor())
        if note.strip() != run.note:
            Store.open().note(run.id, note, actor())


def _rename(run_id: str) -> None:
    with _remembering_errors():
        Store.open().rename(run_id, st.session_state[f"name_{run_id}"], actor())


def _archive(run_id: str, archived: bool) -> None:
    with _remembering_errors():
        Store.open().archive(run_id, archived, actor())


def _pin(run_id: str, pinned: bool) -> None:
    with _remembering_errors():
        Store.open().pin(run_id, pinned, actor())


def _delete(run_id: str) -> None:
    with _remembering_errors():
        Store.open().delete(run_id, actor())
        st.query_params.clear()
        detach()


@contextmanager
def _remembering_errors() -> Generator[None]:
    """Keep an error's sentence for the page that is drawn next."""
    try:
        yield
    except SpafitError as error:
        st.session_state[_MESSAGE] = str(error)


def history(run: Run) -> None:
    """Say who did what to a run, oldest first."""
    with showing_errors():
        for done in audit.history(Store.open().engine, run.id):
            what = f"{done.action}: {done.detail}" if done.detail else done.action
            st.text(f"{done.at:%Y-%m-%d %H:%M:%S} UTC · {what} · by {done.who}")

"""Which lesson is open: the address's, else the one that ships; another one is opened from a teacher's file."""

import streamlit as st

from spafit.errors import SpafitError
from spafit.lessons.library import find, keep, shipped
from spafit.lessons.problems import LessonError
from spafit.lessons.values import Lesson
from spafit.ui.components.errors import show_error, show_message
from spafit.ui.components.text import plain
from spafit.ui.lessons.progress import progress_of, save

_UPLOAD, _REFUSED = "lesson_upload", "lesson_refused"


def opened() -> Lesson:
    """Return the lesson that is open; where the address's is not to be had, say so and return the shipped one."""
    try:
        return find(st.query_params.get("lesson", ""))
    except LessonError as error:
        _show(error)
    except SpafitError as error:
        show_error(error)
    return shipped()


def other(lesson: Lesson) -> None:
    """Draw what opens another lesson, and this one as a file to copy and change."""
    with st.popover("This lesson", icon=":material/more_horiz:"):
        st.download_button(
            "Download as a file",
            lesson.source,
            "lesson.md",
            "text/markdown",
            icon=":material/download:",
            on_click="ignore",
            key="lesson_download",
        )
        st.button("Begin again", icon=":material/restart_alt:", key="lesson_again", on_click=_again, args=(lesson,))
        st.file_uploader(
            "Open a changed one",
            type="md",
            max_upload_size=1,
            key=_UPLOAD,
            on_change=_uploaded,
            help="It is checked first. Once it is open, the page's address leads everybody to it.",
        )
        if lesson.key != shipped().key:
            st.button("Back to the lesson that ships", key="lesson_shipped", on_click=_open, args=("",))


def refused() -> None:
    """Show what is wrong with a file that was given just now, line by line; the open lesson stays."""
    if error := st.session_state.pop(_REFUSED, None):
        show_message("This file was not opened; the lesson that was open stays.")
        _show(error)


def _show(error: SpafitError) -> None:
    if isinstance(error, LessonError):
        st.error("  \n".join(plain(line) for line in str(error).split("\n")), icon=":material/error:")
    else:
        show_error(error)


def _uploaded() -> None:
    file = st.session_state[_UPLOAD]
    if file is None:
        return
    try:
        _open(keep(file.getvalue()).key)
    except SpafitError as error:
        st.session_state[_REFUSED] = error


def _open(key: str) -> None:
    st.query_params.from_dict({"lesson": key} if key and key != shipped().key else {})


def _again(lesson: Lesson) -> None:
    save(lesson, type(progress_of(lesson))())
    st.query_params["page"] = "1"

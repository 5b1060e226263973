"""Which lesson is open: the address's, else the one that ships; another one is opened from a teacher's file."""

import streamlit as st

from spafit.errors import SpafitError
from spafit.lessons.library import deletable, delete, find, keep, shipped
from spafit.lessons.problems import LessonError
from spafit.lessons.values import Lesson
from spafit.ui.choice import say
from spafit.ui.components.download import download
from spafit.ui.components.errors import show_error, show_message, showing_errors
from spafit.ui.components.text import plain
from spafit.ui.lessons.progress import progress_of, save
from spafit.ui.visitor import actor

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
    menu = st.popover("This lesson", icon=":material/more_horiz:", key="lesson_menu", on_change="rerun")
    with menu:
        download("Download as a file", lesson.source, "lesson.md", key="lesson_download")
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
        if menu.open:
            with showing_errors():
                _mine()


def _mine() -> None:
    """List the lessons that the visitor may delete."""
    found = deletable(actor())
    if not found:
        return
    st.markdown("**Kept on this server**")
    for lesson in found:
        st.button(
            plain(lesson.title), key=f"lesson_open_{lesson.key}", type="tertiary", on_click=_open, args=(lesson.key,)
        )
        with st.expander("Delete", icon=":material/delete:"):
            st.button("Delete it for everybody", key=f"lesson_delete_{lesson.key}", on_click=_delete, args=(lesson,))


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
        _open(keep(file.getvalue(), actor(enrol=True)).key)
    except SpafitError as error:
        st.session_state[_REFUSED] = error


def _delete(lesson: Lesson) -> None:
    try:
        delete(lesson, actor())
    except SpafitError as error:
        say(str(error))
        return
    if st.query_params.get("lesson") == lesson.key:
        _open("")
    say(f"The lesson {lesson.title} is deleted.")


def _open(key: str) -> None:
    st.query_params.from_dict({"lesson": key} if key and key != shipped().key else {})


def _again(lesson: Lesson) -> None:
    save(lesson, type(progress_of(lesson))())
    st.query_params["page"] = "1"

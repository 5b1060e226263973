"""A reader's progress: in the session, and in a cookie that a reload and tomorrow's visit know."""

from urllib.parse import unquote

import streamlit as st

from spafit.lessons.progress import MAX_CHARS, Progress, from_text, to_text
from spafit.lessons.values import Lesson

_COOKIE, _ALL = "spafit_lessons", "lessons_progress"
_JS = """export default function ({ data }) {
  const kept = `path=/; SameSite=Strict; max-age=${90 * 24 * 3600}`;
  document.cookie = `${data.cookie}=${encodeURIComponent(data.text)}; ${kept}`;
}
"""
_keep = st.components.v2.component("spafit_lessons", html="<span></span>\n", js=_JS)


def progress_of(lesson: Lesson) -> Progress:
    """Return how far this reader is."""
    if _ALL not in st.session_state:
        st.session_state[_ALL] = from_text("".join(unquote(st.context.cookies.get(_COOKIE, "")))[: MAX_CHARS + 1])
    found = st.session_state[_ALL].get(lesson.key, Progress())
    return found.to(min(found.at, len(lesson.pages) - 1))


def save(lesson: Lesson, progress: Progress) -> None:
    """Remember it for this session; `keep_progress` gives it to the browser."""
    others = {key: one for key, one in st.session_state.get(_ALL, {}).items() if key != lesson.key}
    st.session_state[_ALL] = {**others, lesson.key: progress}


def keep_progress() -> None:
    """Let the browser keep what there is; called once a page, at its end."""
    if st.session_state.get(_ALL):
        _keep(key="lessons", data={"cookie": _COOKIE, "text": to_text(st.session_state[_ALL])})

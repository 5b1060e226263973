"""A page's question: an answer is locked once it is given, then it is held against what the app computes."""

from collections.abc import Callable

import streamlit as st

from spafit.lessons.answers import judge
from spafit.lessons.facts import Situation
from spafit.lessons.values import Question
from spafit.ui.components.text import plain


def ask(question: Question, key: str, answer: str | None, at: Situation, lock: Callable[[str], None]) -> None:
    """Draw a question, or the answer that was given with what is said of it.

    Args:
        question: of the page.
        key: of the page, for the widgets.
        answer: the locked one; None before.
        at: what facts are about.
        lock: called with the answer.
    """
    st.markdown(f"**{plain(question.text)}**")
    if answer is not None:
        _judged(question, answer, at)
        return
    if question.number is not None:
        given = st.number_input("Your answer", value=None, format="%g", step=None, key=f"lesson_number_{key}")
        said = None if given is None else f"{given:.12g}"
    else:
        place = st.radio(
            "Your answer",
            range(len(question.choices)),
            index=None,
            format_func=lambda at: plain(question.choices[at].text),
            key=f"lesson_choice_{key}",
            label_visibility="collapsed",
        )
        said = None if place is None else str(place)
    if st.button(
        "Lock my answer",
        icon=":material/lock:",
        disabled=said is None,
        key=f"lesson_lock_{key}",
        help="An answer that is locked cannot be changed: a prediction counts before its result is seen.",
    ):
        lock(said or "")
        st.rerun()


def _judged(question: Question, answer: str, at: Situation) -> None:
    verdict = judge(question, answer, at)
    words = plain(verdict.text)
    match verdict.right:
        case True:
            st.success(words, icon=":material/check_circle:")
        case False:
            st.info(f"Not quite\\. {words}", icon=":material/lightbulb:")
        case None:
            st.info(words, icon=":material/lock:")

"""A page of a lesson: its text and task on one side, the real app on the other, and a bar that leads on."""

import streamlit as st

from spafit.lessons.answers import is_complete
from spafit.lessons.facts import Situation
from spafit.lessons.progress import Progress
from spafit.lessons.values import Lesson, Page
from spafit.tasks import get_task
from spafit.training.config import QUICK
from spafit.ui.anatomies import anatomy_of
from spafit.ui.choice import commit, current
from spafit.ui.classroom.mine import hold, must_guess, rules_of
from spafit.ui.components.text import metric_name, plain
from spafit.ui.lessons.parts import draw, fixed, runs_here
from spafit.ui.lessons.progress import progress_of, save
from spafit.ui.lessons.question import ask
from spafit.ui.lessons.words import markdown
from spafit.ui.maps.data import readable
from spafit.ui.runs.data import baseline_of

_ENTERED = "lesson_entered"
_CSS = """<style>
[data-testid=stLayoutWrapper]:has(>.st-key-lesson_bar){position:sticky;bottom:0;z-index:4}
.st-key-lesson_bar{padding:.5rem 0;border-top:1px solid rgba(128,128,128,.35);flex-wrap:nowrap;
  background:light-dark(#ffffff,#191816);box-shadow:0 1rem light-dark(#ffffff,#191816)}
.st-key-lesson_bar>*{min-width:0}
.st-key-lesson_columns>[data-testid=stLayoutWrapper]>[data-testid=stHorizontalBlock]>[data-testid=stColumn]{min-width:0}
@media (max-width:1000px){
.st-key-lesson_columns>[data-testid=stLayoutWrapper]>[data-testid=stHorizontalBlock]>[data-testid=stColumn]{min-width:100%}}
</style>"""


def number_of(lesson: Lesson, progress: Progress) -> int:
    """Return the page to show, from 0: the address's, else the one where the reader was."""
    named = st.query_params.get("page", "")
    if named.isascii() and named.isdigit() and 1 <= int(named[:4]) <= len(lesson.pages):
        return int(named[:4]) - 1
    return progress.at


def enter(lesson: Lesson, number: int, *, brought: bool) -> None:
    """Choose the lesson's model and task, and the setting that a page begins with, when the page is opened.

    Args:
        lesson: that is open.
        number: of the page.
        brought: whether the address said a setting, which a reload keeps.
    """
    _begin(lesson, number, brought)
    if rules_of(lesson.model, lesson.task):
        hold()


def _begin(lesson: Lesson, number: int, brought: bool) -> None:
    page, choice = lesson.pages[number], current()
    elsewhere = (choice.model, choice.task) != (lesson.model, lesson.task)
    if st.session_state.get(_ENTERED) == (lesson.key, number) and not elsewhere:
        return
    reloaded = _ENTERED not in st.session_state and brought and not elsewhere
    st.session_state[_ENTERED] = (lesson.key, number)
    if not reloaded:
        start = {} if page.start is None else {"stratification": page.start}
        commit(model=lesson.model, task=lesson.task, settings=QUICK, **start)


def situation(lesson: Lesson) -> Situation:
    """Return what a page's facts are about now."""
    return Situation(
        anatomy_of(lesson.model, num_labels=current().assumptions.num_labels),
        current().stratification,
        None if must_guess() else readable(current()),
        metric_name(get_task(lesson.task).metric),
        runs_here(lesson.model, lesson.task),
        baseline_of(lesson.task),
    )


def show(lesson: Lesson, number: int) -> None:
    """Draw a page."""
    rules = rules_of(lesson.model, lesson.task)
    page, at, progress = lesson.pages[number], situation(lesson), progress_of(lesson).to(number)
    if is_complete(page, number, progress, at):
        progress = progress.complete(number)
    save(lesson, progress)
    done = number in progress.done
    st.html(_CSS)
    if not page.parts:
        _words(lesson, page, number, at, progress)
    else:
        with st.container(key="lesson_columns"):
            words, app = st.columns([4, 7], gap="large")
        with words:
            _words(lesson, page, number, at, progress)
            if page.done and not done and fixed(page.parts, rules):
                st.info("Your class fixes part of this page. Do what can be done, and go on.", icon=":material/lock:")
        with app:
            draw(page.parts, at, rules)
    _bar(lesson, number, done, progress)


def _words(lesson: Lesson, page: Page, number: int, at: Situation, progress: Progress) -> None:
    st.subheader(f"{number + 1}. {plain(page.title)}", anchor=False)
    if number == 0 and lesson.intro:
        st.markdown(markdown(lesson.intro, at))
    st.markdown(markdown(page.text, at))
    if number not in progress.done and page.done and page.done.holds(at) is None:
        st.info(
            "Too little of this model and task is measured yet to complete this page. Train some settings first, or go "
            "on and come back.",
            icon=":material/hourglass_empty:",
        )
    elif page.needs_scores and at.measured is None:
        st.info(
            "Nothing is measured of this model and task yet. What you predict is kept until it is.",
            icon=":material/hourglass_empty:",
        )
    if page.task:
        with st.container(border=True):
            st.markdown(markdown(page.task, at))
            if page.question:
                ask(
                    page.question,
                    f"{lesson.key}_{number}",
                    progress.answers.get(number),
                    at,
                    lambda answer: save(lesson, progress.answered(number, answer)),
                )
            if page.hint and number not in progress.done:
                with st.expander("Hint", icon=":material/lightbulb:"):
                    st.markdown(markdown(page.hint, at))
    if page.then and number in progress.done:
        st.markdown(markdown(page.then, at))


def _bar(lesson: Lesson, number: int, done: bool, progress: Progress) -> None:
    last = number == len(lesson.pages) - 1
    with st.container(key="lesson_bar", horizontal=True, vertical_alignment="center"):
        st.button(
            "Back", icon=":material/arrow_back:", disabled=not number, key="lesson_back", on_click=_go, args=(number,)
        )
        said = "Done." if done else "Do the task, or go on."
        st.markdown(
            f"**{number + 1} of {len(lesson.pages)}** · {':material/check_circle: ' * done}{said}", width="stretch"
        )
        if last:
            st.markdown(f"{len(progress.done)} of {len(lesson.pages)} pages done", width="content")
        else:
            st.button(
                "Next",
                type="primary" if done else "secondary",
                icon=":material/arrow_forward:",
                key="lesson_next",
                on_click=_go,
                args=(number + 2,),
            )


def _go(page: int) -> None:
    """Open a page, counted from 1."""
    st.query_params["page"] = str(page)

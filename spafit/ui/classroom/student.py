"""What a student sees of their class: what is fixed, their guess, the class's guesses, and their runs."""

import streamlit as st

from spafit.classroom import guesses, roster
from spafit.glossary import term
from spafit.models.registry import get_model
from spafit.runs import Run, State, Store
from spafit.runs.classes import Class, Member
from spafit.tasks import get_task
from spafit.ui.classroom.guessing import class_guesses, guess_form, my_guess
from spafit.ui.classroom.mine import may_change_words
from spafit.ui.classroom.sidebar import at, my_class
from spafit.ui.classroom.turns import current_outlook, starts_at
from spafit.ui.components.errors import showing_errors
from spafit.ui.components.text import duration, metric_name, plain
from spafit.ui.runs.naming import run_label

MOST_RUNS = 8


def student(course: Class, member: Member) -> None:
    """Draw the page of a class for one of its students."""
    store = Store.open()
    setting, over = course.rules.setting, course.ended(store.clock())
    st.subheader(plain(course.name), anchor=False)
    shown = f", shown as {member.shown(True)}" if course.anonymous else ""
    st.markdown(f"You are **{plain(member.nickname)}**{shown}.")
    _state(over)
    with showing_errors():
        task = get_task(setting.task)
        st.markdown(f"Everybody trains **{plain(get_model(setting.model).name)}** on **{plain(task.name)}**.")
        most = course.rules.limits
        st.caption(
            f"You may change {may_change_words(course.rules)}; everything else is fixed. A run takes at most "
            f"{most.minutes:g} min and {most.examples:,.0f} examples; you have {most.runs} runs, "
            f"{most.at_once} at once."
        )
    made = guesses.of_class(store, course.id)
    mine = guesses.by_owner(made).get(member.owner_id, {})
    if not mine and not over and not course.guesses_revealed:
        guess_form(course, member)
    else:
        if mine:
            my_guess(mine)
        _follow_guesses()
    with st.container(horizontal=True):
        st.page_link("pages/train.py", label="Train", icon=":material/play_circle:")
        st.page_link("pages/explore.py", label="Explore", icon=":material/layers:")
        board = {"class": course.id}
        st.page_link("pages/board.py", label="Board", icon=":material/co_present:", query_params=board)
    st.subheader("Your runs", anchor=False)
    _my_runs()
    if over and st.button("Leave the class", icon=":material/logout:"):
        with showing_errors():
            roster.leave(store, member)
            st.rerun()


@st.fragment(run_every=3.0)
def _state(drawn_over: bool) -> None:
    """Say whether the class goes on; draw the page anew when that changes."""
    with showing_errors():
        found = my_class()
        if found is None:
            st.rerun()
        course, now = found[0], Store.open().clock()
        if course.ended(now) != drawn_over:
            st.rerun()
        if drawn_over:
            st.info("The class has ended. What you did stays.", icon=":material/flag:")
        elif course.paused:
            st.warning("The class is paused by its teacher: nothing new starts.", icon=":material/pause:")
        else:
            left = duration((course.ends_at - now).total_seconds() // 60 * 60)
            st.caption(f"Until {at(course.ends_at)}, {left} more.")


@st.fragment(run_every=3.0)
def _follow_guesses() -> None:
    with showing_errors():
        found = my_class()
        if found is not None:
            class_guesses(found[0], guesses.of_class(Store.open(), found[0].id))


@st.fragment(run_every=2.0)
def _my_runs() -> None:
    """List the student's runs, the newest first, with the place in the queue and when it will start."""
    with showing_errors():
        found, store = my_class(), Store.open()
        if found is None:
            return
        course, member = found
        runs = store.list(class_id=course.id, owner_id=member.owner_id, limit=MOST_RUNS)
        if not runs:
            st.caption("None yet. Train starts the first one.")
            return
        waits = any(run.state is State.QUEUED for run in runs)
        starts = current_outlook().starts if waits else {}
        metric = get_task(course.rules.setting.task).metric
        for run in runs:
            with st.container(horizontal=True, vertical_alignment="center"):
                label = f"**{plain(run_label(run))}**"
                st.page_link("pages/runs.py", label=label, query_params={"run": run.id})
                st.text(f"seed {run.seed} · {_how_far(run, metric, starts.get(run.id), course.paused)}")
        if course.test_revealed:
            st.caption(f"The test scores are open: they stand on each run's page. {term('test').tip}")


def _how_far(run: Run, metric: str, seconds: float | None, paused: bool) -> str:
    match run.state:
        case State.QUEUED if paused:
            return "waits while the class is paused"
        case State.QUEUED:
            return f"place {run.position} in the queue{starts_at(seconds)}"
        case State.RUNNING:
            return f"training, {run.progress:.0%}"
        case State.FINISHED:
            score = run.validation_metrics.get(metric)
            return "no score" if score is None else f"validation {metric_name(metric)} {score:.3f}"
    return run.state.value

"""The teacher's view of a class: how to join, who is here, what runs, and everything that a teacher does."""

import io
from collections.abc import Callable
from datetime import timedelta

import pandas as pd
import segno
import streamlit as st

from spafit.classroom import guesses, roster, teacher
from spafit.classroom.address import join_address, reachable
from spafit.classroom.outcome import most_changed_layer, outcome
from spafit.classroom.table import class_csv
from spafit.errors import SpafitError
from spafit.runs import Actor, Run, State, Store, classes
from spafit.runs.class_rules import ClassError, Limits
from spafit.runs.classes import Class, Member
from spafit.tasks import get_task
from spafit.ui.classroom.create import limits_fields
from spafit.ui.classroom.guessing import class_guesses
from spafit.ui.classroom.sidebar import at
from spafit.ui.classroom.turns import current_outlook, starts_at
from spafit.ui.components.download import download
from spafit.ui.components.errors import showing_errors
from spafit.ui.components.text import duration, plain
from spafit.ui.runs.naming import run_label
from spafit.ui.visitor import actor

_SAID = "class_said"
MOST_SHOWN = 12


def how_to_join(course: Class, page: str) -> None:
    """Draw code, address and QR code, large enough for the wall."""
    app = reachable(
        st.context.url,
        page,
        st.get_option("server.address") or "",
        st.get_option("browser.serverAddress"),
        st.get_option("server.port"),
        st.get_option("server.baseUrlPath"),
    )
    code = f"{course.code[:3]} {course.code[3:]}".upper()
    with st.container(horizontal=True, vertical_alignment="center", gap="large"):
        if app is not None:
            picture = io.BytesIO()
            segno.make(join_address(app, course.code), error="m", micro=False).save(picture, "png", scale=8, border=2)
            st.image(picture.getvalue(), width=170)
        with st.container(gap=None, width="stretch"):
            st.metric("Class code", code, width="content")
            if app is None:
                st.warning(
                    "Only this machine reaches this address. For a class, start the server with "
                    "`make run HOST=0.0.0.0` and open the address that it prints.",
                    icon=":material/wifi_off:",
                )
            else:
                st.text(join_address(app, course.code))


def controls(course: Class) -> None:
    """Draw what a teacher does during the lesson."""
    going = course.guesses_revealed
    with st.container(horizontal=True):
        if course.paused:
            _button("Resume all", ":material/play_arrow:", lambda s, a, c: teacher.pause(s, a, c, False), course)
        else:
            _button("Pause all", ":material/pause:", lambda s, a, c: teacher.pause(s, a, c, True), course)
        _asking("Stop all", ":material/stop:", "Stop every run that waits or goes?", teacher.stop_all, course)
        label = "Show what came out again" if going else "Reveal guesses"
        _asking(label, ":material/visibility:", "Show what came out? Nobody guesses any more.", reveal, course)
        if not course.test_revealed:
            question = (
                "Open the test scores? They are opened once, at the end, when nothing is chosen by them any more."
            )
            _asking("Open test scores", ":material/lock_open:", question, teacher.reveal_test, course)
        label, wanted = ("Show nicknames", False) if course.anonymous else ("Anonymise", True)
        _button(label, ":material/visibility_off:", lambda s, a, c: teacher.anonymise(s, a, c, wanted), course)
        label, closed = ("Let students join", False) if course.closed else ("Close the door", True)
        _button(label, ":material/door_front:", lambda s, a, c: teacher.close(s, a, c, closed), course)
    if message := st.session_state.pop(_SAID, None):
        st.error(plain(message), icon=":material/error:")


def reveal(store: Store, by: Actor, course: Class) -> None:
    """Hold the guesses against what the class has measured."""
    metric = get_task(course.rules.setting.task).metric
    truth, winner = outcome(store.list(class_id=course.id, archived=None, limit=None), metric)
    if winner is None:
        raise ClassError("No run of the class has finished yet, so there is nothing to hold the guesses against.")
    truth |= most_changed_layer([event for _seq, event in store.events(winner.id)])
    made = guesses.of_class(store, course.id)
    teacher.reveal_guesses(store, by, course, truth, guesses.scored(made, truth))


@st.fragment(run_every=2.0)
def who_is_here(class_id: str) -> None:
    """Draw who is here and what they run, again and again."""
    with showing_errors():
        store = Store.open()
        course = classes.get(store.engine, class_id)
        teacher.require(actor(), course)
        members, now = roster.members(store, class_id), store.clock()
        runs = store.list(class_id=class_id, archived=None, limit=None)
        under_way = [run for run in reversed(runs) if not run.state.over]
        outlook_ = current_outlook() if under_way else None
        here = sum(roster.is_here(member, now) for member in members)
        words = [
            f"{here} of {len(members)} students here",
            f"{len(under_way)} {'run' if len(under_way) == 1 else 'runs'} under way",
        ]
        if outlook_ and outlook_.all_done is not None:
            words.append(f"all done at {at(now + timedelta(seconds=outlook_.all_done))}")
        ends = "ended" if course.ended(now) else f"until {at(course.ends_at)}"
        st.markdown(f"**{' · '.join([*words, ends])}**")
        if members:
            placed = guesses.by_owner(guesses.of_class(store, class_id))
            rows = [_row(course, member, runs, bool(placed.get(member.owner_id))) for member in members]
            number = st.column_config.NumberColumn(format="%.3f")
            look = {"Best validation": number, "Now": st.column_config.TextColumn(width="medium")}
            st.dataframe(pd.DataFrame(rows), hide_index=True, key="class_students", column_config=look)
        else:
            st.caption("Nobody has joined yet.")
        starts = outlook_.starts if outlook_ else {}
        for run in sorted(under_way, key=lambda run: (run.state is State.QUEUED, run.position or 0))[:MOST_SHOWN]:
            _under_way(run, starts.get(run.id))


def _row(course: Class, member: Member, runs: list[Run], guessed: bool) -> dict[str, object]:
    theirs = [run for run in runs if run.owner_id == member.owner_id]
    going = next((run for run in reversed(theirs) if not run.state.over), None)
    metric = get_task(course.rules.setting.task).metric
    scores = [
        run.validation_metrics[metric] for run in theirs if run.state is State.FINISHED and run.validation_metrics
    ]
    return {
        "Student": member.shown(course.anonymous),
        "Here": roster.is_here(member, Store.open().clock()),
        "Guessed": guessed,
        "Runs": len(theirs),
        "Now": "" if going is None else f"{going.stratification}, {going.state.value}",
        "Best validation": max(scores, default=None),
    }


def _under_way(run: Run, seconds: float | None) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.page_link("pages/runs.py", label=f"**{plain(run_label(run))}**", query_params={"run": run.id})
        if run.state is State.RUNNING:
            far = f"training, {run.progress:.0%}"
        else:
            far = f"place {run.position}{starts_at(seconds)}" if run.position else "waits while the class is paused"
        st.text(f"{run.owner} · seed {run.seed} · {far}")
        st.button("Stop", key=f"class_stop_{run.id}", icon=":material/stop:", on_click=_stop_one, args=(run.id,))


def _stop_one(run_id: str) -> None:
    try:
        Store.open().request_stop(run_id, actor())
    except SpafitError as error:
        st.session_state[_SAID] = str(error)


def class_histograms(course: Class) -> None:
    """Draw the guesses of the class."""
    class_guesses(course, guesses.of_class(Store.open(), course.id))


def limits_and_end(course: Class) -> None:
    """Draw end and limits, to be changed while the class goes on."""
    store = Store.open()
    left = max(0, int((course.ends_at - store.clock()).total_seconds() // 60))
    with st.expander("End and limits", icon=":material/timer:"):
        st.caption(f"It ends in {duration(60 * left)}." if left else "It has ended, or does so within a minute.")
        minutes = st.number_input("Minutes from now", value=15, step=5, key="class_more_minutes", width=200)
        with st.container(horizontal=True):
            _button("Let it end then", ":material/update:", lambda s, a, c: teacher.end_after(s, a, c, minutes), course)
            _button("End it now", ":material/flag:", lambda s, a, c: teacher.end_after(s, a, c, 0), course)
        values = limits_fields(course.rules.limits, course.id)
        _button(
            "Set the limits", ":material/tune:", lambda s, a, c: teacher.set_limits(s, a, c, Limits(**values)), course
        )


def students(course: Class) -> None:
    """Draw what takes a student out of the class."""
    members = {m.owner_id: m for m in roster.members(Store.open(), course.id) if m.here}
    if not members:
        return
    with st.expander("Take a student out", icon=":material/person_remove:"):
        chosen = st.selectbox(
            "Student",
            list(members),
            format_func=lambda owner: members[owner].shown(course.anonymous),
            key="class_student",
        )
        if chosen in members:
            _button("Take out", ":material/logout:", lambda s, a, c: teacher.remove(s, a, c, members[chosen]), course)


def take_away(course: Class) -> None:
    """Draw the CSV, and what deletes runs or the whole class."""
    store = Store.open()
    with st.container(horizontal=True):
        runs = store.list(class_id=course.id, archived=None, limit=None)
        metric = get_task(course.rules.setting.task).metric
        made = guesses.of_class(store, course.id)
        table = class_csv(course, roster.members(store, course.id), made, runs, metric)
        download("Everything as CSV", table.encode("utf-8-sig"), f"class-{course.code}.csv")
        question = "Delete all runs and guesses of the class? Its students stay."
        _asking("Reset", ":material/restart_alt:", question, teacher.reset, course)
        question = "Delete the class with its runs, guesses and nicknames? Take the CSV first; this cannot be undone."
        _asking("Delete the class", ":material/delete:", question, teacher.delete_class, course)


def _asking(label: str, icon: str, question: str, act: Callable[..., object], course: Class) -> None:
    """Draw a button that asks once."""
    with st.popover(label, icon=icon):
        st.markdown(question)
        _button(label, icon, act, course, key=f"{label} now")


def _button(label: str, icon: str, act: Callable[..., object], course: Class, key: str = "") -> None:
    st.button(label, icon=icon, key=f"class_do_{key or label}", on_click=_do, args=(act, course))


def _do(act: Callable[..., object], course: Class) -> None:
    """Do it as whoever presses the button now; what does not go is said on the page."""
    try:
        act(Store.open(), actor(), course)
    except SpafitError as error:
        st.session_state[_SAID] = str(error)

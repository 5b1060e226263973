"""All sweeps, newest first: how far each is, what is left, what failed, and what may be done with it."""

from collections.abc import Callable

import streamlit as st

from spafit.errors import SpafitError
from spafit.maps import sweep as sweeping
from spafit.runs import Store, attend, sweeps
from spafit.runs.rights import Actor, may_change
from spafit.runs.run import Run
from spafit.runs.sweeps import Sweep
from spafit.ui.components.errors import show_error
from spafit.ui.components.text import plain, time_left
from spafit.ui.runs.naming import run_label, task_name
from spafit.ui.visitor import actor

SHOWN, REASONS = 3, 3
STATES = {
    "running": ":material/sync: running",
    "paused": ":material/pause: paused",
    "stopped": ":material/stop: stopped",
    "finished": ":material/check: finished",
}
_MESSAGE = "sweep_message"
_MORE = "sweeps_shown"


@st.fragment(run_every=2.0)
def sweeps_list() -> None:
    """Draw the list, again every two seconds."""
    if message := st.session_state.pop(_MESSAGE, None):
        st.error(plain(message), icon=":material/error:")
    shown = st.session_state.get(_MORE, SHOWN)
    try:
        attend()
        store = Store.open()
        found = sweeps.newest(store, shown + 1)
        progress = sweeping.progress_of(store, found[:shown])
        who = actor()
    except SpafitError as error:
        show_error(error)
        return
    if not found:
        st.info("No sweeps yet. Choose cells below: each becomes a run, and the map fills.", icon=":material/grid_on:")
    for sweep in found[:shown]:
        with st.container(border=True, key=f"sweep_box_{sweep.id}"):
            draw(store, sweep, progress[sweep.id], who, link=True)
    if len(found) > shown:
        st.button("Show more", on_click=_show_more, args=(shown,), key="sweeps_more")


def _show_more(shown: int) -> None:
    st.session_state[_MORE] = shown + SHOWN


def draw(store: Store, sweep: Sweep, now: sweeping.Progress, who: Actor, *, link: bool) -> None:
    """Draw one sweep: what it is, how far, the reasons of what failed, and the buttons where they may be pressed."""
    with st.container(horizontal=True, vertical_alignment="center"):
        heading = f"{plain(sweep.definition['model'])} on {plain(task_name(sweep.definition['task']))}"
        if link:
            st.page_link("pages/sweeps.py", label=f"**{heading}**", query_params={"sweep": sweep.id})
        else:
            st.markdown(f"**{heading}**", width="content")
        st.markdown(STATES[now.state], width="content")
        cells, seeds = len(sweep.definition["points"]), len(sweep.definition["seeds"])
        whose = f" · {plain(sweep.owner)}" if sweep.owner else ""
        first = f" · priority {sweep.priority}" if sweep.priority else ""
        settings, times = f"{cells} setting{'s' * (cells != 1)}", f"{seeds} seed{'s' * (seeds != 1)}"
        st.caption(f"{settings} × {times}{whose}{first} · {sweep.created_at:%Y-%m-%d %H:%M} UTC", width="content")
    left = "" if now.seconds_left is None else f", {time_left(now.seconds_left)}"
    failed = f", {now.failed} failed" if now.failed else ""
    st.progress(
        min(1.0, (now.finished + now.failed) / max(1, now.runs)),
        f"{now.finished} of {now.runs} finished{failed}{left}",
    )
    if now.failed:
        reasons(sweeps.failures(store, sweep, REASONS), now.failed)
    if may_change(who, sweep.owner_id):
        _buttons(sweep, now, who)


def reasons(failed: list[Run], count: int) -> None:
    """Say why runs have failed, each with a link to it."""
    for run in failed:
        with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
            st.page_link("pages/runs.py", label=plain(run_label(run)), query_params={"run": run.id})
            st.caption(plain(f"seed {run.seed}: {run.reason or 'no reason was kept'}"), width="content")
    if count > len(failed):
        st.caption(f"and {count - len(failed)} more")


def _buttons(sweep: Sweep, now: sweeping.Progress, who: Actor) -> None:
    with st.container(horizontal=True, gap="xsmall", vertical_alignment="center"):
        if now.state == "running":
            about = "No further run starts; the one that runs goes on to its end."
            _button("Pause", "pause", sweep, sweeping.pause, about)
        if now.state == "paused":
            _button("Resume", "play_arrow", sweep, sweeping.resume, "Its waiting runs take their turns again.")
        if now.state in ("running", "paused"):
            _button("Stop", "stop", sweep, sweeping.stop, "What is finished stays.")
        if now.state in ("stopped", "finished") and now.finished < now.runs and who.id == sweep.owner_id:
            _button("Train what is missing", "replay", sweep, _again, "Failed and stopped runs are tried again.")
        if who.administrator and now.under_way:
            st.number_input(
                "Priority",
                value=sweep.priority,
                step=1,
                min_value=-1000,
                max_value=1000,
                width=130,
                key=f"priority_{sweep.id}",
                on_change=_prefer,
                args=(sweep,),
                help="Higher goes first; 0 is usual.",
            )


def _button(label: str, icon: str, sweep: Sweep, change: Callable[..., object], about: str) -> None:
    icon = f":material/{icon}:"
    st.button(label, icon=icon, key=f"{label}_{sweep.id}", help=about, on_click=_change, args=(change, sweep))


def _change(change: Callable[..., object], sweep: Sweep) -> None:
    try:
        change(Store.open(), sweep, actor())
    except SpafitError as error:
        st.session_state[_MESSAGE] = str(error)


def _again(store: Store, sweep: Sweep, who: Actor) -> None:
    sweeping.launch_again(store, sweep, who)


def _prefer(sweep: Sweep) -> None:
    priority = int(st.session_state[f"priority_{sweep.id}"])
    _change(lambda store, which, who: sweeps.change_priority(store, which, priority, who), sweep)

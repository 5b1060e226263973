"""A press that has reached the server is carried out to its end, and before the presses that come after it.

Streamlit ends a run for the sake of the next request wherever the run touches the session's state or draws, in the
middle of a widget's callback too. What the callback had still to do is never done then, for its widget does not count
as changed any more (https://github.com/streamlit/streamlit/issues/10578). With ``runner.fastReruns`` the next request
also gets a thread of its own at once, whose callbacks may come first. On a busy server a press is lost in both ways.

So that option is off in .streamlit/config.toml, and done here where it is safe: once the callbacks have returned, a
page that is still being drawn gives way to the next request at once, however long it would yet take.
"""

import functools
import threading
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import streamlit as st
from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.runtime.app_session import AppSession
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.scriptrunner_utils.script_requests import ScriptRequestType
from streamlit.runtime.state.safe_session_state import SafeSessionState

_COUNTING = threading.Lock()
"""Held while a request is handed over and counted. A runner counts those that it was `asked`, but for what a page asks
by itself every few seconds, and those whose callbacks it has `carried_out`."""


def carry_out_presses() -> None:
    """Keep to that in every session of this process, from now on."""
    with _COUNTING:  # the first pages of several visitors may come at once
        if not hasattr(AppSession.request_rerun, "__wrapped__"):
            SafeSessionState.on_script_will_rerun = _whole(SafeSessionState.on_script_will_rerun)
            AppSession.request_rerun = _in_turn(AppSession.request_rerun)


def once(name: str) -> str:
    """Return the key to draw a button with, by this name, whose press starts something.

    It is another one once that is done (`carried_out`): the second click of a double click, or of somebody who sees
    nothing happen yet, was meant for the button that it was made on, and finds it gone.
    """
    number = st.session_state.get(_times(name), 0)
    return f"{name}_{number}" if number else name


@contextmanager
def carried_out(name: str) -> Generator[None]:
    """Carry out the press of a button of this name, in the script instead of a callback: whole and once, as there.

    It should take no time, for the next request waits, and ask for no other run of the script. A press that ends in an
    error was not carried out.
    """
    context = get_script_run_ctx()
    assert context is not None
    runner = _runner(context.session_state)
    with _COUNTING:
        runner.asked = getattr(runner, "asked", 0) + 1
    try:
        with _unasked(runner):
            yield
            st.session_state[_times(name)] = st.session_state.get(_times(name), 0) + 1
    finally:
        with _COUNTING:
            runner.carried_out = getattr(runner, "carried_out", 0) + 1


def _times(name: str) -> str:
    return f"_{name}_times"


def _whole(prepare: Any) -> Any:
    """Return what takes over the widgets' values and calls their callbacks as something that no request breaks off."""

    @functools.wraps(prepare)
    def on_script_will_rerun(state: Any, *args: Any, **kwargs: Any) -> None:
        runner = _runner(state)
        requests = runner._requests
        with _COUNTING:
            asked = getattr(runner, "asked", 0)
            more = requests._state is ScriptRequestType.RERUN and not requests._rerun_data.is_auto_rerun
        try:
            with _unasked(runner):
                prepare(state, *args, **kwargs)
        finally:
            if not more:  # else one of those that were counted is still to be carried out
                runner.carried_out = asked

    return on_script_will_rerun


def _in_turn(request: Any) -> Any:
    """Return what asks for a run as something that waits for the callbacks of the run before."""

    @functools.wraps(request)
    def request_rerun(session: Any, client_state: ClientState | None) -> None:
        runner = session._scriptrunner
        of_a_fragment = client_state is not None and client_state.fragment_id
        done = runner is not None and getattr(runner, "carried_out", 0) == getattr(runner, "asked", 0)
        if done and not of_a_fragment:
            runner.request_stop()
            session._scriptrunner = None  # another one is started then
        by_a_clock = client_state is not None and client_state.is_auto_rerun
        with _COUNTING:
            request(session, client_state)
            if (runner := session._scriptrunner) is not None and not by_a_clock:
                runner.asked = getattr(runner, "asked", 0) + 1

    return request_rerun


def _runner(state: Any) -> Any:
    """Return what runs the script whose session's state this is."""
    return state._yield_callback.__self__


@contextmanager
def _unasked(runner: Any) -> Generator[None]:
    """Let a runner see no request: it looks for them only while it counts as executing."""
    executing, runner._execing = runner._execing, False
    try:
        yield
    finally:
        runner._execing = executing

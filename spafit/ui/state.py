"""The run that Train shows: the one in the address; beside it the latest one, so that links lead back to it."""

import streamlit as st

_RUN, _NEW = "attached_run", "new_run"


def attached_run() -> str | None:
    """Return the id in the address; the browser's Back therefore leaves a run in one step.

    What was pressed before the browser had a new run's address comes with another, and means that run all the same.
    """
    named = st.query_params.get("run")
    new = st.session_state.get(_NEW)
    if new and named != new:
        named = st.query_params["run"] = new
    elif named:
        st.session_state[_RUN] = named
        st.session_state.pop(_NEW, None)
    return named


def latest_run() -> str | None:
    """Return the run that Train showed last in this visit, unless it was closed."""
    return st.session_state.get(_RUN)


def attach(run_id: str) -> None:
    """Let Train show a run, and write it into the address, where it survives a reload."""
    st.session_state[_RUN] = st.session_state[_NEW] = run_id
    st.query_params["run"] = run_id


def detach() -> None:
    """Let Train show no run."""
    st.session_state.pop(_RUN, None)
    st.session_state.pop(_NEW, None)
    st.query_params.pop("run", None)

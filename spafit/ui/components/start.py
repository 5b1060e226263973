"""The button that starts training; where that takes over an hour it says so and asks once."""

import streamlit as st

from spafit.maps.forecast import long_question
from spafit.ui.components.text import plain
from spafit.ui.presses import once


def start_button(label: str, *, key: str, seconds: float | None, runs: int = 1, disabled: bool = False) -> bool:
    """Draw the button for so many runs, which are expected to take so many seconds in all; return whether to start.

    Who starts them does so in `spafit.ui.presses.carried_out` with this key, so that a double click starts them once.

    A press that arrives together with the value that makes the runs long starts nothing: it was no answer to the
    question, which is then drawn.
    """
    key, question = once(key), None if disabled else long_question(seconds, runs)
    if question is None:
        return st.button(label, type="primary", icon=":material/play_arrow:", disabled=disabled, key=key)
    with st.popover(label, type="primary", icon=":material/play_arrow:", key=f"{key}_long"):
        st.markdown(plain(question))
        return st.button("Start", type="primary", key=f"{key}_anyway")

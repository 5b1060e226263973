"""Joining a class: its code and a nickname."""

import streamlit as st

from spafit.classroom import roster
from spafit.classroom.nicknames import MOST_LETTERS
from spafit.runs import Store
from spafit.ui.components.errors import showing_errors
from spafit.ui.visitor import actor

_CODE, _NICKNAME = "class_code", "class_nickname"


def join_form() -> None:
    """Draw the form; the address may bring the code."""
    st.session_state.setdefault(_CODE, st.query_params.get("code", "")[:20])
    st.markdown("Type the code that your teacher shows, and what the class should call you. No account, no e-mail.")
    with st.form("class_join", width=420):
        st.text_input("Class code", key=_CODE, max_chars=20, autocomplete="off")
        st.text_input("Nickname", key=_NICKNAME, max_chars=4 * MOST_LETTERS, autocomplete="off")
        pressed = st.form_submit_button("Join the class", type="primary", icon=":material/login:")
    if not pressed:
        return
    with showing_errors():
        roster.join(Store.open(), actor(enrol=True), st.session_state[_CODE], st.session_state[_NICKNAME])
        st.query_params.clear()
        st.rerun()

"""Where a visitor of a shared server enters the administrator's key."""

import streamlit as st

from spafit import access
from spafit.asgi import COOKIE
from spafit.errors import SpafitError
from spafit.runs import Store, owners
from spafit.ui.components.errors import showing_errors
from spafit.ui.components.text import plain
from spafit.ui.visitor import actor

_KEY, _MESSAGE = "administrator_key", "administrator_message"


def administrator() -> None:
    """Draw the box for the key; nothing where the visitor sits at the machine and is administrator anyway."""
    if not access.shared():
        return
    with st.expander("Administrator"), showing_errors():
        if actor().administrator:
            st.markdown("This browser acts as an administrator: it may stop, rename, archive and delete every run.")
            st.button("Act as a visitor again", key="administrator_leave", on_click=_leave)
        else:
            st.text_input("Administrator's key", type="password", key=_KEY, max_chars=200, on_change=_enter)
            st.caption("Printed where the server was started, or set there as SPAFIT_ADMIN_KEY.")
        if message := st.session_state.pop(_MESSAGE, None):
            st.error(plain(message))


def _enter() -> None:
    key = st.session_state[_KEY]
    st.session_state[_KEY] = ""
    try:
        if not owners.enter_key(Store.open(), st.context.cookies.get(COOKIE, ""), key):
            st.session_state[_MESSAGE] = "That is not the administrator's key."
    except SpafitError as error:
        st.session_state[_MESSAGE] = str(error)


def _leave() -> None:
    try:
        owners.leave(Store.open(), actor().id)
    except SpafitError as error:
        st.session_state[_MESSAGE] = str(error)

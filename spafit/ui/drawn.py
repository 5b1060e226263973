"""Widgets that show a value which others change too: an undo, a drag, another page."""

import streamlit as st


def key_of(name: str, value: object) -> str:
    """Give a widget its value, and return the key to draw it with.

    Another key whenever the page has changed the value: a browser that has not drawn the new value yet still sends the
    old one with whatever is pressed next. Under the same key that would be taken for a press.
    """
    counter = f"_{name}_number"
    number = st.session_state.get(counter, 0)
    key = f"{name}_{number}" if number else name
    if key in st.session_state and st.session_state[key] != value:
        st.session_state[counter] = number + 1
        key = f"{name}_{number + 1}"
    st.session_state[key] = value
    return key

"""A widget whose value the page changes gets another key, so that what an old browser page sends is no press."""

from streamlit.testing.v1 import AppTest


def page() -> None:
    import streamlit as st

    from spafit.ui.drawn import key_of

    st.session_state.setdefault("value", "a")
    key = key_of("pick", st.session_state["value"])
    st.radio("Pick", ["a", "b"], key=key, on_change=lambda: st.session_state.update(value=st.session_state[key]))
    st.button("Undo", on_click=lambda: st.session_state.update(value="a"))


def test_a_press_keeps_the_key_and_a_change_by_the_page_takes_another() -> None:
    app = AppTest.from_function(page).run()
    first = app.radio[0].key
    app.radio[0].set_value("b").run()
    assert (app.radio[0].key, app.radio[0].value) == (first, "b")
    app.button[0].click().run()
    assert app.radio[0].key != first and app.radio[0].value == "a"
    second = app.radio[0].key
    app.radio[0].set_value("b").run()
    assert (app.radio[0].key, app.session_state["value"]) == (second, "b")

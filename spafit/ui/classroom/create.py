"""The one form that creates a class, and the box for the key of one that exists."""

from typing import Any

import streamlit as st

from spafit.classroom import teacher
from spafit.runs import Store
from spafit.runs.class_rules import PARTS, USUALLY_OPEN, Limits, Rules
from spafit.stratification import title
from spafit.training.config import QUICK, SETTINGS, RunSpec
from spafit.ui.choice import current
from spafit.ui.components.errors import showing_errors
from spafit.ui.components.text import plain
from spafit.ui.pickers import pick_model, pick_task
from spafit.ui.presses import carried_out, once
from spafit.ui.visitor import actor

_NEW_KEY = "class_new_key"
_LABELS = PARTS | {name: setting.label for name, setting in SETTINGS.items()}


def create_form() -> None:
    """Draw the form; what is fixed is the visitor's choice on Train."""
    me = actor()
    with st.container(key="train_form"):
        left, right = st.columns(2, gap="large")
    with left:
        name = st.text_input(
            "Name of the class", max_chars=teacher.NAME_LENGTH, key="class_name", placeholder="7b, Tuesday"
        )
        model, task = pick_model("class_model"), pick_task("class_task")
        spec = RunSpec(model.key, task.key, current().stratification, current().settings)
        _what_is_fixed(spec)
        may_change = st.multiselect(
            "Students may change",
            list(_LABELS),
            default=[part for part in _LABELS if part in USUALLY_OPEN],
            format_func=_LABELS.__getitem__,
            key="class_may_change",
            help="What is not here is hidden from students, and refused however a run is submitted.",
        )
        guess_first = st.toggle("Students guess before their first run", value=True, key="class_guess_first")
    with right:
        minutes = st.number_input("Minutes until the class ends", value=45, step=5, key="class_minutes")
        limits = limits_fields(Limits(), "new")
        alone = st.toggle(
            "Only this class starts runs here while it goes on",
            value=me.administrator,
            disabled=not me.administrator,
            key="class_alone",
            help="For an administrator: enter the key on the About page.",
        )
        pressed = st.button("Create the class", type="primary", icon=":material/add:", key=once("class_create"))
    if pressed:
        with showing_errors():
            rules = Rules(spec, frozenset(may_change), Limits(**limits), guess_first)
            alone = alone and me.administrator
            with carried_out("class_create"):
                made = teacher.create(Store.open(), actor(enrol=True), name, rules, minutes=minutes, alone=alone)
                st.session_state[_NEW_KEY] = (made[0].id, made[1])
                st.query_params["class"] = made[0].id
            st.rerun()


def limits_fields(limits: Limits, key: str) -> dict[str, Any]:
    """Draw the limits of a class and return what is typed, checked by `Limits`."""
    st.markdown("**Limits of one student**")
    first, second = st.columns(2)
    return {
        "examples": first.number_input(
            "Examples × epochs of a run", value=int(limits.examples), step=500, key=f"class_examples_{key}"
        ),
        "minutes": second.number_input(
            "Minutes of a run", value=float(limits.minutes), step=1.0, key=f"class_time_{key}"
        ),
        "runs": first.number_input("Runs in all", value=limits.runs, step=1, key=f"class_runs_{key}"),
        "at_once": second.number_input("Runs at once", value=limits.at_once, step=1, key=f"class_turns_{key}"),
    }


def key_form() -> None:
    """Draw the box for whoever teaches a class from another browser."""
    with st.expander("Teach a class that exists", icon=":material/key:"), st.form("class_key", border=False):
        code = st.text_input("Class code", max_chars=20, autocomplete="off")
        key = st.text_input("Teacher's key", type="password", max_chars=200)
        if st.form_submit_button("Open", icon=":material/arrow_forward:"):
            with showing_errors():
                st.query_params["class"] = teacher.enter_key(Store.open(), actor(enrol=True), code, key).id
                st.rerun()


def new_key(class_id: str) -> None:
    """Show the key of the class that was just made, until the page is opened again."""
    made, key = st.session_state.get(_NEW_KEY, ("", ""))
    if made == class_id:
        st.warning("The teacher's key. It is shown only now; with it you teach this class from another browser.")
        st.code(key, language=None)
        st.button("I have written it down", on_click=st.session_state.pop, args=(_NEW_KEY,))


def _what_is_fixed(spec: RunSpec) -> None:
    name, chips = title(spec.stratification)
    changes = spec.settings.changes(QUICK)
    settings = [f"{SETTINGS[key].label} {SETTINGS[key].said(value)}" for key, value in changes.items()]
    text = ", ".join([name, *chips, *(settings or ["the quick settings"])])
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(plain(f"The class begins with {text}."), width="content")
        st.page_link("pages/train.py", label="Change on Train", icon=":material/edit:")

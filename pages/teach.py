"""Teach: create a class, or teach the one in the address. `/teach?class=ID`."""

import streamlit as st

from spafit.classroom import teacher
from spafit.errors import SpafitError
from spafit.runs import Store, classes
from spafit.ui.arrival import take_address
from spafit.ui.choice import message
from spafit.ui.classroom.create import create_form, key_form, new_key
from spafit.ui.classroom.teaching import (
    class_histograms,
    controls,
    how_to_join,
    limits_and_end,
    students,
    take_away,
    who_is_here,
)
from spafit.ui.components.errors import show_message, showing_errors
from spafit.ui.components.frame import frame
from spafit.ui.components.text import plain
from spafit.ui.explore.model import reading
from spafit.ui.visitor import actor

frame("Teach", ":material/co_present:")
wanted, course = st.query_params.get("class", ""), None
if wanted:
    with showing_errors():
        try:
            course = classes.get(Store.open().engine, wanted[:32])
            teacher.require(actor(), course)
        except SpafitError:
            course = None
            st.query_params.clear()
            raise
if course is None:
    take_address()
    show_message(message())
    reading()
    st.caption("One form; then your students join with a code. Nobody needs an account.")
    with showing_errors():
        for taught in classes.taught_by(Store.open().engine, actor().id):
            link = {"class": taught.id}
            st.page_link("pages/teach.py", label=plain(taught.name), icon=":material/school:", query_params=link)
        create_form()
        key_form()
else:
    with st.container(horizontal=True):
        st.page_link("pages/teach.py", label="All my classes", icon=":material/arrow_back:")
        board = {"class": course.id}
        st.page_link("pages/board.py", label="Board", icon=":material/co_present:", query_params=board)
    with showing_errors():
        new_key(course.id)
        st.subheader(plain(course.name), anchor=False)
        how_to_join(course, "teach")
        controls(course)
        who_is_here(course.id)
        st.subheader("Guesses", anchor=False)
        class_histograms(course)
        limits_and_end(course)
        students(course)
        take_away(course)

"""Class: join one with a code, or see the one you are in. `/classroom?code=CODE`."""

import streamlit as st

from spafit.ui.classroom.join import join_form
from spafit.ui.classroom.sidebar import my_class
from spafit.ui.classroom.student import student
from spafit.ui.components.errors import showing_errors
from spafit.ui.components.frame import frame

frame("Class", ":material/school:")
with showing_errors():
    found = my_class()
    if found is None:
        join_form()
        st.page_link("pages/teach.py", label="You teach? Create a class", icon=":material/co_present:")
    else:
        student(*found)

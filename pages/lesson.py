"""Lesson: pages of a teacher's file that drive the real app. `/lesson?page=3`, `/lesson?lesson=KEY` for another one."""

import streamlit as st

from spafit.ui.arrival import take_address
from spafit.ui.choice import message
from spafit.ui.components.errors import show_message, showing_errors
from spafit.ui.components.frame import frame
from spafit.ui.components.text import plain
from spafit.ui.home.tour import remember
from spafit.ui.lessons.choose import opened, other, refused
from spafit.ui.lessons.page import enter, number_of, show
from spafit.ui.lessons.progress import keep_progress, progress_of

frame("Lesson", ":material/menu_book:")
lesson = opened()
refused()
with st.container(horizontal=True, vertical_alignment="center"):
    minutes = f" · {lesson.minutes} minutes" if lesson.minutes else ""
    st.markdown(f"**{plain(lesson.title)}**{minutes}", width="stretch")
    other(lesson)
brought = "s" in st.query_params
take_address()
number = number_of(lesson, progress_of(lesson))
enter(lesson, number, brought=brought)
show_message(message())
with showing_errors():
    show(lesson, number)
keep_progress()
remember()

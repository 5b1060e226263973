"""The class that a visitor is in and who they are there; every page says so, and notes that they are here."""

import functools
from datetime import datetime, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import streamlit as st

from spafit.classroom import roster
from spafit.errors import SpafitError
from spafit.runs import Store, classes
from spafit.runs.classes import Class, Member
from spafit.ui.components.text import plain
from spafit.ui.visitor import actor


def my_class() -> tuple[Class, Member] | None:
    """Return the class that the visitor is in and who they are there; asked of the store each time.

    Raises:
        SpafitError: the store cannot be asked.
    """
    return classes.membership(Store.open().engine, actor().id)


def at(moment: datetime) -> str:
    """Return a moment of the server's clock as hours and minutes in the visitor's time zone."""
    return moment.astimezone(_zone(st.context.timezone or "UTC")).strftime("%H:%M")


@functools.cache
def _zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")


def in_sidebar() -> bool:
    """Draw who the visitor is in their class; return whether they are in one."""
    try:
        found = my_class()
        if found is None:
            return False
        course, member = found
        over = course.ended(Store.open().clock())
    except SpafitError:
        return False
    state = "has ended" if over else "is paused" if course.paused else f"goes on until {at(course.ends_at)}"
    st.markdown(f"**{plain(f'{course.name} · {member.nickname}')}**  \nYour class {state}.")
    return True


def still_here(store: Store) -> None:
    """Note that a student has a page open."""
    found = my_class()
    if found is not None:
        roster.seen(store, found[1])

"""The tour: drag, count, train, on the real pages, in under a minute; skipped for good, and found again on Home."""

import streamlit as st

from spafit.models.anatomy import Anatomy
from spafit.ui.anatomies import counts_of
from spafit.ui.choice import current
from spafit.ui.components.text import share

_COOKIE, _SEEN, _AT = "spafit_tour", "tour_seen", "tour_at"
_JS = """export default function ({ data }) {
  document.cookie = `${data.cookie}=seen; path=/; SameSite=Strict; max-age=${365 * 24 * 3600}`;
}
"""
_keep = st.components.v2.component("spafit_tour", html="<span></span>\n", js=_JS)


def seen() -> bool:
    """Whether this browser has taken or skipped the tour."""
    return _SEEN in st.session_state or st.context.cookies.get(_COOKIE, "") == "seen"


def invite() -> None:
    """Draw the way to the tour: for a first visitor an invitation, for others a small link."""
    if seen():
        if st.button("Take the tour", icon=":material/tour:", key="tour_again", type="tertiary"):
            _begin()
    else:
        with st.container(border=True, key="tour_card", horizontal=True, vertical_alignment="center"):
            st.markdown("**New here?** Drag, count, train: the tour takes less than a minute.", width="stretch")
            if st.button("Start the tour", icon=":material/tour:", type="primary", key="tour_start"):
                _begin()
            st.button("Skip", key="tour_skip", on_click=_end)
    remember()


def remember() -> None:
    """Let the browser keep that the tour was taken or skipped; on every page where it may have ended."""
    if _SEEN in st.session_state:
        _keep(key="tour", data={"cookie": _COOKIE})


def _begin() -> None:
    st.session_state[_AT] = {"from": None, "read": False}
    st.switch_page("pages/explore.py")


def _end() -> None:
    st.session_state.pop(_AT, None)
    st.session_state[_SEEN] = True


def _read() -> None:
    st.session_state[_AT]["read"] = True


def steps(anatomy: Anatomy) -> None:
    """Draw the step that the visitor is on, above the layers; nothing without a tour."""
    at = st.session_state.get(_AT)
    if at is None:
        remember()
        return
    now = current().stratification
    counts = counts_of(anatomy, now)
    if at["from"] is None:
        at["from"] = (now.n1, now.n2, counts.trainable)
    with st.container(border=True, key="tour_step", horizontal=True, vertical_alignment="center"):
        if (now.n1, now.n2) == at["from"][:2] and not at["read"]:
            st.markdown(
                "**1 of 3 · Drag.** Move one of the two round handles. By keyboard: Tab to one, then arrow keys.",
                width="stretch",
            )
        elif not at["read"]:
            st.markdown(
                f"**2 of 3 · Count.** {at['from'][2]:,} trainable parameters before, now "
                f"{share(counts.trainable, counts.total)}. Every one of them is counted, none is estimated.",
                width="stretch",
            )
            st.button("Next", icon=":material/arrow_forward:", type="primary", key="tour_next", on_click=_read)
        else:
            st.markdown(
                "**3 of 3 · Train.** Fine-tune the model with this setting and watch it learn.", width="stretch"
            )
            if st.button("To Train", icon=":material/play_circle:", type="primary", key="tour_train"):
                st.switch_page("pages/train.py")
        _leave()


def last_step(started: bool) -> None:
    """Draw the step on Train, before a run is started and after; nothing without a tour."""
    if _AT not in st.session_state:
        remember()
        return
    with st.container(border=True, key="tour_step", horizontal=True, vertical_alignment="center"):
        if started:
            st.markdown(
                "**That was the tour.** The curve grows while the run goes; its page keeps it. The lesson asks how "
                "well it does, and whether another setting does better.",
                width="stretch",
            )
            if st.button("Lesson", icon=":material/menu_book:", type="primary", key="tour_lesson"):
                _end()
                st.switch_page("pages/lesson.py")
            st.button("Done", key="tour_leave", on_click=_end, type="tertiary")
        else:
            st.markdown(
                "**3 of 3 · Train.** Your setting is in the form below. Press **Start training**: it takes about "
                "half a minute on two cores, and goes on if you close the page.",
                width="stretch",
            )
            _leave()


def _leave() -> None:
    st.button("Skip the tour", key="tour_leave", on_click=_end, type="tertiary")

"""The frame around every page: its configuration, navigation, the visitor's name and what is running now."""

from pathlib import Path

import streamlit as st

from spafit.errors import SpafitError
from spafit.runs import State, Store, attend
from spafit.stratification import Stratification
from spafit.ui.classroom.sidebar import in_sidebar, still_here
from spafit.ui.components.text import plain
from spafit.ui.presses import carry_out_presses
from spafit.ui.state import latest_run
from spafit.ui.visitor import notice_address, owner_box

ROOT = Path(__file__).parents[3]
PAGES = (
    ("app.py", "Home", ":material/home:"),
    ("pages/lesson.py", "Lesson", ":material/menu_book:"),
    ("pages/explore.py", "Explore", ":material/layers:"),
    ("pages/advice.py", "Advice", ":material/psychology_alt:"),
    ("pages/train.py", "Train", ":material/play_circle:"),
    ("pages/sweeps.py", "Sweeps", ":material/grid_on:"),
    ("pages/runs.py", "Runs", ":material/monitoring:"),
    ("pages/tryout.py", "Try it", ":material/chat:"),
    ("pages/data.py", "Data", ":material/dataset:"),
    ("pages/classroom.py", "Class", ":material/school:"),
)
ABOUT = ("pages/about.py", "About and licences", ":material/info:")
_BARS = "".join(
    f'<rect x="2" y="{22 - 10 * i}" width="28" height="8" rx="2" fill="{recipe.color}"/>'
    for i, recipe in enumerate(Stratification(3, 1, 2).recipes)
)
MARK = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32" width="32" height="32">{_BARS}</svg>'
"""The project's mark: the three strata, the frozen one at the bottom."""
_STYLE = """<style>
.stMainBlockContainer{padding:3.4rem 2.5rem 4rem;max-width:96rem}
.stMainBlockContainer h1{font-size:2rem;padding:0 0 .3rem}
[data-testid="stMetricValue"]{font-size:1.7rem}
.st-key-narrow_navigation,.st-key-visitor{display:none}
.st-key-setting_learning_rate [data-testid^=stNumberInputStep]{display:none}
[data-testid=stColumn]{min-width:min(100%,8.5rem)}
.st-key-explore_pair [data-testid=stColumn],
[class*=st-key-charts_] [data-testid=stColumn],
.st-key-compare_charts [data-testid=stColumn]{min-width:min(100%,17rem)}
.st-key-home_columns [data-testid=stColumn]{min-width:min(100%,23rem)}
[data-testid=stMultiSelectTagsContainer] [data-tag]{height:auto;min-height:1.75rem}
[data-testid=stMultiSelectTagsContainer] [data-tag]>span[title]{height:auto;white-space:normal;overflow:visible;
overflow-wrap:anywhere;line-height:1.3;padding:.2rem 0}
@media (max-width:1100px){
.st-key-train_form>[data-testid=stLayoutWrapper]>[data-testid=stHorizontalBlock]>[data-testid=stColumn],
.st-key-train_columns>[data-testid=stLayoutWrapper]>[data-testid=stHorizontalBlock]>[data-testid=stColumn]{min-width:100%}
.st-key-train_columns [class*=st-key-train_start]{position:fixed;right:1.2rem;bottom:1.2rem;z-index:5;width:auto}}
@media (max-width:1000px){.stMainBlockContainer{padding:3.4rem 1.2rem 3rem}}
@media (max-height:640px){.stMainBlockContainer{padding-top:2.6rem}
[data-testid=stElementContainer]:has(h1)+[data-testid=stElementContainer]:has([data-testid=stCaptionContainer])
{display:none}
.stMainBlockContainer h1{font-size:1.4rem;padding-bottom:.6rem}
.stMainBlockContainer [data-testid=stVerticalBlock]{gap:.7rem}}
@media (max-height:640px) and (min-width:768px){.stMainBlockContainer{padding-top:1rem}}
@media (max-width:640px){.stMainBlockContainer{padding:4.4rem 1rem 3rem}
.st-key-narrow_navigation{display:flex;margin-left:-.5rem}}
</style>"""
_SIDEBAR_WIDTH = 230  # pixels


def frame(title: str, icon: str) -> None:
    """Set up a page and draw what all pages have, its title (with a Material icon) included.

    The first call of every page's script; it works as the first page of a session too.
    """
    carry_out_presses()
    notice_address()
    heading = "spafit" if title == "spafit" else f"{title} · spafit"
    st.set_page_config(page_title=heading, page_icon=MARK, layout="wide", initial_sidebar_state=_SIDEBAR_WIDTH)
    st.html(_STYLE)
    st.logo(MARK, size="large")
    # An open sidebar hides a narrow page and stays open after a click, so there the links stand above the page.
    with st.container(horizontal=True, gap=None, key="narrow_navigation"):
        _navigation(icons=False)
    with st.sidebar:
        _navigation(icons=True)
        if not in_sidebar():
            owner_box()
        _what_runs()
        st.page_link(ABOUT[0], label=ABOUT[1], icon=ABOUT[2])
    st.title(f"{icon} {title}" if icon else title, anchor=False)


def _navigation(icons: bool) -> None:
    for path, label, icon in PAGES:
        # A run that Train showed last is shown again there, by its address.
        run = latest_run() if label == "Train" else None
        st.page_link(path, label=label, icon=icon if icons else None, query_params={"run": run} if run else None)


@st.fragment(run_every=3.0)
def _what_runs() -> None:
    """How many runs train and wait, for all visitors together; a link to them."""
    try:
        attend()
        store = Store.open()
        still_here(store)
        counts = store.counts()
    except SpafitError as error:
        st.warning(plain(str(error)))
        return
    if store.replaced:
        st.warning(
            "The run database was removed or replaced while this server ran; what is shown is what is there now."
        )
    for run_id in sorted(store.damaged):
        st.warning(f"Run {run_id} cannot be read: its row in the database is damaged. The others go on.")
    running, waiting = counts[State.RUNNING], counts[State.QUEUED]
    if not running and not waiting:
        st.caption("Nothing is running.")
        return
    label = " · ".join(f"{count} {state}" for count, state in ((running, "running"), (waiting, "waiting")) if count)
    st.page_link("pages/runs.py", label=label, icon="spinner" if running else ":material/hourglass_empty:")

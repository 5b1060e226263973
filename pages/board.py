"""Board: what everybody's runs have reached, for a projector. `/board?model=KEY&task=KEY`, else of the last run."""

import streamlit as st

from spafit.ui.classroom.board import board, newest_choice
from spafit.ui.components.frame import MARK
from spafit.ui.visitor import notice_address

notice_address()
st.set_page_config(page_title="Board · spafit", page_icon=MARK, layout="wide", initial_sidebar_state="collapsed")
st.html(
    "<style>[data-testid=stSidebar],[data-testid=stHeader],[data-testid=stExpandSidebarButton]{display:none}"
    ".stMainBlockContainer{padding:1.2rem 2rem;max-width:none}</style>"
)
newest = newest_choice() or ("", "")
model, task = st.query_params.get("model", newest[0]), st.query_params.get("task", newest[1])
if model and task:
    board(model, task)
else:
    st.title("Board", anchor=False)
    st.markdown("### No run has finished yet. What runs reach appears here; open this page again after the first.")

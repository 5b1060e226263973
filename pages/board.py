"""Board, for a projector: what runs reached. `/board?class=ID`, `/board?model=KEY&task=KEY`, or the last run's."""

import streamlit as st

from spafit.ui.classroom.board import board
from spafit.ui.classroom.mine import wait_for_guess
from spafit.ui.components.frame import MARK
from spafit.ui.visitor import notice_address

notice_address()
st.set_page_config(page_title="Board · spafit", page_icon=MARK, layout="wide", initial_sidebar_state="collapsed")
st.html(
    "<style>[data-testid=stSidebar],[data-testid=stHeader],[data-testid=stExpandSidebarButton]{display:none}"
    ".stMainBlockContainer{padding:1rem 2rem;max-width:none}.stMainBlockContainer h1{font-size:2rem;padding:0}"
    # The theme's colour of axes is faint; a board is read from the back of the room.
    ".stPlotlyChart .xaxislayer-above text,.stPlotlyChart .yaxislayer-above text,.stPlotlyChart .infolayer text,"
    ".st-key-board_names .textpoint text{fill:currentColor!important}"
    "@media (max-height:640px){.st-key-board_row_3{display:none}}</style>"
)
wait_for_guess("the board")
board(*(st.query_params.get(name, "") for name in ("class", "model", "task")))

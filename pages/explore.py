"""Explore: see a model's layers, move the boundaries, understand what it costs."""

import streamlit as st

from spafit.runs.class_rules import BOUNDARIES, LORA, RECIPES
from spafit.ui.arrival import take_address
from spafit.ui.choice import current, message
from spafit.ui.classroom.mine import guess_first, hold, is_open, must_guess
from spafit.ui.components.errors import show_message, showing_errors
from spafit.ui.components.frame import frame
from spafit.ui.explore.adapter import adapter_box, brought_back
from spafit.ui.explore.compare import compare_tab, methods_tab
from spafit.ui.explore.costs import costs_tab
from spafit.ui.explore.layers import layers_tab
from spafit.ui.explore.model import chosen_anatomy, other_model, reading
from spafit.ui.explore.recipes import recipes_tab
from spafit.ui.explore.share import share_tab
from spafit.ui.explore.stack import main_ribbon
from spafit.ui.home.tour import steps
from spafit.ui.maps.view import map_tab
from spafit.ui.pickers import pick_method, pick_model, pick_task

frame("Explore", ":material/layers:")
st.caption("A pretrained Transformer is a stack of layers. Two boundaries decide which of them learn what.")

take_address()
rules = hold()
anatomy = chosen_anatomy()
show_message(message())
if rules is None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        with st.container(width=200):
            pick_model("explore_picker")
        with st.popover("Other", icon=":material/add:", width="content"):
            other_model()
            st.divider()
            adapter_box()
        with st.container(width=190), showing_errors():
            pick_task("explore_task")
        with st.container(width="content"):
            pick_method("explore_method")
elif is_open(rules, RECIPES):
    pick_method("explore_method")
reading()

steps(anatomy)
main_ribbon(anatomy, fixed=not is_open(rules, BOUNDARIES), measured=not must_guess())
brought_back()
stratification = current().stratification

VIEWS = {
    "Layer by layer": lambda: layers_tab(anatomy, stratification),
    "Methods": lambda: methods_tab(anatomy, stratification),
    "Map": lambda: guess_first() if must_guess() else map_tab(anatomy, stratification),
    "Cost": lambda: costs_tab(anatomy, stratification, rules),
    "Method per stratum": lambda: recipes_tab(anatomy, stratification, rules),
    "Compare": lambda: compare_tab(anatomy, stratification),
    "Export": lambda: share_tab(anatomy, stratification),
}
if not is_open(rules, RECIPES, LORA):
    del VIEWS["Method per stratum"]
# No st.tabs: while the page is drawn for one tab, its answer takes back the next one that was chosen meanwhile.
view = st.segmented_control(
    "View",
    list(VIEWS),
    default="Layer by layer",
    required=True,
    key="explore_view",
    wrap=True,
    persist_state="session",
    label_visibility="collapsed",
)
VIEWS[view]()  # only what is looked at is computed and sent

"""Explore: see a model's layers, move the boundaries, understand what it costs."""

import streamlit as st

from spafit.ui.components.frame import frame
from spafit.ui.explore.compare import compare_tab, methods_tab
from spafit.ui.explore.costs import costs_tab
from spafit.ui.explore.layers import layers_tab
from spafit.ui.explore.link import current_link, open_link
from spafit.ui.explore.map import map_tab
from spafit.ui.explore.model import chosen_anatomy, model_picker, other_model, reading
from spafit.ui.explore.recipes import recipes_tab
from spafit.ui.explore.share import share_tab
from spafit.ui.explore.stack import main_ribbon, start_from
from spafit.ui.explore.state import message
from spafit.ui.state import current_stratification

frame("Explore", ":material/layers:")
st.caption("A pretrained Transformer is a stack of layers. Two boundaries decide which of them learn what.")

open_link()
anatomy = chosen_anatomy()
if text := message():
    st.warning(text)
model_side, other_side, method_side = st.columns([7, 2.4, 7], vertical_alignment="bottom")
with model_side:
    model_picker()
with other_side:
    other_model()
with method_side:
    start_from()
reading()

main_ribbon(anatomy, current_link)
stratification = current_stratification()

TABS = {
    "Layer by layer": lambda: layers_tab(anatomy, stratification),
    "Methods": lambda: methods_tab(anatomy, stratification),
    "Map": lambda: map_tab(anatomy, stratification),
    "What it costs": lambda: costs_tab(anatomy, stratification),
    "Recipes": lambda: recipes_tab(anatomy, stratification),
    "A and B": lambda: compare_tab(anatomy, stratification),
    "Take it with you": lambda: share_tab(anatomy, stratification, current_link()),
}
for tab, draw in zip(st.tabs(list(TABS), key="explore_tab", on_change="rerun"), TABS.values(), strict=True):
    with tab:
        if tab.open:  # only what is looked at is computed and sent
            draw()

"""Explore: see a model's layers, move the boundaries, understand what it costs."""

import streamlit as st

from spafit.ui.explore_layers import layers_tab
from spafit.ui.explore_model import chosen_anatomy, model_picker
from spafit.ui.explore_stack import main_ribbon, start_from
from spafit.ui.frame import frame
from spafit.ui.state import current_stratification

frame("Explore", ":material/layers:")
st.caption("A pretrained Transformer is a stack of layers. Two boundaries decide which of them learn what.")

anatomy = chosen_anatomy()
model_side, method_side = st.columns([5, 6], vertical_alignment="bottom")
with model_side:
    model_picker()
with method_side:
    start_from()

stratification = current_stratification()
main_ribbon(anatomy, stratification)

layers_tab(anatomy, stratification)

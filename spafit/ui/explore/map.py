"""Explore's map of every pair of boundaries."""

import streamlit as st

from spafit.models.anatomy import Anatomy
from spafit.stratification import Stratification, corner_labels
from spafit.ui.choice import commit, current
from spafit.ui.components.ribbon import setting_map
from spafit.ui.components.ribbon.contents import contents


def map_tab(anatomy: Anatomy, stratification: Stratification) -> None:
    """Draw the map, with what it shows beside it."""
    picture, words = st.columns([3, 2])
    with picture:
        setting_map(contents(anatomy, stratification), corner_labels(stratification), key="explore_map", on_split=_jump)
    cells = (anatomy.num_layers + 1) * (anatomy.num_layers + 2) // 2
    words.markdown(
        f"**All {cells:,} settings at once.** Each square is a pair of boundaries; the brighter, the more "
        "parameters train. Click one to go there.\n\n"
        "Towards the bottom left the top recipe takes over, towards the top left the middle one, towards the top right "
        "the first."
    )
    if "head only" in corner_labels(stratification):
        words.caption(
            "“Head only” still trains the biases of the pooler and of the final norm, where the model has them; "
            "no corner trains the embeddings."
        )


def _jump(n1: int, n2: int) -> None:
    commit(stratification=current().stratification.with_boundaries(n1, n2))

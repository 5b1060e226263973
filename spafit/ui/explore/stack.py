"""The first thing on Explore: the ribbon, and what a person should know about its numbers."""

from dataclasses import replace

import streamlit as st

from spafit.counting import notices
from spafit.glossary import term
from spafit.models.anatomy import Anatomy
from spafit.stratification import Recipe, Stratification
from spafit.ui.address import keep_address
from spafit.ui.anatomies import counts_of
from spafit.ui.choice import Choice, commit, current, message
from spafit.ui.components.text import plain
from spafit.ui.drawn import key_of
from spafit.ui.maps.data import on_the_ribbon, readable
from spafit.ui.pickers import named, pick_boundaries, take_boundaries

_N1, _N2, _DRAWN = "explore_n1", "explore_n2", "explore_drawn"


def boundary_numbers(stratification: Stratification) -> None:
    """Draw the two boundaries as numbers, for exact values."""
    keys = key_of(_N1, stratification.n1), key_of(_N2, stratification.n2)
    for number, (column, key) in enumerate(zip(st.columns(2), keys, strict=True), 1):
        column.number_input(
            f"Boundary {number}: after layer",
            0,
            stratification.num_layers,
            key=key,
            on_change=_numbers_changed,
            args=keys,
            help=term("boundary").tip,
        )


def _numbers_changed(*keys: str) -> None:
    take_boundaries(*sorted(st.session_state[key] for key in keys))  # typed in any order


def main_ribbon(
    anatomy: Anatomy, *, fixed: bool = False, measured: bool = True, path: str = "/explore", leads_on: bool = True
) -> None:
    """Draw the ribbon of the current setting, and what should be known about it; the page is drawn for this setting.

    Args:
        anatomy: the chosen model's.
        fixed: whether the boundaries are not to be moved.
        measured: whether what was measured may stand beside it.
        path: of the page that it is on.
        leads_on: whether a button leads to Train.
    """
    st.session_state[_DRAWN] = _what_is_shown()
    _ribbon(anatomy, fixed, measured, path, leads_on)


def _what_is_shown() -> tuple[Choice, str]:
    return current(), message()


@st.fragment
def _ribbon(anatomy: Anatomy, fixed: bool, measured: bool, path: str, leads_on: bool) -> None:
    """Draw it in a fragment: a move is answered here at once; the browser then asks for the rest of the page."""
    if st.session_state[_DRAWN][0].model != current().model:  # an undo went back to another model
        st.rerun()
    stratification = current().stratification
    pick_boundaries(
        anatomy,
        "explore_ribbon",
        fixed=fixed,
        page_is_behind=st.session_state[_DRAWN] != _what_is_shown(),
        measured=on_the_ribbon(readable(current()), stratification) if measured else None,
    )
    keep_address(path)
    counts = counts_of(anatomy, stratification)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(
            f"{named(stratification)} trains **{counts.trainable:,}** of {counts.total:,} parameters, "
            f"{counts.percent:.4g} %.",
            width="content",
        )
        if leads_on and st.button("Train this setting", icon=":material/play_circle:", key="explore_train"):
            st.switch_page("pages/train.py")
    _suggest(anatomy, stratification)


def _suggest(anatomy: Anatomy, stratification: Stratification) -> None:
    """Where a stratum of biases has none to train, say so and offer what does train there."""
    idle = [s for s in stratification.strata() if s.size and s.recipe.needs_biases and not anatomy.has_biases]
    if not idle:
        return
    text, action = st.columns([4, 1.4], vertical_alignment="center")
    spans = " and ".join(stratum.span for stratum in idle)
    text.warning(
        f"{plain(anatomy.name)} was built without bias terms, so BitFit trains nothing in {spans}. "
        "LoRA works in any model.",
        icon=":material/lightbulb:",
    )
    action.button("Use LoRA there", on_click=_lora_for_biases, key="explore_use_lora", width="stretch")


def _lora_for_biases() -> None:
    before = current().stratification
    recipes = tuple(Recipe.LORA if recipe.needs_biases else recipe for recipe in before.recipes)
    commit(stratification=replace(before, recipes=recipes))


def notes(anatomy: Anatomy, stratification: Stratification) -> None:
    """Draw what should be known about the counts, in small print."""
    for notice in notices(anatomy, stratification):
        st.caption(f":material/info: {plain(notice)}")

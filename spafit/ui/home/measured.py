"""What is measured of the bundled model, as Home shows it: its map, and the best cell with its noise."""

import streamlit as st

from spafit.stratification import Method, preset
from spafit.ui.anatomies import anatomy_of
from spafit.ui.choice import commit, first_choice
from spafit.ui.classroom.mine import guess_first, must_guess
from spafit.ui.components.picture import picture
from spafit.ui.components.ribbon import setting_map
from spafit.ui.components.text import metric_name, plain
from spafit.ui.maps.data import readable
from spafit.ui.maps.pictures import values_of
from spafit.ui.runs.naming import task_name

_CHOSEN = "home_cell"


def bundled_map() -> None:
    """Draw the map of the bundled model on its first task; where nothing is measured, what a setting is."""
    first = first_choice()
    measured = None if must_guess() else readable(first)
    anatomy = anatomy_of(first.model)
    if st.session_state.pop(_CHOSEN, False):
        st.switch_page("pages/explore.py")
    if measured is None:
        st.subheader("What a setting is", anchor=False)
        st.html(picture(first.stratification))
        if must_guess():
            guess_first()
            return
        st.caption(
            f"Nothing is measured of {plain(anatomy.name)} on {plain(task_name(first.task))} yet; the map of all "
            "boundaries appears here with the first run."
        )
        return
    st.subheader(f"{plain(anatomy.name)} on {plain(task_name(first.task))}", anchor=False)
    setting_map(
        anatomy,
        first.stratification,
        key="home_map",
        on_split=_choose,
        values=values_of(measured, "score"),
    )
    best = max(measured["cells"], key=lambda point: point["mean"], default=None)
    if best is not None:
        noise = "" if best["standard_error"] is None else f" ± {best['standard_error']:.3f}"
        floor = "" if measured["baseline"] is None else f"; baseline {measured['baseline']:.3f}"
        st.caption(
            f"Best mean of the {len(measured['cells'])} measured cells: {best['name']}, "
            f"{metric_name(measured['metric'])} {best['mean']:.3f}{noise} (n = {best['n']}{floor}). "
            f"Runs: {', '.join(measured['origins'])}. Click a cell to open it on Explore."
        )


def _choose(n1: int, n2: int) -> None:
    first = first_choice()
    commit(
        model=first.model,
        task=first.task,
        stratification=preset(Method.SPAFIT, first.stratification.num_layers, n1, n2),
    )
    st.session_state[_CHOSEN] = True

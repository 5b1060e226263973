"""Whether the points of a map differ by more than noise: one, two, or all against a reference."""

import streamlit as st

from spafit.maps.measured import Point
from spafit.maps.statistics import Scores
from spafit.ui.components.errors import showing_errors
from spafit.ui.maps.data import Map
from spafit.ui.maps.selection import selected
from spafit.ui.real import Compared, Family, many, one, two
from spafit.ui.runs.columns import method_label

BEST = "The best of {} cells is itself an optimistic choice: its own luck is part of why it is the best."


def is_it_real(measured: Map) -> None:
    """Draw it for what is selected in the triangle, the picture or the table."""
    points = [point for point in (*measured["cells"], *measured["methods"]) if point["name"] in selected()]
    metric, key = measured["metric"], measured["series"]
    st.markdown("**Is it real?**")
    with showing_errors():
        match points:
            case [point]:
                one(_name(point), _compared(point, key), metric, measured["baseline"])
                st.caption("Select another one too: whether the two differ is said in words.")
            case [first, second]:
                two({_name(point): _compared(point, key) for point in (first, second)}, metric)
            case _:
                st.caption("Select one point to see its noise, or two to see whether they differ by more than that.")
        st.caption(BEST.format(len(measured["cells"])))
        many({"all": lambda: family_of(measured)}, key="map_real")


def family_of(measured: Map) -> Family:
    """Return the scores of every point of a map by its name, and the map's baseline."""
    points = (*measured["cells"], *measured["methods"])
    return {_name(point): _scores(point) for point in points}, measured["baseline"]


def _compared(point: Point, series: str) -> Compared:
    return Compared(_scores(point), len(point["rates"]), point["runs"], series, frozenset(point["origins"]))


def _scores(point: Point) -> Scores:
    return {int(seed): score for seed, score in point["scores"].items()}


def _name(point: Point) -> str:
    return point["name"] if point["method"] == "spafit" else method_label(point["method"])

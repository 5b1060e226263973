"""A recorded or imported map as a film: its runs arrive one after the other on the same pictures, marked as such."""

from dataclasses import replace

import streamlit as st

from spafit.maps import kept
from spafit.maps.file import MapFile
from spafit.maps.measured import Series, measured_map
from spafit.models.anatomy import Anatomy
from spafit.runs import Run
from spafit.stratification import Stratification
from spafit.ui.components.ribbon import setting_map
from spafit.ui.components.text import plain
from spafit.ui.maps.data import Map
from spafit.ui.maps.pictures import points_figure, values_of
from spafit.ui.runs.charts import run_charts
from spafit.ui.runs.naming import heading

SPEEDS = {"1 run a second": 1, "5 runs a second": 5, "20 runs a second": 20}
_ON, _SHOWN, _PLAYING, _SPEED = "map_replay", "map_replay_shown", "map_replay_playing", "map_replay_speed"


def replay(measured: Map, anatomy: Anatomy, stratification: Stratification) -> bool:
    """Draw the switch and, where it is on, the film; return whether it is on. Own runs alone have no film."""
    made = kept.of_series(measured["series"])
    if made is None:
        return False
    on = st.toggle(
        "Replay how it was made",
        key=_ON,
        persist_state="session",
        help="The runs of the recorded or imported map arrive in the order in which they were made.",
    )
    if not on:
        st.session_state[_PLAYING] = False
        return False
    st.fragment(_film, run_every=1.0 if st.session_state.get(_PLAYING) else None)(made, anatomy, stratification)
    return True


def _film(made: MapFile, anatomy: Anatomy, stratification: Stratification) -> None:
    shown = min(int(st.session_state.get(_SHOWN, 0)), len(made.runs))
    if st.session_state.get(_PLAYING):
        shown = min(shown + SPEEDS[st.session_state.get(_SPEED) or next(iter(SPEEDS))], len(made.runs))
        st.session_state[_SHOWN] = shown
        if shown == len(made.runs):
            st.session_state[_PLAYING] = False
            st.rerun()  # all of the page, without the timer
    _controls(made, shown)
    if not shown:
        st.caption("The film has not begun.")
        return
    latest = made.runs[shown - 1]
    _said(made, latest, shown)
    series = Series(made.series, {}, made.runs[:shown])
    partial = measured_map(series, made.document["metric"], stratification.lora)
    picture, beside = st.container(key="charts_film").columns([1, 1])
    with picture:
        setting_map(anatomy, stratification, key="map_replay_triangle", values=values_of(partial, "score"))
    with beside:
        st.plotly_chart(
            points_figure(partial, stratification),
            key="map_replay_points",
            config={"displayModeBar": False},
            alt="Validation score against trained parameters of the runs that have arrived.",
        )
    run_charts(replace(latest, id="replay"), made.events(latest), made.document["metric"], 2)


def _controls(made: MapFile, shown: int) -> None:
    playing = bool(st.session_state.get(_PLAYING))
    with st.container(horizontal=True, vertical_alignment="bottom"):
        label, icon = ("Stop", ":material/pause:") if playing else ("Play", ":material/play_arrow:")
        if st.button(label, icon=icon, key="map_replay_play"):
            st.session_state[_PLAYING] = not playing
            if not playing and shown == len(made.runs):
                st.session_state[_SHOWN] = 0
            st.rerun()
        if st.button("Rewind", icon=":material/fast_rewind:", key="map_replay_rewind"):
            st.session_state[_PLAYING], st.session_state[_SHOWN] = False, 0
            st.rerun()
        st.segmented_control("Speed", list(SPEEDS), default="5 runs a second", required=True, key=_SPEED)


def _said(made: MapFile, latest: Run, shown: int) -> None:
    name, _chips = heading(latest)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.badge(f"{made.origin.value}, replayed", icon=":material/movie:", color="violet")
        st.markdown(
            f"Run {shown} of {len(made.runs)}: **{plain(name)}**, rate {latest.learning_rate:g}, seed {latest.seed}",
            width="content",
        )

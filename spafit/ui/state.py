"""What a visitor has chosen, in session keys that no widget owns, so that it survives a change of page.

Widgets copy from here before they are drawn and back in their `on_change`; Explore and Train read the same choice.
"""

from dataclasses import replace

import streamlit as st

from spafit.models.load import load_anatomy
from spafit.models.registry import BUNDLED, get_model
from spafit.stratification import Method, Stratification, preset

_MODEL = "chosen_model"
_STRATIFICATION = "chosen_stratification"
_RUN = "attached_run"


def current_model() -> str:
    """The chosen model's key, folder or Hub id; the bundled model at first."""
    return st.session_state.setdefault(_MODEL, BUNDLED)


def set_model(model: str, num_layers: int) -> None:
    """Choose a model; the stratification keeps its recipes and its boundaries move in proportion to the depth."""
    before = current_stratification()
    st.session_state[_MODEL] = model
    if before.num_layers != num_layers:
        set_stratification(scaled(before, num_layers))


def has_chosen() -> bool:
    """Whether this session has chosen or shown a stratification yet; a reload begins a new session."""
    return _STRATIFICATION in st.session_state


def current_stratification() -> Stratification:
    """The chosen stratification; SPAFIT at thirds of the chosen model's depth at first."""
    if _STRATIFICATION not in st.session_state:
        num_layers = get_model(current_model()).num_layers or load_anatomy(current_model()).num_layers
        st.session_state[_STRATIFICATION] = preset(Method.SPAFIT, num_layers)
    return st.session_state[_STRATIFICATION]


def set_stratification(stratification: Stratification) -> None:
    """Choose a stratification; its `num_layers` must be the chosen model's (see `set_model`)."""
    st.session_state[_STRATIFICATION] = stratification


def scaled(stratification: Stratification, num_layers: int) -> Stratification:
    """The same recipes on another depth, each boundary at the same share of it (0 stays 0, L becomes L)."""
    share = num_layers / stratification.num_layers
    return replace(
        stratification, num_layers=num_layers, n1=round(stratification.n1 * share), n2=round(stratification.n2 * share)
    )


def attached_run() -> str | None:
    """The run that Train shows: the one in the address (a reload, a link), else the one started in this session."""
    named = st.query_params.get("run")
    if named:
        st.session_state[_RUN] = named
    elif _RUN in st.session_state:
        st.query_params["run"] = st.session_state[_RUN]
    return st.session_state.get(_RUN)


def attach(run_id: str) -> None:
    """Let Train show a run, and write it into the address, where it survives a reload."""
    st.session_state[_RUN] = run_id
    st.query_params["run"] = run_id


def detach() -> None:
    """Let Train show no run."""
    st.session_state.pop(_RUN, None)
    st.query_params.pop("run", None)

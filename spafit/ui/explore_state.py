"""What Explore remembers of a visit beside the model: moves to undo, settings, and what is computed once."""

import functools
from dataclasses import asdict, dataclass
from typing import Any

import streamlit as st

from spafit.anatomy import Anatomy
from spafit.anatomy_load import load_anatomy
from spafit.counting import Counts, count
from spafit.stratification import Stratification
from spafit.ui.state import current_model, current_stratification, scaled, set_model, set_stratification

MOVES_KEPT = 200
_PAST, _FUTURE, _SETTINGS = "explore_past", "explore_future", "explore_settings"

anatomy_of = st.cache_resource(show_spinner=False, max_entries=64)(load_anatomy)
"""The anatomy of a model (key, folder or Hub id), once per app; ``num_labels`` by keyword."""


@functools.lru_cache(maxsize=512)
def counts_of(anatomy: Anatomy, stratification: Stratification) -> Counts:
    """The counts, remembered for all visitors."""
    return count(anatomy, stratification)


@dataclass(frozen=True)
class Settings:
    """What the page asks for beside model and stratification; part of a share link."""

    num_labels: int = 2
    batch_size: int = 16
    length: int = 128
    precision: str = "fp32"
    optimizer: str = "adamw"
    checkpointing: bool = False


def settings() -> Settings:
    """The visitor's settings."""
    return st.session_state.setdefault(_SETTINGS, Settings())


def change_settings(**changes: Any) -> None:
    """Replace some of the settings."""
    st.session_state[_SETTINGS] = Settings(**(asdict(settings()) | changes))


Place = tuple[str, Stratification]


def _here() -> Place:
    return current_model(), current_stratification()


def _go(place: Place) -> None:
    set_model(place[0], place[1].num_layers)
    set_stratification(place[1])


def commit(stratification: Stratification, model: str | None = None) -> None:
    """Choose a stratification, and a model when it changes too; can be undone."""
    before = _here()
    after = (model or before[0], stratification)
    if after == before:
        return
    st.session_state[_PAST] = [*st.session_state.get(_PAST, [])[-MOVES_KEPT:], before]
    st.session_state[_FUTURE] = []
    _go(after)


def commit_model(model: str, num_layers: int) -> None:
    """Choose a model; recipes stay and boundaries move in proportion to its depth."""
    commit(scaled(current_stratification(), num_layers), model)


def step_back(steps: int) -> None:
    """Undo so many moves, or redo when negative; stops where there are no more."""
    here, there = (_PAST, _FUTURE) if steps > 0 else (_FUTURE, _PAST)
    for _ in range(abs(steps)):
        moves = st.session_state.get(here, [])
        if not moves:
            return
        st.session_state[there] = [*st.session_state.get(there, []), _here()]
        st.session_state[here] = moves[:-1]
        _go(moves[-1])


def can_undo() -> bool:
    """Whether there is a move to undo."""
    return bool(st.session_state.get(_PAST))


def can_redo() -> bool:
    """Whether there is an undone move to redo."""
    return bool(st.session_state.get(_FUTURE))

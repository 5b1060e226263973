"""What Explore remembers of a visit beside the model: moves to undo, settings, and what is computed once."""

import functools
from dataclasses import dataclass, fields, replace
from typing import Any

import streamlit as st

from spafit.costs import OPTIMIZERS, PRECISIONS
from spafit.counting import Counts, count
from spafit.errors import SpafitError
from spafit.models.anatomy import Anatomy, check_labels
from spafit.models.load import load_anatomy
from spafit.plan import check
from spafit.stratification import Stratification, StratificationError
from spafit.training.config import SETTINGS, TrainSettings
from spafit.ui.state import current_model, current_stratification, scaled, set_model, set_stratification

MOVES_KEPT = 200
_PAST, _FUTURE, _SETTINGS = "explore_past", "explore_future", "explore_settings"
_MESSAGE, _OTHER = "explore_message", "explore_other"
DEVICES = ("cpu", "cuda")
CHOICES = {"precision": PRECISIONS, "optimizer": OPTIMIZERS, "device": DEVICES}
LARGEST = {"batch_size": int(SETTINGS["batch_size"].high), "length": int(SETTINGS["max_length"].high)}

anatomy_of = st.cache_resource(show_spinner="Reading the model's layers …", max_entries=64)(load_anatomy)
"""The anatomy of a model (key, folder or Hub id), once per app; ``num_labels`` by keyword."""


@functools.lru_cache(maxsize=512)
def counts_of(anatomy: Anatomy, stratification: Stratification) -> Counts:
    """The counts, remembered for all visitors."""
    return count(anatomy, stratification)


@dataclass(frozen=True)
class Settings:
    """What the page asks for beside model and stratification; part of a share link, so every value is checked."""

    num_labels: int = 2
    batch_size: int = 16
    length: int = 128
    precision: str = "fp32"
    optimizer: str = "adamw"
    device: str = "cpu"
    checkpointing: bool = False

    def __post_init__(self) -> None:
        check_labels(self.num_labels)
        for field in fields(self):
            value = getattr(self, field.name)
            if type(value) is not type(field.default):
                raise SpafitError(f"The setting {field.name} cannot be {str(value)[:40]!r}.")
        for name, largest in LARGEST.items():
            if not 1 <= getattr(self, name) <= largest:
                raise SpafitError(f"The setting {name} must be a whole number from 1 to {largest:,}.")
        for name, allowed in CHOICES.items():
            if getattr(self, name) not in allowed:
                raise SpafitError(f"The setting {name} must be one of {', '.join(allowed)}.")

    def training(self) -> TrainSettings:
        """What of this a run has too; optimizer, device and precision are questions that only the estimate answers."""
        return TrainSettings(batch_size=self.batch_size, max_length=self.length, checkpointing=self.checkpointing)


def settings() -> Settings:
    """The visitor's settings."""
    return st.session_state.setdefault(_SETTINGS, Settings())


def change_settings(**changes: Any) -> None:
    """Replace some of the settings."""
    st.session_state[_SETTINGS] = replace(settings(), **changes)


Place = tuple[str, Stratification]


def _here() -> Place:
    return current_model(), current_stratification()


def _go(place: Place) -> None:
    set_model(place[0], place[1].num_layers)
    set_stratification(place[1])


def misfit(anatomy: Anatomy, stratification: Stratification) -> str:
    """Why a stratification cannot be on a model, such as a rank beyond its matrices; empty when it can."""
    try:
        check(anatomy, stratification)
    except StratificationError as error:
        return str(error)
    return ""


def commit(stratification: Stratification, model: str | None = None) -> bool:
    """Choose a stratification, and a model when it changes too; can be undone.

    What cannot be is said instead, and nothing changes; returns whether it could be.
    """
    before = _here()
    after = (model or before[0], stratification)
    if reason := misfit(anatomy_of(after[0]), stratification):
        say(reason)
        return False
    if after != before:
        st.session_state[_PAST] = [*st.session_state.get(_PAST, [])[-MOVES_KEPT:], before]
        st.session_state[_FUTURE] = []
        _go(after)
    return True


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


def compared() -> Stratification | None:
    """The setting B that the current one is compared with, on the current depth; None when there is none that fits."""
    other, here = st.session_state.get(_OTHER), current_stratification()
    if other is None:
        return None
    other = other if other.num_layers == here.num_layers else scaled(other, here.num_layers)
    return None if misfit(anatomy_of(current_model()), other) else other


def set_compared(other: Stratification) -> None:
    """Choose B."""
    st.session_state[_OTHER] = other


def say(message: str) -> None:
    """Show a message above the page until the visitor makes the next move."""
    st.session_state[_MESSAGE] = (message, _here())


def message() -> str:
    """The message to show now; empty when there is none."""
    text, place = st.session_state.get(_MESSAGE, ("", None))
    return text if place == _here() else ""

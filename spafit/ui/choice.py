"""The visitor's choice of model, task, stratification, settings and runs: one value with one writer.

Pages read it with `current` and draw their widgets from it; a widget's callback changes it with `commit`, which checks
and can be undone. Nothing writes it while a page is drawn. `spafit.ui.address` carries it in the browser's address.
"""

from dataclasses import dataclass, field, replace
from typing import Any

import streamlit as st

from spafit.errors import SpafitError
from spafit.models.registry import BUNDLED, get_model
from spafit.stratification import Method, Stratification, preset
from spafit.training.config import QUICK, TrainSettings
from spafit.ui.anatomies import anatomy_of, misfit
from spafit.ui.explore.assumptions import Assumptions

MOVES_KEPT = 200
FIRST_TASK = "rotten-tomatoes"
_NOW, _PAST, _FUTURE, _MESSAGE = "choice", "choice_past", "choice_future", "choice_message"


@dataclass(frozen=True)
class Choice:
    """What a visitor has chosen, on whatever page."""

    model: str
    """A catalogue key, a Hub id or a folder."""
    stratification: Stratification
    """On this model's depth."""
    task: str = FIRST_TASK
    settings: TrainSettings = QUICK
    other: Stratification | None = None
    """Setting B, which Explore compares with; None until somebody chose one."""
    assumptions: Assumptions = field(default_factory=Assumptions)
    """What Explore's estimates take for granted beside the settings."""
    runs: tuple[str, ...] = ()
    """The ids of the runs that are compared."""

    @property
    def step(self) -> dict[str, Any]:
        """What a training step's cost is estimated for, as `spafit.costs.training_memory` takes it."""
        return {
            "batch": self.settings.batch_size,
            "length": self.settings.max_length,
            "checkpointing": self.settings.checkpointing,
            "precision": self.assumptions.precision,
            "optimizer": self.assumptions.optimizer,
            "device": self.assumptions.device,
        }


def first_choice() -> Choice:
    """Return what a visit begins with: SPAFIT at thirds of the bundled model."""
    num_layers = get_model(BUNDLED).num_layers or anatomy_of(BUNDLED).num_layers
    return Choice(BUNDLED, preset(Method.SPAFIT, num_layers))


def current() -> Choice:
    """Return the visitor's choice."""
    return st.session_state.get(_NOW) or first_choice()


def has_chosen() -> bool:
    """Return whether anything was chosen in this visit yet; a reload begins a new one."""
    return _NOW in st.session_state


def commit(**changes: Any) -> bool:
    """Change parts of the choice, named as the fields of `Choice`; can be undone, but for the compared runs.

    Another model without a stratification keeps the recipes and moves the boundaries in proportion. What cannot be is
    said on the page instead, and nothing changes; returns whether it could be.
    """
    before = current()
    after = replace(before, **changes)
    if changes.keys() & {"model", "stratification"}:
        try:
            after = _fitting(after, moved="stratification" in changes)
        except SpafitError as error:
            say(str(error))
            return False
    if replace(after, runs=before.runs) != before:
        st.session_state[_PAST] = [*st.session_state.get(_PAST, [])[1 - MOVES_KEPT :], before]
        st.session_state[_FUTURE] = []
    st.session_state[_NOW] = after
    return True


def _fitting(choice: Choice, moved: bool) -> Choice:
    """Return the choice with its stratification on the model's depth; raise a sentence when it cannot be there."""
    anatomy = anatomy_of(choice.model)
    if not moved and choice.stratification.num_layers != anatomy.num_layers:
        choice = replace(choice, stratification=scaled(choice.stratification, anatomy.num_layers))
    if reason := misfit(anatomy, choice.stratification):
        raise SpafitError(reason)
    return choice


def step_back(steps: int) -> None:
    """Undo so many changes, or redo when negative; stop where there are no more."""
    here, there = (_PAST, _FUTURE) if steps > 0 else (_FUTURE, _PAST)
    for _ in range(abs(steps)):
        choices = st.session_state.get(here, [])
        if not choices:
            return
        st.session_state[there] = [*st.session_state.get(there, []), current()]
        st.session_state[here] = choices[:-1]
        st.session_state[_NOW] = replace(choices[-1], runs=current().runs)


def can_undo() -> bool:
    """Return whether there is a change to undo."""
    return bool(st.session_state.get(_PAST))


def can_redo() -> bool:
    """Return whether there is an undone change to redo."""
    return bool(st.session_state.get(_FUTURE))


def say(message: str) -> None:
    """Show a message above the page until the visitor's next change."""
    st.session_state[_MESSAGE] = (message, current())


def message() -> str:
    """Return the message to show now; empty when there is none."""
    text, choice = st.session_state.get(_MESSAGE, ("", None))
    return text if choice == current() else ""


def scaled(stratification: Stratification, num_layers: int) -> Stratification:
    """Return the same recipes on another depth, each boundary at the same share of it (0 stays 0, L becomes L)."""
    share = num_layers / stratification.num_layers
    return replace(
        stratification, num_layers=num_layers, n1=round(stratification.n1 * share), n2=round(stratification.n2 * share)
    )

"""What the visitor's class leaves them to choose."""

from collections.abc import Iterable

import streamlit as st

from spafit.classroom import guesses
from spafit.errors import SpafitError
from spafit.runs import Store
from spafit.runs.class_rules import BOUNDARIES, LORA, RECIPES, Rules
from spafit.training.config import SETTINGS, RunSpec
from spafit.ui.choice import commit, current
from spafit.ui.classroom.sidebar import my_class


def my_rules() -> Rules | None:
    """Return what the visitor's class fixes; None for whoever is in none that goes on."""
    try:
        found = my_class()
        return None if found is None or found[0].ended(Store.open().clock()) else found[0].rules
    except SpafitError:
        return None


def hold() -> Rules | None:
    """Bring the visitor's choice back to what their class leaves open, and return what it fixes."""
    rules = my_rules()
    if rules is None:
        return None
    now = current()
    held = rules.held(RunSpec(now.model, now.task, now.stratification, now.settings))
    wanted = {"model": held.model, "task": held.task, "stratification": held.stratification, "settings": held.settings}
    if any(getattr(now, name) != value for name, value in wanted.items()):
        commit(**wanted)
    return rules


def rules_of(model: str, task: str) -> Rules | None:
    """Return what the visitor's class fixes, if it trains this model on this task."""
    rules = my_rules()
    return rules if rules and (rules.setting.model, rules.setting.task) == (model, task) else None


def is_open(rules: Rules | None, *parts: str) -> bool:
    """Whether any of these parts of a run may be changed."""
    return rules is None or not rules.may_change.isdisjoint(parts)


def must_guess() -> bool:
    """Whether the visitor's class wants a guess of them before they see what is measured."""
    try:
        found = my_class()
        if found is None:
            return False
        course, member = found
        asks = course.rules.guess_first and not course.guesses_revealed and not course.ended(Store.open().clock())
        placed = guesses.by_owner(guesses.of_class(Store.open(), course.id)) if asks else {}
    except SpafitError:
        return False
    return asks and member.owner_id not in placed


def guess_first(what: str = "the map") -> None:
    """Say that a guess comes before what is measured, and where it is placed."""
    st.info(f"Guess first; then {what} can be seen.", icon=":material/lock:")
    st.page_link("pages/classroom.py", label="Place your guess", icon=":material/school:")


def wait_for_guess(what: str) -> None:
    """Where a guess comes first, say so and draw no more of the page."""
    if must_guess():
        guess_first(what)
        st.stop()


def may_change_words(rules: Rules) -> str:
    """Return what students may change, in words."""
    names = {BOUNDARIES: "the boundaries", RECIPES: "the method per stratum", LORA: "LoRA's rank and target modules"}
    names |= {name: setting.label.lower() for name, setting in SETTINGS.items()}
    return listed(names[part] for part in names if part in rules.may_change) or "nothing"


def listed(words: Iterable[str]) -> str:
    """Return words as a list within a sentence."""
    *others, last = list(words) or [""]
    return f"{', '.join(others)} and {last}" if others else last

"""Train's settings: three that matter at once, the others folded away; quick defaults."""

from dataclasses import replace
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from spafit.stratification import Stratification
from spafit.training.config import QUICK, SETTINGS, RunSpec, SettingsError, TrainSettings, default_learning_rate
from spafit.training.setting import Kind, Setting
from spafit.ui.components.text import plain

SETTING_LABELS = {name: setting.label for name, setting in SETTINGS.items()}
_PLACE = {Kind.WHOLE: 0, Kind.NUMBER: 0, Kind.CHOICE: 1, Kind.SWITCH: 2}
_FORM = sorted(SETTINGS.values(), key=lambda setting: _PLACE[setting.kind])
"""In the order of the form: fields to type in, choices, switches."""
_BASIC = [setting for setting in _FORM if setting.basic]
_ADVANCED = [setting for setting in _FORM if not setting.basic]


def choose_settings(stratification: Stratification) -> TrainSettings:
    """Draw the settings and return them. They keep what the visitor typed, also on other pages.

    Raises:
        SettingsError: what is typed is not allowed, or two settings contradict each other.
    """
    empty = {name: setting.empty for name, setting in SETTINGS.items()}
    empty["learning_rate"] = f"{default_learning_rate(stratification):g}"
    values: dict[str, Any] = {}
    for column, setting in zip(st.columns(len(_BASIC)), _BASIC, strict=True):
        values[setting.name] = _widget(column, setting, empty[setting.name])
    with st.expander("More settings"):
        cells = st.columns(2)
        for place, setting in enumerate(_ADVANCED):
            values[setting.name] = _widget(cells[place % 2], setting, empty[setting.name])
        st.button("Back to the quick defaults", icon=":material/restart_alt:", on_click=_fill, args=(QUICK,))
    problems = [
        f"{setting.label} {problem}." for setting in _FORM if (problem := setting.problem(values[setting.name]))
    ]
    if problems:
        raise SettingsError(" ".join(problems))
    settings = TrainSettings(**values)
    for remark in settings.remarks():
        st.warning(plain(remark), icon=":material/warning:")
    return settings


def _widget(cell: DeltaGenerator, setting: Setting, empty: str) -> Any:
    """Draw one setting and return what is in it, be it allowed or not.

    A field to type in has no bounds and no whole numbers of its own: the browser would keep what is out of bounds to
    itself, cut 1e3 to 1, and the run would have another value than the one that is seen. Without a default of its
    own, a field that is emptied, or sent something that is no number, is empty here too.
    """
    key = _key(setting.name)
    st.session_state.setdefault(key, _typed(setting, getattr(QUICK, setting.name)))
    match setting.kind:
        case Kind.CHOICE:
            return cell.selectbox(
                setting.label, setting.choices, help=setting.help, key=key, persist_state="session", required=True
            )
        case Kind.SWITCH:
            return cell.toggle(setting.label, help=setting.help, key=key, persist_state="session")
    value = cell.number_input(
        setting.label,
        value=None,
        step=float(setting.step),
        format="%g",
        placeholder=empty or None,
        help=setting.help,
        key=key,
        persist_state="session",
    )
    whole = setting.kind is Kind.WHOLE and value is not None and value == int(value)
    return int(value) if whole else value


def take_over_settings(spec: RunSpec) -> None:
    """Fill the form with a run's settings; a learning rate that is the method's default stays the method's default."""
    usual = spec.learning_rate == default_learning_rate(spec.stratification)
    _fill(replace(spec.settings, learning_rate=None if usual else spec.learning_rate))


def _fill(settings: TrainSettings) -> None:
    for setting in _FORM:
        st.session_state[_key(setting.name)] = _typed(setting, getattr(settings, setting.name))


def _typed(setting: Setting, value: Any) -> Any:
    """Return a value as the widget holds it."""
    return float(value) if setting.kind in (Kind.WHOLE, Kind.NUMBER) and value is not None else value


def _key(name: str) -> str:
    return f"setting_{name}"

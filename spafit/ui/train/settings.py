"""Train's settings: three that matter at once, the others folded away; quick defaults."""

from collections.abc import Collection, Mapping
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from spafit.stratification import Stratification
from spafit.training.config import QUICK, SETTINGS, SettingsError, TrainSettings
from spafit.training.rates import default_learning_rate
from spafit.training.setting import Kind, Setting
from spafit.ui.choice import commit, current
from spafit.ui.components.text import plain

SETTING_LABELS = {name: setting.label for name, setting in SETTINGS.items()}
_PLACE = {Kind.WHOLE: 0, Kind.NUMBER: 0, Kind.CHOICE: 1, Kind.SWITCH: 2}
_FORM = sorted(SETTINGS.values(), key=lambda setting: _PLACE[setting.kind])
"""In the order of the form: fields to type in, choices, switches."""
_BASIC = [setting for setting in _FORM if setting.basic]
_FILLED = "settings_filled"
"""The settings that were chosen when the form was filled, and those that it was filled with: no more examples than the
task has. When others are chosen, or the task has fewer, it is filled anew."""
_ADVANCED = [setting for setting in _FORM if not setting.basic]


def choose_settings(
    stratification: Stratification, rows: Mapping[str, int], only: Collection[str] = SETTINGS.keys()
) -> TrainSettings:
    """Draw the settings and return them. They keep what the visitor typed, also on other pages.

    Args:
        stratification: decides the rate where none is typed.
        rows: what the task's parts have, as far as it is known: more examples are not asked for.
        only: the settings that are drawn; the others are as chosen.

    Raises:
        SettingsError: what is typed is not allowed, or two settings contradict each other.
    """
    fitting = current().settings.within(rows)
    if st.session_state.get(_FILLED) != (current().settings, fitting):
        _fill(current().settings, fitting)
    empty = {name: setting.empty for name, setting in SETTINGS.items()}
    empty["learning_rate"] = f"{default_learning_rate(stratification, fitting.expected_steps()):g}"
    values: dict[str, Any] = fitting.to_dict()
    basic, advanced = ([setting for setting in which if setting.name in only] for which in (_BASIC, _ADVANCED))
    for column, setting in zip(st.columns(len(basic)) if basic else [], basic, strict=True):
        values[setting.name] = _widget(column, setting, empty[setting.name])
    if advanced:
        with st.expander("More settings", expanded=len(advanced) < len(_ADVANCED)):
            cells = st.columns(2)
            for place, setting in enumerate(advanced):
                values[setting.name] = _widget(cells[place % 2], setting, empty[setting.name])
            if len(advanced) == len(_ADVANCED):
                st.button("Back to the quick defaults", icon=":material/restart_alt:", on_click=_reset)
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
    match setting.kind:
        case Kind.CHOICE:
            return cell.selectbox(
                setting.label,
                setting.choices,
                help=setting.help,
                key=key,
                on_change=_changed,
                persist_state="session",
                required=True,
            )
        case Kind.SWITCH:
            return cell.toggle(setting.label, help=setting.help, key=key, on_change=_changed, persist_state="session")
    value = cell.number_input(
        setting.label,
        value=None,
        step=float(setting.step),
        format="%g",
        placeholder=empty or None,
        help=setting.help,
        key=key,
        on_change=_changed,
        persist_state="session",
    )
    return _read(setting, value)


def _read(setting: Setting, value: Any) -> Any:
    """Return what a widget holds as the setting has it."""
    whole = setting.kind is Kind.WHOLE and value is not None and float(value).is_integer()
    return int(value) if whole else value


def _changed() -> None:
    """Choose what is typed once all of it is allowed; until then it stays in the form alone."""
    chosen, filled = st.session_state[_FILLED]
    drawn = {name: setting for name, setting in SETTINGS.items() if _key(name) in st.session_state}
    values = filled.to_dict() | {name: _read(setting, st.session_state[_key(name)]) for name, setting in drawn.items()}
    # What was only fitted to a small task is not the visitor's choice for the next one.
    kept = {name: getattr(chosen, name) for name, value in values.items() if value == getattr(filled, name)}
    try:
        settings, shown = TrainSettings(**values | kept), TrainSettings(**values)
    except SettingsError:
        return
    commit(settings=settings)
    # The fields show it already: were they filled again, what is typed before the page is drawn would be lost.
    st.session_state[_FILLED] = (settings, shown)


def _reset() -> None:
    commit(settings=QUICK)
    st.session_state.pop(_FILLED, None)


def _fill(chosen: TrainSettings, fitting: TrainSettings) -> None:
    st.session_state[_FILLED] = (chosen, fitting)
    for setting in _FORM:
        key, value = _key(setting.name), _typed(setting, getattr(fitting, setting.name))
        # A field that is given its value anew, be it the same, loses what is being typed there meanwhile.
        if key not in st.session_state or st.session_state[key] != value:
            st.session_state[key] = value


def _typed(setting: Setting, value: Any) -> Any:
    """Return a value as the widget holds it."""
    return float(value) if setting.kind in (Kind.WHOLE, Kind.NUMBER) and value is not None else value


def _key(name: str) -> str:
    return f"setting_{name}"

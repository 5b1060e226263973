"""The training settings as options, made from what is known of each setting."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import replace

from spafit.training.config import QUICK, SETTINGS, TrainSettings
from spafit.training.setting import Kind, Setting


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add an option for every setting; what it was called before is understood too."""
    group = parser.add_argument_group("how to train")
    short = ", ".join(
        f"{SETTINGS[name].flag.lstrip('-')} {value}" for name, value in QUICK.changes(TrainSettings()).items()
    )
    group.add_argument("--quick", action="store_true", help=f"start from the settings of a short run: {short}")
    for setting in SETTINGS.values():
        _add(group, setting, setting.flag, _explained(setting))
        for former in setting.former_flags:
            _add(group, setting, former, argparse.SUPPRESS)


def settings(chosen: argparse.Namespace) -> TrainSettings:
    """Return the training settings that the options describe. Raises `SpafitError` for a value out of range."""
    standard = QUICK if chosen.quick else TrainSettings()
    given = {name: value for name in SETTINGS if (value := getattr(chosen, name)) is not None}
    return replace(standard, **{name: _value(SETTINGS[name], value) for name, value in given.items()})


def given_options(chosen: argparse.Namespace) -> list[str]:
    """Return the options for settings that were given."""
    given = [setting.flag for name, setting in SETTINGS.items() if getattr(chosen, name) is not None]
    return ["--quick", *given] if chosen.quick else given


def _add(group: argparse._ArgumentGroup, setting: Setting, flag: str, about: str) -> None:
    match setting.kind:
        case Kind.SWITCH:
            group.add_argument(flag, dest=setting.name, action="store_true", default=None, help=about)
        case Kind.CHOICE:
            group.add_argument(flag, dest=setting.name, choices=setting.choices, metavar="WHICH", help=about)
        case Kind.WHOLE:
            group.add_argument(flag, dest=setting.name, type=_reader(setting, int), metavar="N", help=about)
        case Kind.NUMBER:
            group.add_argument(flag, dest=setting.name, type=_reader(setting, float), metavar="X", help=about)


def _reader(setting: Setting, read: Callable[[str], object]) -> Callable[[str], object]:
    """Return what reads a value from text: a number, or the word for none."""

    def value(text: str) -> object:
        return text if setting.empty and text == setting.empty else read(text)

    value.__name__ = setting.kind  # what argparse calls the type in its messages
    return value


def _value(setting: Setting, given: object) -> object:
    return None if setting.empty and given == setting.empty else given


def _explained(setting: Setting) -> str:
    about = setting.help.replace("Empty:", f"'{setting.empty}':")
    if setting.kind is Kind.CHOICE:
        about = f"{', '.join(setting.choices)}. {about}"
    default = "" if setting.kind is Kind.SWITCH else f" (default: {setting.said(setting.default)})"
    return (about + default).replace("%", "%%")

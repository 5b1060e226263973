"""What is known of one training setting: bounds, choices, flag. Form, command line, checks and scripts read it here.

A setting is a field of `spafit.training.config.TrainSettings` made by `whole`, `number`, `choice` or `switch`; its name
and explanation are the glossary's term of the same key.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from spafit import glossary
from spafit.quantities import is_whole

METADATA = "setting"


class Kind(StrEnum):
    """What values a setting has."""

    WHOLE = "whole number"
    NUMBER = "number"
    CHOICE = "choice"
    SWITCH = "switch"


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting. Bounds are of `Kind.WHOLE` and `Kind.NUMBER`, `choices` of `Kind.CHOICE`."""

    kind: Kind
    default: Any
    flag: str
    """On the command line; empty where it is not asked there."""
    former_flags: tuple[str, ...] = ()
    """What the flag was called before; still understood."""
    low: float = 0.0
    high: float = math.inf
    above: bool = False
    """Whether the lower bound itself is excluded."""
    usual: tuple[float, float] | None = None
    """Values outside are allowed and remarked upon."""
    step: float = 1.0
    """Of the form's plus and minus."""
    empty: str = ""
    """The word for no value; without one a value is required."""
    unit: str = ""
    choices: tuple[str, ...] = ()
    basic: bool = False
    """Whether the form shows it at once instead of under "More settings"."""
    name: str = ""
    """Of the field; filled in by `settings_of`."""

    @property
    def label(self) -> str:
        """What it is called on pages."""
        return glossary.term(self.name).name

    @property
    def help(self) -> str:
        """What it means."""
        return glossary.tip(self.name)

    @property
    def allowed(self) -> str:
        """The values that are allowed, in words."""
        match self.kind:
            case Kind.SWITCH:
                return "true or false"
            case Kind.CHOICE:
                return f"one of {', '.join(self.choices)}"
            case Kind.WHOLE:
                bounds = f"a whole number from {self.low:.0f} to {self.high:.0f}"
            case Kind.NUMBER:
                lower = f"above {self.low:g}" if self.above else f"at least {self.low:g}"
                bounds = f"a number {lower} and at most {self.high:g}"
        return f"{bounds} or empty" if self.empty else bounds

    def problem(self, value: object) -> str:
        """Say what is wrong with a value, such as "must be true or false, not 3"; empty when nothing is."""
        if self._allows(value):
            return ""
        shown = "empty" if value is None else f"{value:g}" if isinstance(value, float) else repr(value)
        return f"must be {self.allowed}, not {shown}"

    def _allows(self, value: object) -> bool:
        match self.kind:
            case Kind.SWITCH:
                return isinstance(value, bool)
            case Kind.CHOICE:
                return isinstance(value, str) and value in self.choices
        if value is None:
            return bool(self.empty)
        if self.kind is Kind.WHOLE:
            return is_whole(value, int(self.low), int(self.high))
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            return False
        return self.low <= value <= self.high and not (self.above and value == self.low)

    def remark(self, value: object) -> str:
        """Say that a value is allowed but far from what is usual; empty when it is not."""
        if self.usual is None or not isinstance(value, int | float) or self.usual[0] <= value <= self.usual[1]:
            return ""
        side = "above" if value > self.usual[1] else "below"
        return f"{self.label} {value:g} is far {side} what is usual ({self.usual[0]:g} to {self.usual[1]:g})."

    def stored(self, value: Any) -> Any:
        """Return a value in its one form: a whole number given for a number is the same setting."""
        return float(value) if self.kind is Kind.NUMBER and value is not None else value

    def said(self, value: object) -> str:
        """Return a value as people read it."""
        if value is None:
            return self.empty
        if isinstance(value, bool):
            return "on" if value else "off"
        text = f"{value:g}" if isinstance(value, float) else str(value)
        return f"{text} {self.unit}" if self.unit else text


def whole(default: int | None, flag: str, low: int, high: int, **more: Any) -> Any:
    """Make the field of a whole number."""
    return _field(Setting(Kind.WHOLE, default, flag, low=low, high=high, **more))


def number(default: float | None, flag: str, low: float, high: float, **more: Any) -> Any:
    """Make the field of a number."""
    return _field(Setting(Kind.NUMBER, default, flag, low=low, high=high, **more))


def choice(flag: str, *choices: str) -> Any:
    """Make the field of a choice; the first is the default."""
    return _field(Setting(Kind.CHOICE, choices[0], flag, choices=choices))


def switch(flag: str, *former_flags: str) -> Any:
    """Make the field of a switch, off by default."""
    return _field(Setting(Kind.SWITCH, False, flag, former_flags))


def _field(setting: Setting) -> Any:
    return field(default=setting.default, metadata={METADATA: setting})


def settings_of(settings: Any) -> dict[str, Setting]:
    """Return the settings that the fields of a dataclass describe, by name, in their order."""
    return {one.name: replace(one.metadata[METADATA], name=one.name) for one in dataclasses.fields(settings)}

"""When a page is complete: comparisons of facts, such as ``n1 >= 4 and trainable < trainable BitFit``. Pure."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from spafit.errors import SpafitError
from spafit.lessons.facts import Expression, Situation, parse_expression

OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "!=": operator.ne,
    "<": operator.lt,
    ">": operator.gt,
    "=": operator.eq,
}
_SPLIT = re.compile(r"\s(<=|>=|!=|<|>|=)\s")
_AND = re.compile(r"\s+and\s+")
MOST = 10


@dataclass(frozen=True)
class Comparison:
    """Two expressions and what must hold between them."""

    left: Expression
    sign: str
    right: Expression

    def holds(self, situation: Situation) -> bool | None:
        """Return whether it holds; None where one side is not measured."""
        left, right = self.left.value(situation), self.right.value(situation)
        return None if left is None or right is None else OPERATORS[self.sign](left, right)


@dataclass(frozen=True)
class Condition:
    """Comparisons that must all hold."""

    comparisons: tuple[Comparison, ...]

    @property
    def expressions(self) -> tuple[Expression, ...]:
        """Both sides of all comparisons."""
        return tuple(side for one in self.comparisons for side in (one.left, one.right))

    def holds(self, situation: Situation) -> bool | None:
        """Return whether all hold; None where what is measured does not tell."""
        found = [one.holds(situation) for one in self.comparisons]
        if False in found:
            return False
        return None if None in found else True


def parse_condition(text: str, num_layers: int) -> Condition:
    """Return the condition that a text means for a model of this depth.

    Raises:
        SpafitError: it is no comparison, or one of a name with a number.
    """
    parts = _AND.split(text.strip())
    if len(parts) > MOST:
        raise SpafitError(f"A condition has at most {MOST} comparisons; this one has {len(parts)}.")
    return Condition(tuple(_comparison(part, num_layers) for part in parts))


def _comparison(text: str, num_layers: int) -> Comparison:
    parts = _SPLIT.split(text)
    if len(parts) != 3:
        raise SpafitError(
            f"{text[:60]!r} is no comparison; write two facts with one of {', '.join(OPERATORS)} between them, "
            "and spaces around it, as in 'n1 >= 4'."
        )
    left, right = parse_expression(parts[0], num_layers), parse_expression(parts[2], num_layers)
    if left.is_name != right.is_name:
        raise SpafitError(f"{text[:60]!r} compares a name with a number.")
    if left.is_name and parts[1] not in ("=", "!="):
        raise SpafitError(f"{text[:60]!r} compares names; they can be equal (=) or not (!=).")
    return Comparison(left, parts[1], right)

"""Predict, then run: what students guess, what it is held against, and the points. Rows in the store; the rest pure.

A guess is locked when it is placed. The teacher reveals what came out, from which moment on nobody guesses.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.exc import IntegrityError

from spafit.quantities import is_whole
from spafit.runs import Store, StoreError, classes
from spafit.runs.class_rules import BOUNDARIES, ClassError, Rules
from spafit.runs.classes import Class, Member
from spafit.runs.database import reading, writing
from spafit.runs.schema import class_guesses as table

CELL, SCORE, LAYER = "cell", "score", "layer"
QUESTIONS = {
    CELL: "Which boundaries win?",
    SCORE: "What is the best validation score of the class?",
    LAYER: "Which layer changes most in the winning run?",
}
MOST_POINTS = 3
_NEAR = {SCORE: (0.01, 0.025, 0.05), CELL: (0, 1, 2), LAYER: (0, 1, 2)}
"""How far off a guess may be for 3, 2 and 1 points: in score, or in layers that separate it from what came out."""


@dataclass(frozen=True)
class Guess:
    """One answer of one student, or what came out (of the owner `classes.TRUTH`)."""

    owner_id: str
    kind: str
    value: Any
    """[N1, N2], a score, or a layer."""
    points: int | None


def asked(rules: Rules) -> list[str]:
    """Return the kinds that make sense in a class: which boundaries win is only asked where they can be moved."""
    return [kind for kind in QUESTIONS if kind != CELL or BOUNDARIES in rules.may_change]


def place(store: Store, course: Class, member: Member, values: Mapping[str, Any]) -> None:
    """Place and lock a student's guesses, all at once.

    Raises:
        ClassError: something cannot be, the class has ended, it is too late, or they have guessed already.
    """
    depth, now = course.rules.setting.stratification.num_layers, store.clock()
    checked = {kind: _checked(kind, values.get(kind), depth) for kind in asked(course.rules)}
    try:
        with writing(store.engine) as connection:
            current = classes.of_id(connection, course.id)
            if current.ended(now):
                raise ClassError(f"The class {course.name} has ended; nobody guesses any more.")
            if current.guesses_revealed:
                raise ClassError("It is too late to guess: the teacher has shown what came out.")
            for kind, value in checked.items():
                row = {"class_id": course.id, "owner_id": member.owner_id, "kind": kind}
                connection.execute(insert(table).values(row | {"value": value, "locked_at": now}))
    except StoreError as error:
        if isinstance(error.__cause__, IntegrityError):
            raise ClassError("Your guess is locked: you have placed one already.") from None
        raise


def of_class(store: Store, class_id: str) -> list[Guess]:
    """Return every guess of a class, and what came out if that is revealed."""
    columns = (table.c.owner_id, table.c.kind, table.c.value, table.c.points)
    with reading(store.engine) as connection:
        rows = connection.execute(select(*columns).where(table.c.class_id == class_id).order_by(table.c.locked_at))
        return [Guess(*row) for row in rows.tuples()]


def by_owner(guesses: Iterable[Guess]) -> dict[str, dict[str, Guess]]:
    """Return guesses by owner and kind."""
    found: dict[str, dict[str, Guess]] = {}
    for guess in guesses:
        found.setdefault(guess.owner_id, {})[guess.kind] = guess
    return found


def histogram(guesses: Iterable[Guess], kind: str) -> list[tuple[str, int]]:
    """Return how often each answer was given, in the answers' order; scores in steps of 0.05."""
    values = [guess.value for guess in guesses if guess.kind == kind and guess.owner_id != classes.TRUTH]
    counted = Counter(math.floor(value * 20 + 1e-9) if kind == SCORE else _key(value) for value in values)
    return [(_bin(kind, value), count) for value, count in sorted(counted.items())]


def said(kind: str, value: Any) -> str:
    """Return an answer as people read it."""
    if kind == CELL:
        return f"SPAFIT-{value[0]}-{value[1]}"
    return f"{value:.3f}" if kind == SCORE else f"layer {value}"


def bin_of(kind: str, value: Any) -> str:
    """Return the name of the bar of `histogram` that an answer belongs to."""
    return _bin(kind, math.floor(value * 20 + 1e-9) if kind == SCORE else _key(value))


def points(kind: str, value: Any, truth: Any) -> int:
    """Return what a guess is worth: 3 where it is right, fewer the farther it is off."""
    off = abs(value[0] - truth[0]) + abs(value[1] - truth[1]) if kind == CELL else abs(value - truth)
    near = _NEAR[kind]
    return next((MOST_POINTS - place for place, most in enumerate(near) if off <= most + 1e-9), 0)


def scored(guesses: Iterable[Guess], truth: Mapping[str, Any]) -> dict[tuple[str, str], int]:
    """Return the points of every guess that can be judged, by owner and kind."""
    return {
        (guess.owner_id, guess.kind): points(guess.kind, guess.value, truth[guess.kind])
        for guess in guesses
        if guess.kind in truth and guess.owner_id != classes.TRUTH
    }


def _checked(kind: str, value: Any, depth: int) -> Any:
    if kind == CELL:
        n1, n2 = value if isinstance(value, list | tuple) and len(value) == 2 else (None, None)
        if not (is_whole(n1, 0, depth) and is_whole(n2, 0, depth) and n1 <= n2):
            raise ClassError(f"Guess two boundaries from 0 to {depth}, the first no higher than the second.")
        return [n1, n2]
    if kind == LAYER:
        if not is_whole(value, 1, depth):
            raise ClassError(f"Guess a layer from 1 to {depth}.")
        return value
    if isinstance(value, bool) or not isinstance(value, int | float) or not -1 <= value <= 1:
        raise ClassError("Guess a score from -1 to 1.")
    return float(value)


def _key(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _bin(kind: str, key: Any) -> str:
    return f"{key / 20:.2f}–{(key + 1) / 20:.2f}" if kind == SCORE else said(kind, key)

"""The likeliest choice of columns, from names and contents; a person should see it before it counts. Pure functions."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from spafit.tasks.task import CLASSIFICATION, REGRESSION, TaskError
from spafit.tasks.upload import names
from spafit.tasks.upload.columns import EMPTY, NUMBERS, WORDS, Columns, Profile, check_column, listed, profile
from spafit.tasks.upload.json_files import LISTS
from spafit.tasks.upload.labels import several_in_one
from spafit.tasks.upload.tables import Table

AMOUNTS = 20  # a whole number with more values than this is an amount
LABEL_LENGTH = 50  # characters, on average
SPLIT_VALUES = {
    "train": "train",
    "training": "train",
    "validation": "validation",
    "valid": "validation",
    "val": "validation",
    "dev": "validation",
    "development": "validation",
    "test": "test",
    "testing": "test",
    "eval": "test",
}
_CHOOSE = "choose one with --label, or on the Data page"


@dataclass(frozen=True)
class Guess:
    """Columns as far as they could be told, and why not all of them."""

    columns: dict[str, Any]  # fields of `Columns`; text and label are None where nothing looks like one
    profiles: dict[str, Profile]  # every column's
    problem: str = ""  # the sentence that refuses the table unless a person chooses
    remarks: list[str] = field(default_factory=list)

    def certain(self) -> Columns:
        """Return the columns. Raises `TaskError` with the problem when there is one."""
        if self.problem:
            raise TaskError(self.problem)
        return Columns(**self.columns)


def guess(table: Table, name: str, chosen: dict[str, Any] | None = None) -> Guess:
    """Choose the columns that a person has not chosen.

    Args:
        chosen: fields of `Columns` that a person has decided; None decides that there is no such column.

    Raises:
        TaskError: a chosen column is not there, or fewer than two columns have anything in them.
    """
    chosen = {
        part: column for part, column in (chosen or {}).items() if column is not None or part in ("pair", "split")
    }
    for part in ("text", "pair", "label", "split"):
        if chosen.get(part) is not None:
            check_column(chosen[part], table, name)
    profiles = {column: profile(table, column) for column in table.columns}
    filled = [p for p in profiles.values() if p.kind != EMPTY]
    if len(filled) < 2 and not table.nested:
        raise TaskError("The table needs at least two columns with something in them: a text and a label.")
    free = [p for p in filled if p.name not in chosen.values()]
    split = chosen["split"] if "split" in chosen else _split(table, free)
    free = [p for p in free if p.name != split]
    problem, remarks, label = "", [], chosen.get("label")
    if label is None:
        try:
            label, others = _label(free, table, name, alone=len(free) <= (1 if "text" in chosen else 2))
        except TaskError as error:
            problem = str(error)
        else:
            free = [p for p in free if p.name != label]
            if others:
                several = listed(f"“{other}”" for other in others)
                remarks.append(f"“{label}” is taken for the label; {several} could be too: {_CHOOSE}.")
    text, pair = _texts(free, chosen)
    if text is None and not problem and table.nested:
        problem = _nested_records(list(table.nested), name)
    if text is None and not problem:
        problem = (
            f"No column of {name} looks like a text (its columns are {listed(table.columns)}); "
            f"choose one with --text, or on the Data page."
        )
    kind = chosen.get("kind") or (_kind(profiles[label]) if label else CLASSIFICATION)
    found = {"text": text, "label": label, "kind": kind, "pair": pair, "split": split}
    return Guess(found, profiles, problem, remarks)


def _kind(label: Profile) -> str:
    return REGRESSION if label.numeric and (not label.whole or label.distinct > AMOUNTS) else CLASSIFICATION


def _split(table: Table, profiles: list[Profile]) -> str | None:
    for p in profiles:
        if names.plain(p.name) in names.SPLIT_NAMES and p.distinct <= len(SPLIT_VALUES):
            values = {(cell or "").strip().lower() for cell in table.columns[p.name].unique().to_pylist()} - {""}
            if values <= SPLIT_VALUES.keys() and "train" in {SPLIT_VALUES[value] for value in values}:
                return p.name
    return None


# How good a label a column makes: by its name, then by its cells.
_NAMED, _PARTLY_NAMED, _UNNAMED, _CONSTANT = 3, 2, 1, 0
_CLASSES, _YES_NO, _AMOUNT = 3, 2, 1


def _label(profiles: list[Profile], table: Table, name: str, *, alone: bool) -> tuple[str, list[str]]:
    """Return the column that is most likely the label, and which others could be.

    Args:
        alone: the column stands beside one text only.

    Raises:
        TaskError: none is, or several are as likely and must not become one silently.
    """
    ranked = {p.name: rank for p in profiles if (rank := _rank(p, alone=alone))}
    best = max(ranked.values(), default=None)
    nested = list(table.nested)
    if nested and (best is None or best[0] < _NAMED):
        _refuse_nested(nested, table, name, needed=best is None)
    if best is None:
        raise TaskError(f"No column of {name} looks like a label (its columns are {listed(table.columns)}); {_CHOOSE}.")
    equals = [p for p in profiles if ranked.get(p.name) == best]
    if len(equals) > 1 and best[0] < _NAMED and best[1] < _CLASSES:
        said = listed(p.name for p in equals)
        if best[1] == _YES_NO:
            raise TaskError(f"{name} has several labels a row (multi-label), yes or no in each of {said}; {_CHOOSE}.")
        raise TaskError(f"{name} has several columns of numbers that could be the label: {said}; {_CHOOSE}.")
    order = {known: i for i, known in enumerate(names.LABEL_NAMES)}
    place = {p.name: i for i, p in enumerate(profiles)}

    def last_resort(p: Profile) -> tuple[float, float, int]:
        """By the order of names, then the shorter words, then the last: a label usually follows its text."""
        length = p.mean_length if best[1] == _CLASSES else 0.0
        return order.get(names.plain(p.name), len(order)), length, -place[p.name]

    label = min(equals, key=last_resort)
    cells = {(cell or "").strip() for cell in table.columns[label.name].unique().to_pylist()} - {""}
    if not label.numeric and (mark := several_in_one(cells)):
        raise TaskError(
            f"The column “{label.name}” of {name} holds several labels in a cell (multi-label), parted by “{mark}”; "
            f"{_CHOOSE}."
        )
    others = [p for p in profiles if p is not label and p.name in ranked and _few(p)]
    return label.name, [p.name for p in others if not names.words(p.name) & names.OTHER_WORDS]


def _refuse_nested(nested: list[str], table: Table, name: str, *, needed: bool) -> None:
    """Raise `TaskError` when a column with more than one value in a cell is the label, or all that there is."""
    for column in nested:
        if names.is_label(column) and table.nested[column] == LISTS:
            raise TaskError(
                f"The column “{column}” of {name} holds lists, several labels a row (multi-label); {_CHOOSE}."
            )
    if needed:
        raise TaskError(_nested_records(nested, name))


def _nested_records(nested: list[str], name: str) -> str:
    return f"{name} has nested records (in {listed(nested)}); bring a table with one value in each cell."


def _rank(p: Profile, *, alone: bool) -> tuple[int, int] | None:
    """Return how good a label a column makes, by name and by cells; None for what should not be one."""
    if p.kind not in (WORDS, NUMBERS):
        return None
    cells = _YES_NO if p.yes_no else _AMOUNT if p.numeric else _CLASSES
    known, parts = names.plain(p.name), names.words(p.name)
    short = p.mean_length < LABEL_LENGTH
    if p.distinct < 2:  # it is chosen where nothing else can be, to be refused by its own sentence
        return (_CONSTANT, cells) if known in names.LABEL_NAMES else None
    if known in names.SURE_LABEL_NAMES or (known in names.LABEL_NAMES and short):
        return _NAMED, cells
    if names.is_text(p.name) and not p.numeric:
        return None
    other = bool(parts & names.OTHER_WORDS)
    if parts & names.LABEL_WORDS and short and (p.numeric or _few(p)):
        return (_UNNAMED if other else _PARTLY_NAMED), cells
    if other:
        return None
    if p.numeric:
        return (_UNNAMED, cells) if _few(p) or not p.whole or alone else None
    return (_UNNAMED, cells) if _few(p) and short else None


def _few(p: Profile) -> bool:
    """Whether a column has few values, each of which recurs: classes."""
    most = AMOUNTS if p.numeric else min(100, max(p.filled // 2, 2))
    return 2 <= p.distinct <= most and p.distinct < p.filled


def _texts(free: list[Profile], chosen: dict[str, Any]) -> tuple[str | None, str | None]:
    """Return the text and the second text: by their names, unless another is far longer."""
    candidates = [p for p in free if p.kind == WORDS]
    text = chosen.get("text")
    if text is None:
        if not candidates:
            return None, chosen.get("pair")
        text = max(candidates, key=_weight).name
        for p in candidates:  # where the second of two was the longer one
            if names.second_of(p.name, [text]) == text and "pair" not in chosen:
                text = p.name
                break
    if "pair" in chosen:
        return text, chosen["pair"]
    return text, names.second_of(text, [p.name for p in candidates])


def _weight(p: Profile) -> float:
    """Return how likely a column is the text: a name is worth as much as a text so many times as long."""
    known, parts = names.plain(p.name), names.words(p.name)
    times = 1.0
    if known in names.TEXT_NAMES:
        times = 16
    elif parts & names.TEXT_WORDS:
        times = 8
    elif parts & names.SHORT_TEXT_WORDS:
        times = 2
    if parts & names.OTHER_WORDS and times == 1:
        times = 0.25
    return math.log2(max(p.mean_length, 1) * times) + (p.distinct > p.filled / 2)

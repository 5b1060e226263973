"""Which columns of a table are read, and what each looks like. Pure functions."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from itertools import islice, pairwise
from typing import Any

import pyarrow as pa

from spafit.tasks.task import CLASSIFICATION, REGRESSION, TaskError
from spafit.tasks.upload.cells import INFINITE, NO_NUMBER, is_address, is_date, is_mark, is_whole, number_style
from spafit.tasks.upload.names import ID_WORDS, words
from spafit.tasks.upload.tables import Table

CLASSES = 1000  # the most classes that can be learned
_FIRST_ROWS = 50_000  # rows by which a column counts that hardly repeats a cell in them
_LOOKED_AT = 500  # different cells of a column that are looked at for dates, addresses and marks
_MOST = 0.9  # of them make a column one of these
_NUMBERS = 0.95  # of its cells make a column of amounts, should a few hold a word
EMPTY, NESTED, DATES, ADDRESSES, MARKS, NUMBERS, WORDS = (
    *("empty", "nested", "dates", "addresses", "marks", "numbers", "words"),
)
_YES_NO = ({"0", "1"}, {"yes", "no"}, {"y", "n"}, {"true", "false"}, {"t", "f"}, {"0", "1", "-1"})


@dataclass(frozen=True)
class Columns:
    """What is read from a table: one or two texts, what is to be learned, and perhaps which part a row belongs to."""

    text: str
    label: str
    kind: str = CLASSIFICATION
    pair: str | None = None
    split: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return asdict(self)

    def check(self, table: Table, name: str) -> None:
        """Raise `TaskError` when a column is not in the table, one is named twice, or the kind is unknown."""
        named = [column for column in (self.text, self.pair, self.label, self.split) if column is not None]
        for column in named:
            check_column(column, table, name)
            if named.count(column) > 1:
                raise TaskError(f"The column “{column}” is chosen twice; text, label and split are different columns.")
        if self.kind not in (CLASSIFICATION, REGRESSION):
            raise TaskError(f"What is learned must be {CLASSIFICATION} or {REGRESSION}, not {self.kind!r}.")


def check_column(column: str, table: Table, name: str) -> None:
    """Raise `TaskError` when a column is not in the table, or holds what cannot be a text or a label."""
    if column in table.nested:
        raise TaskError(
            f"The column “{column}” of {name} holds {table.nested[column]}; a text or a label is one value."
        )
    if column not in table.columns:
        raise TaskError(f"{name} has no column “{column}”; it has {listed(table.columns)}.")


def listed(names: Iterable[str], most: int = 12) -> str:
    """Return names for a sentence, shortened where there are many."""
    names = list(names)
    return ", ".join(names[:most]) + (f" and {len(names) - most:,} more" if len(names) > most else "")


@dataclass(frozen=True)
class Profile:
    """What a column looks like."""

    name: str
    filled: int  # cells that are not empty, among those looked at
    distinct: int  # different cells among them
    mean_length: float  # characters
    kind: str  # what its cells are: WORDS, NUMBERS, MARKS ...
    style: str | None  # how its numbers are written; None when they are none
    whole: bool  # every number is a whole one
    yes_no: bool  # nothing but 0 and 1, yes and no, true and false

    @property
    def numeric(self) -> bool:
        """Every filled cell is a number, or says that one is missing."""
        return self.style is not None


def profile(table: Table, name: str) -> Profile:
    """Look at one column of a table."""
    column = table.columns[name]
    counts = _counts(column.slice(0, _FIRST_ROWS))
    if len(column) > _FIRST_ROWS and len(counts) <= _FIRST_ROWS / 2:  # else nearly each cell is another, here and below
        counts = _counts(column)
    filled = sum(counts.values())
    numbers = [cell for cell in counts if cell.lower().lstrip("+-") not in NO_NUMBER | INFINITE]
    style = _style(numbers, counts)
    return Profile(
        name=name,
        filled=filled,
        distinct=len(counts),
        mean_length=sum(len(cell) * count for cell, count in counts.items()) / max(filled, 1),
        kind=_kind(table, name, counts, style),
        style=style,
        whole=style is not None and all(is_whole(cell, style) for cell in numbers),
        yes_no=len(counts) > 1 and {cell.casefold().removesuffix(".0") for cell in counts} in _YES_NO,
    )


def _counts(column: pa.ChunkedArray) -> dict[str, int]:
    counts: dict[str, int] = {}
    for entry in column.value_counts().to_pylist():
        cell = (entry["values"] or "").strip()
        if cell:
            counts[cell] = counts.get(cell, 0) + entry["counts"]
    return counts


def _style(cells: list[str], counts: dict[str, int]) -> str | None:
    style = number_style(cells)
    if style is not None or len(cells) <= 20:
        return style
    numbers = [cell for cell in cells if number_style([cell])]
    if len(numbers) > 20 and sum(map(counts.__getitem__, numbers)) >= _NUMBERS * sum(map(counts.__getitem__, cells)):
        return number_style(numbers)
    return None


def _kind(table: Table, name: str, counts: dict[str, int], style: str | None) -> str:
    if name in table.nested:
        return NESTED
    if not counts:
        return EMPTY
    some = list(islice(counts, _LOOKED_AT))
    for kind, is_one in ((DATES, is_date), (ADDRESSES, is_address)):
        if style is None and sum(map(is_one, some)) >= _MOST * len(some):
            return kind
    filled = sum(counts.values())
    if len(counts) == filled and filled > 5:  # every cell another
        if style is None and sum(map(is_mark, some)) >= _MOST * len(some):
            return MARKS
        if style is not None and all(is_whole(cell, style) for cell in counts) and _rises(counts):
            return MARKS
    if words(name) & ID_WORDS and len(counts) > filled / 2 and (style is not None or all(map(is_mark, some))):
        return MARKS
    return NUMBERS if style is not None else WORDS


def _rises(cells: Iterable[str]) -> bool:
    """Whether whole numbers rise from row to row, as those of rows do."""
    values = [float(cell.replace(",", "").replace("−", "-")) for cell in cells]
    return all(one < other for one, other in pairwise(values))

"""A file's cells as a table of text, and the limits that hold for every kind of file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import pyarrow as pa

from spafit.tasks.task import TaskError

CELL_CHARACTERS = 1_000_000
COLUMNS = 1000
ROWS = 5_000_000
PROBLEMS_SHOWN = 20
ROWS_AT_ONCE = 20_000
MALFORMED_SHARE = 0.2  # of the lines: beyond it the file is refused, below it they are left out, counted and named


@dataclass
class Table:
    """A file's cells as text (None where a cell is missing), and how they were read."""

    columns: dict[str, pa.ChunkedArray]  # name -> large_string
    numbers: list[int]  # per row: its line in a text file, or its row in a Parquet file, from 1
    unit: str  # what those are: "line" or "row"
    format: str
    encoding: str = ""
    delimiter: str = ""
    headed: bool = True  # whether the columns are named by the file itself
    malformed: int = 0  # lines that do not fit the table and were left out
    problems: list[str] = field(default_factory=list)  # the first of them, with their line
    remarks: list[str] = field(default_factory=list)  # what was not a matter of course, a sentence each
    nested: dict[str, str] = field(default_factory=dict)  # columns whose cells hold more than one value: what they hold

    def __len__(self) -> int:
        return len(self.numbers)

    def cells(self, column: str) -> list[str | None]:
        """One column as a list."""
        return self.columns[column].to_pylist()


class Builder:
    """Collects rows of cells into Arrow columns, some thousands at a time, so that memory holds the text once."""

    def __init__(self, name: str, unit: str) -> None:
        self.name = name
        self.unit = unit
        self.names: list[str] = []
        self.chunks: list[list[pa.Array]] = []
        self.rows: list[Sequence[str | None]] = []
        self.numbers: list[int] = []
        self.malformed = 0
        self.problems: list[str] = []

    def start(self, header: list[str]) -> None:
        check_columns(len(header), self.name)
        self.names = column_names(header)
        self.chunks = [[] for _ in header]

    def add(self, row: Sequence[str | None], number: int) -> None:
        longest = max((len(cell) for cell in row if cell is not None), default=0)
        if longest > CELL_CHARACTERS:
            raise TaskError(
                f"{self.name}, line {number}: a cell has {longest:,} characters; the limit is {CELL_CHARACTERS:,}."
            )
        self.rows.append(row)
        self.numbers.append(number)
        check_rows(len(self.numbers), self.name)
        if len(self.rows) == ROWS_AT_ONCE:
            self._flush()

    def skip(self, problem: str) -> None:
        self.malformed += 1
        if len(self.problems) < PROBLEMS_SHOWN:
            self.problems.append(problem)

    def finish(self, format: str) -> Table:
        self._flush()
        if self.malformed > MALFORMED_SHARE * (self.malformed + len(self.numbers)):
            raise TaskError(
                f"{self.name} is not {format}: {self.problems[0]}"
                + (f", and {self.malformed - 1:,} more lines do not fit." if self.malformed > 1 else ".")
            )
        columns = {
            name: pa.chunked_array(chunks, pa.large_string())
            for name, chunks in zip(self.names, self.chunks, strict=True)
        }
        return Table(columns, self.numbers, self.unit, format, malformed=self.malformed, problems=self.problems)

    def _flush(self) -> None:
        for i, chunks in enumerate(self.chunks):
            cells = [row[i] for row in self.rows]
            try:
                array = pa.array(cells, pa.large_string())
            except UnicodeEncodeError:  # half of a surrogate pair, written as an escape in JSON
                fixed = [None if cell is None else cell.encode("utf-8", "replace").decode() for cell in cells]
                array = pa.array(fixed, pa.large_string())
            chunks.append(array)
        self.rows = []


def check_columns(count: int, name: str) -> None:
    """Raise `TaskError` when a file has more columns than are read."""
    if count > COLUMNS:
        raise TaskError(f"{name} has more than {COLUMNS:,} columns.")


def check_rows(count: int, name: str) -> None:
    """Raise `TaskError` when a file has more rows than are read."""
    if count > ROWS:
        raise TaskError(f"{name} has more than {ROWS:,} rows; bring a part of it.")


def column_names(header: list[str]) -> list[str]:
    """Names for every column, different from one another, of bounded length."""
    names: dict[str, None] = {}
    for i, cell in enumerate(header):
        name = " ".join(cell.split())[:80] or f"column {i + 1}"
        number = 2
        unique = name
        while unique in names:
            unique = f"{name} ({number})"
            number += 1
        names[unique] = None
    return list(names)

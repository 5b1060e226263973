"""Records of a separated text, read so that a stray quotation mark never swallows other rows. Pure functions.

Python's csv reader reads each record. Where a quoted cell of it is broken, or spans lines that would each be a row by
themselves, the mark was no delimiter: its line is read alone and reading goes on with the next line.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from spafit.tasks.upload.tables import CELL_CHARACTERS

AUTO, QUOTED, PLAIN = "auto", "quoted", "plain"
QUOTES = {
    AUTO: "where they delimit a cell (found out)",
    QUOTED: "always delimit a cell",
    PLAIN: "are ordinary characters",
}
_MIDDLE = 200  # lines in the middle of a long cell that are looked at
_LISTED = 5  # lines that a remark names

Fits = Callable[[str], bool]


@dataclass(frozen=True)
class Dialect:
    """How cells and records are written."""

    delimiter: str
    quotes: str = AUTO  # out of QUOTES
    escaped: bool = False  # a quotation mark in a cell is written \\" (and "" too)
    spaced: bool = False  # a space follows each separator


@dataclass
class Doubts:
    """Where quotation marks were no matter of course, by line."""

    strays: list[int] = field(default_factory=list)  # opened here and read as text
    uncertain: list[tuple[int, int]] = field(default_factory=list)  # one cell, or rows: nothing told them apart
    broken: list[int] = field(default_factory=list)  # cannot be read, when marks always delimit

    def remarks(self) -> list[str]:
        """Return a sentence for each kind of doubt that there is."""
        said = []
        if self.strays:
            said.append(
                f"A quotation mark that delimits no cell was read as text in {_lines(self.strays)}; "
                f"say how quotation marks are meant if that is wrong."
            )
        if self.uncertain:
            spans = [f"{first}-{last}" for first, last in self.uncertain[:_LISTED]]
            more = f" and {len(self.uncertain) - _LISTED:,} more" if len(self.uncertain) > _LISTED else ""
            said.append(
                f"Lines {', '.join(spans)}{more} may be one quoted cell or rows of their own; "
                f"say how quotation marks are meant if they were taken for the wrong one."
            )
        return said


def _lines(numbers: list[int]) -> str:
    named = ", ".join(f"{number:,}" for number in numbers[:_LISTED])
    more = f" and {len(numbers) - _LISTED:,} more" if len(numbers) > _LISTED else ""
    return f"line{'s' if len(numbers) > 1 else ''} {named}{more}"


class Lines(Iterator[str]):
    """A text's lines, one after the other, in which one can go back."""

    def __init__(self, text: str) -> None:
        self.all = list(io.StringIO(text, newline=""))
        self.at = 0

    def __next__(self) -> str:
        if self.at >= len(self.all):
            raise StopIteration
        self.at += 1
        return self.all[self.at - 1]


def records(
    lines: Lines, dialect: Dialect, fits: Fits | None = None, certain: bool = False, doubts: Doubts | None = None
) -> Iterator[tuple[int, list[str]]]:
    """Yield each record's first line, from 1, and its cells.

    Args:
        fits: whether a line looks like a row of this table; without it every clean quoted cell is believed.
        certain: whether `fits` tells more than the number of cells.
        doubts: takes down where quotation marks were no matter of course.
    """
    doubts = doubts or Doubts()
    split = splitter(dialect)
    if dialect.quotes == PLAIN:
        for number, line in enumerate(lines, start=1):
            yield number, line.rstrip("\r\n").split(dialect.delimiter)
        return
    source = _Escaped(lines) if dialect.escaped else lines
    reader = csv.reader(
        source,
        delimiter=dialect.delimiter,
        escapechar="\\" if dialect.escaped else None,
        skipinitialspace=dialect.spaced,
        strict=True,
    )
    wasted, budget = 0, 5 * len(lines.all) + 100_000  # lines that may be read in vain, so that no file takes for ever
    with cell_limit():
        while lines.at < len(lines.all):
            start = lines.at
            if wasted > budget:
                lines.at += 1
                yield lines.at, split(lines.all[start])
                continue
            try:
                row = next(reader)
            except StopIteration:
                return
            except csv.Error:
                row = None
            used = lines.at - start
            if row is not None and (used == 1 or dialect.quotes == QUOTED):
                yield start + 1, row
                continue
            if row is None and dialect.quotes == QUOTED:
                doubts.broken.append(start + 1)
                lines.at = start + 1
                continue
            if row is not None and not _swallowed(lines.all[start : lines.at], fits, certain, doubts, start):
                yield start + 1, row
                continue
            wasted += used
            lines.at = start + 1
            doubts.strays.append(start + 1)
            yield start + 1, split(lines.all[start])


def _swallowed(lines: list[str], fits: Fits | None, certain: bool, doubts: Doubts, start: int) -> bool:
    """Whether a cell over these lines holds rows instead of a text: the lines, read alone, look like rows."""
    if fits is None:
        return False
    step = max((len(lines) - 2) // _MIDDLE, 1)
    looked = [lines[0], *lines[1:-1:step], lines[-1]]
    good = [fits(line) for line in looked]
    share = sum(good) / len(good)
    if certain:
        return share >= 0.8 or (good[0] and good[-1] and share >= 0.5)
    if share == 1:
        doubts.uncertain.append((start + 1, start + len(lines)))
    return share == 1


class _Escaped(Iterator[str]):
    """Lines in which a backslash escapes quotation marks and itself only: before anything else it is doubled."""

    def __init__(self, lines: Lines) -> None:
        self.lines = lines

    def __next__(self) -> str:
        return re.sub(r'\\(?![\\"])', r"\\\\", next(self.lines))


def splitter(dialect: Dialect) -> Callable[[str], list[str]]:
    """Return what divides a line by itself: cells that are quoted as a whole lose their marks, others keep them."""
    separator = re.escape(dialect.delimiter)
    inside = r'[^"\\]|""|\\.' if dialect.escaped else r'[^"]|""'
    space = " ?" if dialect.spaced else ""
    cell = re.compile(rf'{space}"((?:{inside})*+)"(?={separator}|\Z)|([^{separator}]*)')

    def split(line: str) -> list[str]:
        line = line.rstrip("\r\n")
        cells, at = [], 0
        while True:
            found = cell.match(line, at)
            assert found is not None  # it matches nothing too
            quoted = found[1]
            if quoted is None:
                cells.append(found[2])
            elif dialect.escaped:
                cells.append(re.sub(r'""|\\([\\"])', lambda mark: mark[1] or '"', quoted))
            else:
                cells.append(quoted.replace('""', '"'))
            at = found.end() + 1
            if at > len(line):
                return cells

    return split


@contextmanager
def cell_limit() -> Generator[None]:
    """Let csv's cells be as long as ours may be."""
    before = csv.field_size_limit(CELL_CHARACTERS)
    try:
        yield
    finally:
        csv.field_size_limit(before)


def with_escapes(lines: list[str], dialect: Dialect) -> Dialect:
    """Return the dialect with backslash escapes where more lines with \\" are rows when read so than otherwise.

    A row is a line without a broken cell that has as many cells as most lines without \\".
    """
    telling = [line for line in lines if '\\"' in line]
    if not telling:
        return dialect
    widths = Counter(_width(line, dialect) for line in lines if '\\"' not in line)
    width = next((width for width, _ in widths.most_common() if width > 1), None)
    escaped = replace(dialect, escaped=True)
    good = [
        sum(_width(line, one) == width if width else _width(line, one) > 0 for line in telling)
        for one in (dialect, escaped)
    ]
    return escaped if good[1] > good[0] else dialect


def _width(line: str, dialect: Dialect) -> int:
    """Return how many cells a line has by itself; 0 where one is broken."""
    reader = csv.reader([line], delimiter=dialect.delimiter, escapechar="\\" if dialect.escaped else None, strict=True)
    with cell_limit():
        try:
            return len(next(reader, []))
        except csv.Error:
            return 0

"""Separated text files that people bring: CSV, TSV and their kin, with or without quotes, header or title line.

Nothing in a file is executed or interpreted: a cell that starts with "=" is text.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import islice, pairwise

from spafit.tasks.task import TaskError, shortened
from spafit.tasks.upload.cells import number_style
from spafit.tasks.upload.heading import LOOKED_AT, Row, find_heading
from spafit.tasks.upload.records import (
    AUTO,
    PLAIN,
    Dialect,
    Doubts,
    Fits,
    Lines,
    cell_limit,
    records,
    splitter,
    with_escapes,
)
from spafit.tasks.upload.tables import Builder, Table, check_columns

FIRST_CHARACTERS, FIRST_ROWS = 100_000, 200  # what separator and header are found from
KNOWN_ROWS, KNOWN_CHARACTERS = 2_000, 2_000_000  # what the values of a label column are known from
ROW_NAME_CHARACTERS = 25  # on average; longer cells before the columns that have a name are texts
_SAID = re.compile(r"sep=(.)(?=[\r\n])", re.IGNORECASE)  # how Excel says which separator a file has
DELIMITERS = {"\t": "tab", ";": "semicolon", "|": "vertical bar", ",": "comma", " ": "space"}


def read_separated(
    text: str, name: str, suffix: str = "", headed: bool | None = None, quotes: str | None = None
) -> Table:
    """Read a table with a separator between its cells: the one that Excel or the ending says, else found.

    Args:
        suffix: of the file's name; ".tsv" says tab.
        headed: whether the first line names the columns; guessed when absent.
        quotes: what quotation marks are, out of `records.QUOTES`; found when absent.

    Raises:
        TaskError: there is no table of two columns or more, or too many lines do not fit it.
    """
    said = _SAID.match(text)
    skipped = 0
    if said and said[1] in DELIMITERS:
        text, skipped = text[said.end() :].lstrip("\r\n"), 1
    shape = _shape(text, name, quotes or AUTO, said[1] if skipped and said else None, suffix)
    heading = find_heading(shape.rows, shape.width, headed)
    if heading.row_names:
        _check_row_names(
            [cells[0] for line, cells in shape.rows if line > heading.line and len(cells) == shape.width], name
        )
    builder = Builder(name, "line")
    builder.start(heading.names)
    fits, certain = _fitting(text, shape)
    doubts = Doubts()
    header = heading.names[1:] if heading.row_names else heading.names
    for line, found in records(Lines(text), shape.dialect, fits, certain, doubts):
        number, cells = line + skipped, found
        if line < heading.line or (line == heading.line and heading.headed):
            continue
        if len(cells) > shape.width and not any(cell.strip() for cell in cells[shape.width :]):
            cells = found[: shape.width]
        if heading.headed and cells == header:
            builder.skip(f"line {number} repeats the names of the columns")
        elif len(cells) == shape.width:
            builder.add(cells, number)
        elif any(cell.strip() for cell in cells):
            builder.skip(f"line {number} has {len(cells)} columns where {shape.width} are expected")
    for line in doubts.broken:
        builder.skip(f"line {line + skipped} has a quotation mark that opens or closes in the wrong place")
    table = builder.finish("TSV" if shape.dialect.delimiter == "\t" else "CSV")
    table.delimiter, table.headed = DELIMITERS[shape.dialect.delimiter], heading.headed
    table.remarks += doubts.remarks()
    if heading.above:
        table.remarks.append(
            f"{len(heading.above)} line{'s' * (len(heading.above) > 1)} above the table, passed over: "
            f"“{shortened(heading.above[0], 60)}”."
        )
    if heading.beyond:
        table.remarks.append(f"The rows have no cells for the last columns: {', '.join(heading.beyond)[:100]}.")
    if heading.row_names:
        table.remarks.append("The first column has no name: its cells are taken for the rows' names, as R writes them.")
    return table


def _check_row_names(cells: list[str], name: str) -> None:
    """Raise `TaskError` for cells before the named columns that tell no row: a text has a separator in it."""
    if len(set(cells)) < len(cells) or sum(map(len, cells)) > ROW_NAME_CHARACTERS * len(cells):
        raise TaskError(
            f"The rows of {name} have a cell more than it has names of columns; a text with a separator in it needs "
            "quotation marks around it."
        )


@dataclass(frozen=True)
class _Shape:
    """What the first records say of a table."""

    dialect: Dialect
    width: int  # columns
    rows: list[Row]  # the first records
    share: float  # of them that have that many cells
    skipped: int  # of them that stand before the first that has
    spaced: float  # share of cells, the first of each record left out, that begin with a space


def _shape(text: str, name: str, quotes: str, delimiter: str | None, suffix: str) -> _Shape:
    """Return the likeliest shape: where many records agree, the header too, in the rarer separator.

    Raises:
        TaskError: nothing divides the lines.
    """
    start = Lines(_whole_lines(text, FIRST_CHARACTERS))
    if not any(line.strip() for line in start.all):
        raise TaskError(f"{name} has no rows.")
    wanted = [delimiter] if delimiter else [mark for mark in DELIMITERS if mark != " "]
    shapes = [shape for mark in wanted if (shape := _try(start, mark, quotes)) is not None]
    if suffix == ".tsv":
        shapes = [shape for shape in shapes if shape.dialect.delimiter == "\t" and shape.share >= 0.5] or shapes
    if not delimiter and sum(map(_is_spaced, start.all)) >= 0.95 * len(start.all):
        shapes = [shape for shape in (_try(start, " ", quotes),) if shape is not None and shape.share >= 0.95] or shapes
    if not shapes:
        raise TaskError(
            f"{name} has one column only; a comma, semicolon, tab or vertical bar must separate text and label."
        )
    best = max(
        shapes,
        key=lambda shape: (
            shape.share >= 0.8,
            -shape.skipped,
            shape.spaced <= 0.5,
            -list(DELIMITERS).index(shape.dialect.delimiter) if shape.share >= 0.8 else shape.share,
        ),
    )
    check_columns(best.width, name)
    return best


def _is_spaced(line: str) -> bool:
    """Whether a line is as R's write.table writes it unless told otherwise: quoted cells with a space between them."""
    return re.fullmatch(r'("([^"\\]|\\.)*"|-?[\d.]+|NA)( ("([^"\\]|\\.)*"|-?[\d.]+|NA))+', line.strip()) is not None


def _whole_lines(text: str, characters: int) -> str:
    """Return the beginning of a text without a line that is cut, if there is another."""
    if len(text) <= characters:
        return text
    start = text[:characters]
    end = max(start.rfind("\n"), start.rfind("\r"))
    return start[: end + 1] if end > 0 else text


def _try(lines: Lines, delimiter: str, quotes: str) -> _Shape | None:
    """Return what the first records are with this separator; None where it divides nothing."""
    dialect = Dialect(delimiter, quotes)
    if quotes != PLAIN:
        dialect = with_escapes(lines.all, dialect)
        between = re.compile(rf'(?:^|"){re.escape(delimiter)} "')
        if delimiter != " " and sum(bool(between.search(line)) for line in lines.all) > 0.8 * len(lines.all):
            dialect = replace(dialect, spaced=True)
    lines.at = 0
    with cell_limit():
        rows = list(islice(records(lines, dialect), FIRST_ROWS))
    filled = [cells for _, cells in rows if any(cell.strip() for cell in cells)]
    widths = Counter(len(cells) for cells in filled if len(cells) > 1)
    if not widths:
        return None
    width = max(widths, key=lambda width: (widths[width], width))
    # A header may have one name less: R's row names, or a separator that ends every line.
    begins = [len(cells) == width or 2 <= len(cells) == width - 1 for cells in filled[:LOOKED_AT]]
    following = [cell for cells in filled if len(cells) == width for cell in cells[1:]]
    spaced = sum(cell.startswith(" ") for cell in following) / max(len(following), 1)
    skipped = begins.index(True) if True in begins else LOOKED_AT
    return _Shape(dialect, width, rows, widths[width] / len(filled), skipped, spaced)


def _fitting(text: str, shape: _Shape) -> tuple[Fits, bool]:
    """Return what tells a line that is a row of this table, and whether it tells by more than the number of cells.

    Columns whose few values recur (labels), or that hold numbers only, tell: in a row they hold such a value. And where
    all cells are quoted, a line with others is no row.
    """
    lines = Lines(_whole_lines(text, KNOWN_CHARACTERS))
    found = [row for row in islice(records(lines, shape.dialect), KNOWN_ROWS) if len(row[1]) == shape.width]
    rows = [cells for _, cells in found]
    values = {place: some for place in range(shape.width) if (some := _few_values(row[place] for row in rows))}
    numbers = [
        place
        for place in range(shape.width)
        if place not in values and number_style([row[place].strip() for row in rows[1:] if row[place].strip()])
    ]
    cell = r'"(?:[^"\\]|""|\\.)*+"' if shape.dialect.escaped else r'"(?:[^"]|"")*+"'
    whole = re.compile(rf"{cell}(?:{re.escape(shape.dialect.delimiter)} ?{cell})*+")
    starts = [line for line, _ in found[1:]]  # without a header, which may be written otherwise
    alone = [lines.all[line - 1].strip() for line, after in pairwise(starts) if after == line + 1]
    quoted = (
        bool(starts)
        and all(lines.all[line - 1].startswith('"') for line in starts)
        and (
            all(map(whole.fullmatch, alone)) if alone else whole.fullmatch(lines.all[starts[0] - 1].strip()) is not None
        )
    )
    split = splitter(shape.dialect)

    def fits(line: str) -> bool:
        if quoted and not whole.fullmatch(line.strip()):
            return False
        cells = split(line)
        return (
            len(cells) == shape.width
            and all(cells[place].strip() in some for place, some in values.items())
            and all(not cells[place].strip() or number_style([cells[place].strip()]) for place in numbers)
        )

    return fits, bool(values or numbers)


def _few_values(cells: Iterable[str]) -> set[str] | None:
    """Return the values of a column that has few, which recur but for a header and a stray; None for others."""
    counts = Counter(cell.strip() for cell in cells)
    recurring = {value for value, count in counts.items() if count > 1 and len(value) <= 50}
    rare = len(counts) - len(recurring)
    if len(recurring) < 2 or len(recurring) > counts.total() / 5 or rare > max(2, counts.total() / 50):
        return None
    return recurring | {value for value in counts if len(value) <= 50}

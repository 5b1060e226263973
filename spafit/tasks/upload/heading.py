"""Where a table begins: lines of a title above it, the names of its columns, and R's row names. Pure functions."""

from __future__ import annotations

from dataclasses import dataclass

from spafit.tasks.upload.cells import number_style
from spafit.tasks.upload.names import is_usual

LOOKED_AT = 20  # lines in which the header is looked for
NAME_CHARACTERS = 60

Row = tuple[int, list[str]]  # a record's line and cells


@dataclass(frozen=True)
class Heading:
    """The names of the columns, and where the rows begin."""

    names: list[str]
    headed: bool  # whether the file names them
    line: int  # of the header, or of the first row where there is none
    above: tuple[str, ...] = ()  # what stands above, a text a line
    row_names: bool = False  # the rows have a name before the first column that has one
    beyond: tuple[str, ...] = ()  # names of columns that the rows do not have


def find_heading(rows: list[Row], width: int, headed: bool | None) -> Heading:
    """Find the header among the first records of a table of `width` columns.

    Args:
        headed: whether the columns are named; guessed when absent.
    """
    filled = [(line, cells) for line, cells in rows if any(cell.strip() for cell in cells)]
    start = _start(filled, rows, width)
    line, cells = filled[start]
    below = [row for _, row in filled[start + 1 :] if len(row) == width]
    names, row_names = _spread(cells, below, width)
    if headed is None:
        headed = _is_header(names if not row_names else cells, below, row_names)
    above = tuple(" ".join(" ".join(cells).split()) for _, cells in filled[:start])
    beyond = tuple(cells[width:]) if headed else ()
    return Heading(names if headed else [""] * width, headed, line, above, row_names and headed, beyond)


def _start(filled: list[Row], rows: list[Row], width: int) -> int:
    """Return the position of the table's first row, header included: what is above it has too few cells."""
    usual = sorted(sum(bool(cell.strip()) for cell in cells) for _, cells in filled if len(cells) == width)
    typical = usual[len(usual) // 2] if usual else width
    fewest = max(2, typical / 2)

    def may_begin(place: int) -> bool:
        cells = filled[place][1]
        there = sum(bool(cell.strip()) for cell in cells)
        fits = len(cells) == width
        if not fits and _names_columns(cells):  # R's row names; or rows that leave out what is empty at their end
            narrow = len(cells) == width - 1 and place + 1 < len(filled) and len(filled[place + 1][1]) == width
            fits = narrow or (len(cells) > width and _usual_names(cells[:width]) > 0)
        return fits and (there >= fewest or (_names_columns(cells) and _usual_names(cells) > 0))

    looked = range(min(len(filled), LOOKED_AT))
    first = next((place for place in looked if may_begin(place)), 0)
    if _usual_names(filled[first][1]):
        return first
    # Names and values of an export's own description may stand above, in as many columns: then a blank line or two
    # usual names tell where the table begins.
    blank = {line for line, cells in rows if not any(cell.strip() for cell in cells)}
    for place in looked[first + 1 :]:
        line, cells = filled[place]
        usual_names = _usual_names(cells) if _names_columns(cells) and may_begin(place) else 0
        if usual_names >= 2 or (usual_names and line - 1 in blank):
            return place
    return first


def _usual_names(cells: list[str]) -> int:
    return sum(is_usual(cell) for cell in cells)


def _names_columns(cells: list[str]) -> bool:
    """Whether the cells can be names: short, and no numbers."""
    return all(len(cell) <= NAME_CHARACTERS and number_style([cell.strip()]) is None for cell in cells)


def _spread(cells: list[str], below: list[list[str]], width: int) -> tuple[list[str], bool]:
    """Return the header over all columns: one less means a separator at the end of each line, or R's row names."""
    if len(cells) != width - 1:
        return cells[:width], False
    if below and all(not row[-1].strip() for row in below):
        return [*cells, ""], False
    return ["", *cells], True


def _is_header(cells: list[str], below: list[list[str]], row_names: bool) -> bool:
    """Whether cells name columns: no long ones, no numbers, and a usual name or none that recurs below itself."""
    if row_names:
        return True
    if not _names_columns(cells):
        return False
    if _usual_names(cells):
        return True
    others = [row for row in below if row != cells]
    return not any(cell.strip() and cell == row[i] for row in others for i, cell in enumerate(cells))

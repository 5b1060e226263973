"""What a single cell says: a number in one of three ways of writing, nothing, a date, an address. Pure functions."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable

POINT, COMMA, THOUSANDS = "point", "comma", "thousands"  # 3.5; 3,5 or 1.234,5; 1,234.5
_POINT = re.compile(r"[-+−]?(\d+\.?\d*|\.\d+)([eE][-+]?\d{1,3})?")
_COMMA = re.compile(r"[-+−]?(\d{1,3}(\.\d{3})+(,\d*)?|\d+(,\d*)?)")
_THOUSANDS = re.compile(r"[-+−]?(\d{1,3}(,\d{3})+|\d+)(\.\d*)?")
_WHOLE = re.compile(r"[-+−]?\d+(\.0*)?")
_CODE = re.compile(r"[-+−]?0\d+")  # 007: the zeros say something
DASHES = frozenset(("-", "--", "---", "–", "—", "?"))
# What stands for a label that is missing, among words and among numbers: “none” may be a class among words.
NO_WORD = frozenset(("", "nan", "#n/a", "n/a", "null", "<na>", "nat", "\\n"))
NO_NUMBER = NO_WORD | DASHES | {"none", "na", "n.a.", "k.a.", "s/d", "nil", "."}
INFINITE = frozenset(("inf", "infinity"))
_DATE = re.compile(
    r"\d{4}[-/.]\d{1,2}([-/.]\d{1,2})?([T ]\d{1,2}:\d{2}.*)?|\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4}([T ,]+\d{1,2}:\d{2}.*)?"
    r"|\d{1,2}:\d{2}(:\d{2})?(\.\d+)?( ?[AaPp][Mm])?|\d{4}年\d{1,2}月(\d{1,2}日)?"
    r"|\d{1,2}\.? \w{3,9}\.? \d{4}|\w{3,9}\.? \d{1,2},? \d{4}"
    r"|\w{3} \w{3} \d{1,2} \d{2}:\d{2}:\d{2} .{0,12}\d{4}"
)
_ADDRESS = re.compile(r"(https?://|ftp://|www\.)\S+|[\w.+-]+@[\w-]+(\.[\w-]+)+|/?([\w.-]+/)+[\w.-]+\.\w{2,5}")
_MARK = re.compile(r"(?=\S*\d)[\w:.#-]{3,64}", re.ASCII)  # an order number, a hash, a UUID


def number_style(cells: Iterable[str]) -> str | None:
    """Return how the numbers of a column are written; None when a cell is no number, or there is none."""
    styles = {POINT, COMMA, THOUSANDS}
    some, zero_first = False, False
    for cell in cells:
        some = True
        zero_first = zero_first or cell.lstrip("-+−").startswith("0,")
        for style, pattern in ((POINT, _POINT), (COMMA, _COMMA), (THOUSANDS, _THOUSANDS)):
            if style in styles and not pattern.fullmatch(cell):
                styles.discard(style)
        if not styles:
            return None
    if not some:
        return None
    order = (POINT, COMMA, THOUSANDS) if zero_first else (POINT, THOUSANDS, COMMA)
    return next(style for style in order if style in styles)


def number(cell: str, style: str | None = POINT) -> float | None:
    """Return the number that a cell holds, if it is a finite one."""
    plain = cell.strip().replace("−", "-")
    if style == COMMA:
        plain = plain.replace(".", "").replace(",", ".")
    elif style == THOUSANDS:
        plain = plain.replace(",", "")
    try:
        value = float(plain)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def one_spelling(cell: str, style: str | None = POINT) -> str:
    """Return a class that is a number in one spelling: 1, +1, 1.0 and, where commas are decimal, 1,0 are the same."""
    if style == COMMA and number_style([cell]) is not None:
        cell = cell.replace(".", "").replace(",", ".")
    elif style == THOUSANDS and number_style([cell]) is not None:
        cell = cell.replace(",", "")
    if not _POINT.fullmatch(cell) or _CODE.fullmatch(cell) or "e" in cell.lower():
        return cell
    cell = cell.replace("−", "-").removeprefix("+")
    if _WHOLE.fullmatch(cell):
        return str(int(cell.split(".")[0]))
    return f"{float(cell):.15g}"


def is_whole(cell: str, style: str | None) -> bool:
    """Whether a number has no decimals."""
    if style == COMMA:
        cell = cell.replace(".", "").replace(",", ".")
    elif style == THOUSANDS:
        cell = cell.replace(",", "")
    return bool(_WHOLE.fullmatch(cell))


def is_date(cell: str) -> bool:
    """Whether a cell is a date or a time of day."""
    return bool(_DATE.fullmatch(cell))


def is_address(cell: str) -> bool:
    """Whether a cell is a web or mail address, or a path."""
    return bool(_ADDRESS.fullmatch(cell))


def is_mark(cell: str) -> bool:
    """Whether a cell looks like a mark that tells a row from all others."""
    return bool(_MARK.fullmatch(cell))

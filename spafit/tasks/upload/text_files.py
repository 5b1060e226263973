"""Text files that people bring: CSV and TSV with or without quotes, JSON lines, in any usual encoding.

Nothing in a file is executed or interpreted: a cell that starts with "=" is text.
"""

from __future__ import annotations

import codecs
import csv
import io
import itertools
import json
import re
from collections.abc import Generator
from contextlib import contextmanager, suppress

from spafit.tasks.task import TaskError
from spafit.tasks.upload.columns import KNOWN_NAMES
from spafit.tasks.upload.tables import CELL_CHARACTERS, PROBLEMS_SHOWN, Builder, Table, check_columns, check_rows

FIRST_CHARACTERS, FIRST_ROWS = 100_000, 200  # what separator and header are guessed from
_SAID = re.compile(r"sep=(.)(?=[\r\n])", re.IGNORECASE)  # how Excel says which separator a file has
DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "vertical bar"}


def decode(data: bytes, name: str) -> tuple[str, str]:
    """Bytes of a text file as text, and the name of the encoding: by its byte order mark, else by what fits.

    Raises:
        TaskError: it is no text.
    """
    text, encoding = _decoded(data, name)
    if "\x00" in text:
        line = text[: text.index("\x00")].count("\n") + 1
        raise TaskError(f"{name} is not a text file: it contains zero characters, the first in line {line}.")
    return text, encoding


def _decoded(data: bytes, name: str) -> tuple[str, str]:
    for mark, codec, label in (
        (codecs.BOM_UTF8, "utf-8-sig", "UTF-8 with byte order mark"),
        (codecs.BOM_UTF32_LE, "utf-32", "UTF-32"),  # before UTF-16, whose mark it starts with
        (codecs.BOM_UTF32_BE, "utf-32", "UTF-32"),
        (codecs.BOM_UTF16_LE, "utf-16", "UTF-16"),
        (codecs.BOM_UTF16_BE, "utf-16", "UTF-16"),
    ):
        if data.startswith(mark):
            try:
                return data.decode(codec), label
            except UnicodeDecodeError as error:
                raise TaskError(f"{name} says that it is {label} but is not (byte {error.start + 1}).") from error
    if b"\x00" in data:
        even, odd = data[0:2000:2].count(0), data[1:2000:2].count(0)
        codec = "utf-16-le" if odd > 4 * max(even, 1) else "utf-16-be" if even > 4 * max(odd, 1) else None
        if codec is not None:
            try:
                return data.decode(codec), "UTF-16"
            except UnicodeDecodeError:
                pass
        line = data[: data.index(b"\x00")].count(b"\n") + 1
        raise TaskError(f"{name} is not a text file: it contains zero bytes, the first in line {line}.")
    try:
        return data.decode("utf-8"), "UTF-8"
    except UnicodeDecodeError:
        pass
    control = sum(data[:10_000].count(byte) for byte in range(32) if byte not in (9, 10, 12, 13, 27))
    if control > len(data[:10_000]) / 100:
        raise TaskError(f"{name} is not a text file.")
    _refuse_a_mixture(data, name)
    try:
        return data.decode("cp1252"), "Latin-1 (Windows-1252)"
    except UnicodeDecodeError:
        return data.decode("latin-1"), "Latin-1"


def _refuse_a_mixture(data: bytes, name: str) -> None:
    """Raise `TaskError` for UTF-8 with some other bytes in it: as Latin-1 everything else would turn to gibberish."""
    text = data.decode("utf-8", "replace")
    wrong = text.count("\ufffd")
    if len(text) - len(text.encode("ascii", "ignore")) - wrong > wrong:
        line = text[: text.index("\ufffd")].count("\n") + 1
        raise TaskError(f"{name} is UTF-8 but for some characters, the first in line {line}; save it as UTF-8.")


def other_kind(text: str, kind: str) -> str | None:
    """What a text is instead of what its file's name says, `kind`; None where nothing speaks against the name."""
    start = text[:FIRST_CHARACTERS].lstrip()
    if start[:15].lower().startswith(("<!doctype html", "<html")):
        return "a web page"
    if kind != "JSON lines" and re.match(r"\[\s*\{|\{\s*\"(?:[^\"\\]|\\.)*\"\s*:", start):
        return "JSON"
    return None


def read_separated(text: str, name: str, suffix: str, headed: bool | None = None) -> Table:
    """CSV, or TSV when the ending says so: then without quotes where that fits better, as GLUE and others write it.

    Args:
        headed: whether the first line names the columns; guessed when absent.
    """
    if suffix != ".tsv":
        said = _SAID.match(text)
        if said and said[1] in DELIMITERS:
            return _rows_of(text[said.end() :], name, said[1], quotes=True, headed=headed)
        return _rows_of(text, name, _delimiter(text), quotes=True, headed=headed)
    try:
        quoted = _rows_of(text, name, "\t", quotes=True, headed=headed)
    except TaskError:
        return _rows_of(text, name, "\t", quotes=False, headed=headed)
    if not quoted.malformed:
        return quoted
    plain = _rows_of(text, name, "\t", quotes=False, headed=headed)
    return plain if plain.malformed < quoted.malformed else quoted


def _delimiter(text: str) -> str:
    """The separator that divides the first lines into the most columns, the same number in (almost) each."""
    best, most = ",", 0.0
    for delimiter in DELIMITERS:
        widths = [len(row) for row in _first_rows(text, delimiter, quotes=True)]
        if not widths or widths[0] < 2:
            continue
        score = widths[0] * sum(width == widths[0] for width in widths) / len(widths)
        if score > most:
            best, most = delimiter, score
    return best


def _first_rows(text: str, delimiter: str, *, quotes: bool) -> list[list[str]]:
    rows: list[list[str]] = []
    quoting = csv.QUOTE_MINIMAL if quotes else csv.QUOTE_NONE
    with _cell_limit(), suppress(csv.Error):
        start = io.StringIO(text[:FIRST_CHARACTERS], newline="")
        rows.extend(itertools.islice(csv.reader(start, delimiter=delimiter, quoting=quoting), FIRST_ROWS))
    return rows


def _rows_of(text: str, name: str, delimiter: str, *, quotes: bool, headed: bool | None) -> Table:
    builder = Builder(name, "line")
    quoting = csv.QUOTE_MINIMAL if quotes else csv.QUOTE_NONE
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, quoting=quoting, strict=True)
    started = 1
    with _cell_limit():
        try:
            header = next((row for row in reader if any(cell.strip() for cell in row)), None)
            if header is None:
                raise TaskError(f"{name} has no rows.")
            if len(header) < 2:
                raise TaskError(
                    f"{name} has one column only; a comma, semicolon, tab or vertical bar must separate text and label."
                )
            if headed is None:
                headed = _is_header(header, _first_rows(text, delimiter, quotes=quotes))
            builder.start(header if headed else [""] * len(header))
            if not headed:
                builder.add(header, reader.line_num)
            started = reader.line_num + 1
            for row in reader:
                if headed and row == header:
                    builder.skip(f"line {started} repeats the names of the columns")
                elif len(row) == len(header):
                    builder.add(row, started)
                elif any(cell.strip() for cell in row):
                    builder.skip(f"line {started} has {len(row)} columns where {len(header)} are expected")
                started = reader.line_num + 1
        except csv.Error as error:
            raise TaskError(_csv_problem(error, name, started)) from error
    table = builder.finish("TSV" if delimiter == "\t" else "CSV")
    table.delimiter, table.headed = DELIMITERS[delimiter], headed
    return table


def _is_header(header: list[str], rows: list[list[str]]) -> bool:
    """Whether a first row names columns: short cells, no number, a usual name or none that recurs below itself."""
    if any(len(cell) > 60 or _is_number(cell) for cell in header):
        return False
    if any(cell.strip().lower() in KNOWN_NAMES for cell in header):
        return True
    below = [row for row in rows if len(row) == len(header) and row != header]
    return not any(cell.strip() and cell == row[i] for row in below for i, cell in enumerate(header))


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _csv_problem(error: csv.Error, name: str, line: int) -> str:
    what = str(error)
    if "field limit" in what:
        return f"{name}, line {line}: a cell has more than {CELL_CHARACTERS:,} characters, or a quotation mark is open."
    if "unexpected end" in what:
        return f"{name}, line {line}: a quotation mark is opened and never closed."
    if "expected after" in what:
        return f"{name}, line {line}: text follows a closing quotation mark; write a quotation mark in a cell twice."
    return f"{name}, line {line} cannot be read ({what})."


@contextmanager
def _cell_limit() -> Generator[None]:
    before = csv.field_size_limit(CELL_CHARACTERS)
    try:
        yield
    finally:
        csv.field_size_limit(before)


def read_jsonl(text: str, name: str) -> Table:
    """One JSON object a line; anything else on a line is left out and counted."""
    if text.lstrip()[:1] == "[":
        raise TaskError(f"{name} is one JSON list; write one object a line (JSON lines).")
    rows: list[dict[str, str | None]] = []
    numbers: list[int] = []
    columns: dict[str, None] = {}
    skipped: list[str] = []
    malformed = 0
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            value = None
        if not isinstance(value, dict):
            malformed += 1
            if len(skipped) < PROBLEMS_SHOWN:
                skipped.append(f"line {number} is no JSON object")
            continue
        rows.append({str(key): _json_cell(cell) for key, cell in value.items()})
        numbers.append(number)
        columns.update(dict.fromkeys(rows[-1]))
        check_columns(len(columns), name)
        check_rows(len(rows), name)
    if not rows:
        raise TaskError(f"{name} has no line with a JSON object.")
    builder = Builder(name, "line")
    builder.start(list(columns))
    for row, number in zip(rows, numbers, strict=True):
        builder.add([row.get(column) for column in columns], number)
    table = builder.finish("JSON lines")
    table.malformed, table.problems = malformed, skipped
    if malformed > len(rows):
        raise TaskError(f"{name} is not JSON lines: {skipped[0]}.")
    return table


def _json_cell(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if value != value:  # NaN, which JSON has not but Python and pandas write
        return None
    return json.dumps(value, ensure_ascii=False)

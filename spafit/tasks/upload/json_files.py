"""JSON that people bring: an object a line, a list of objects, or a table as pandas writes it in one of its ways."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from spafit.tasks.task import TaskError
from spafit.tasks.upload.heading import find_heading
from spafit.tasks.upload.tables import Builder, Table, check_columns, check_rows

LOOKED_AT = 2_000_000  # characters in which a line with an object of its own is looked for
LISTED_AT = 20  # lists by which it is known whether the first has names
RECORDS, LISTS = "nested records", "lists"
Row = tuple[int, dict[str, Any]]  # its line, or its number, and its cells


def read_json(text: str, name: str) -> Table:
    """Read a table written as JSON.

    Raises:
        TaskError: it is none, or holds something else than rows with cells.
    """
    start = [line for line in text[:LOOKED_AT].split("\n") if line.strip()]
    by_line = [value for line in start[:20] if isinstance(value := _value(line), dict)]
    if not by_line or text.lstrip()[:1] == "[":
        return _built(_whole(text, name), name, "JSON", "row")
    one = _table(by_line[0], name) if len(start) == 1 else None  # a whole table in its only line
    return _lines(text, name) if one is None else _built(one, name, "JSON", "row")


def _lines(text: str, name: str) -> Table:
    """One JSON object a line; anything else on a line is left out and counted."""
    rows: list[Row] = []
    wrong: list[int] = []
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            value = _value(line)
            if isinstance(value, dict):
                rows.append((number, value))
                check_rows(len(rows), name)
            else:
                wrong.append(number)
    return _built(rows, name, "JSON lines", "line", [f"line {number} is no JSON object" for number in wrong])


def _value(text: str) -> Any:
    """Return what a text says in JSON; None where it is none."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _whole(text: str, name: str) -> list[Row]:
    """Return the rows of a file that is one JSON value, or several that go over lines."""
    decoder = json.JSONDecoder()
    values, at = [], 0
    try:
        while at < len(text):
            if text[at] in " \t\r\n\ufeff":
                at += 1
                continue
            value, at = decoder.raw_decode(text, at)
            values.append(value)
            check_rows(len(values), name)
    except RecursionError as error:
        raise TaskError(f"{name} has records nested too deeply to be a table.") from error
    except ValueError as error:
        line = text[: getattr(error, "pos", at)].count("\n") + 1
        raise TaskError(f"{name} is no JSON: line {line} cannot be read ({getattr(error, 'msg', error)}).") from error
    if not values:
        raise TaskError(f"{name} has no rows.")
    if len(values) > 1:
        return _numbered(values, name)
    rows = _table(values[0], name)
    if rows is None:
        if isinstance(values[0], dict) and values[0]:
            nested = [key for key, value in values[0].items() if isinstance(value, dict | list)]
            if nested:
                raise TaskError(
                    f"{name} has nested records (in {', '.join(nested[:5])}); bring a list of flat ones, or a table."
                )
            return _numbered(values, name)
        raise TaskError(f"{name} is JSON, but no table: write a list of objects, or one object a line.")
    return rows


def _numbered(values: Iterable[Any], name: str) -> list[Row]:
    rows = []
    for number, value in enumerate(values, start=1):
        if not isinstance(value, dict):
            raise TaskError(f"{name} is a JSON list of something else than objects (entry {number} is none).")
        rows.append((number, value))
    check_rows(len(rows), name)
    return rows


def _table(value: Any, name: str) -> list[Row] | None:
    """Return the rows of one JSON value: a list of records, or a table in one of pandas' orientations; else None."""
    if isinstance(value, list) and value:
        if all(isinstance(row, list) for row in value):  # a list of lists, the names first or none
            named = find_heading([(1, [*map(_word, row)]) for row in value[:LISTED_AT]], len(value[0]), None).headed
            columns = value[0] if named else [f"column {place + 1}" for place in range(len(value[0]))]
            return _split(columns, value[named:], name)
        return _numbered(value, name)
    if not isinstance(value, dict) or not value:
        return None
    if isinstance(value.get("columns"), list) and isinstance(value.get("data"), list):
        return _split(value["columns"], value["data"], name)
    cells = list(value.values())
    if all(isinstance(cell, dict) for cell in cells):
        keys = [key for cell in cells[:100] for key in cell]
        by_column = len(value) < len(set(keys)) or all(key.isdecimal() for key in keys)
        return _from_columns(value, name) if by_column else _numbered(cells, name)
    if all(isinstance(cell, list) for cell in cells) and len({len(cell) for cell in cells}) == 1 and len(cells) > 1:
        return _from_columns({key: dict(enumerate(cell)) for key, cell in value.items()}, name)
    lists = [cell for cell in cells if isinstance(cell, list) and cell and all(isinstance(row, dict) for row in cell)]
    return _numbered(lists[0], name) if len(lists) == 1 else None


def _word(value: Any) -> str:
    return "" if value is None else str(value)


def _split(columns: list[Any], data: list[Any], name: str) -> list[Row]:
    if any(not isinstance(row, list) or len(row) != len(columns) for row in data) or any(
        isinstance(column, dict | list) for column in columns
    ):
        raise TaskError(f"{name} has rows of another length than its list of columns.")
    return _numbered((dict(zip(map(str, columns), row, strict=True)) for row in data), name)


def _from_columns(columns: dict[str, dict[Any, Any]], name: str) -> list[Row]:
    keys = list(dict.fromkeys(key for cells in columns.values() for key in cells))
    check_rows(len(keys), name)
    return _numbered(({column: cells.get(key) for column, cells in columns.items()} for key in keys), name)


def _built(rows: list[Row], name: str, format: str, unit: str, problems: Iterable[str] = ()) -> Table:
    columns: dict[str, None] = {}
    for _, row in rows:
        columns.update(dict.fromkeys(map(str, row)))
        check_columns(len(columns), name)
    if not rows:
        raise TaskError(f"{name} has no line with a JSON object.")
    builder = Builder(name, unit)
    builder.start(list(columns))
    names = dict(zip(columns, builder.names, strict=True))
    nested: dict[str, str] = {}
    for number, row in rows:
        builder.add([_cell(value, names[column], nested) for column, value in _in_order(row, columns)], number)
    for problem in problems:
        builder.skip(problem)
    table = builder.finish(format)
    table.nested = nested
    return table


def _in_order(row: dict[str, Any], columns: Iterable[str]) -> Iterator[tuple[str, Any]]:
    by_name = {str(column): value for column, value in row.items()}
    return ((column, by_name.get(column)) for column in columns)


def _cell(value: Any, column: str, nested: dict[str, str]) -> str | None:
    """Return a value as a cell; of a list with one value that value, and of what is nested a note of it."""
    if isinstance(value, list) and len(value) == 1 and not isinstance(value[0], dict | list):
        value = value[0]
    if value is None or isinstance(value, str):
        return value
    if value != value:  # NaN, which JSON has not but Python and pandas write
        return None
    if isinstance(value, list) and not value:
        return None
    if isinstance(value, dict | list):
        within = isinstance(value, dict) or any(isinstance(one, dict) for one in value)
        nested.setdefault(column, RECORDS if within else LISTS)
    try:
        return json.dumps(value, ensure_ascii=False)
    except RecursionError:
        return None

"""How results are written: JSON for programs, tables for people, notes on stderr."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterable, Sequence
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table


def print_json(document: Any) -> None:
    """Print a document as one line of JSON on stdout, in ASCII so that any terminal or pipe can take it.

    NaN and infinities, which JSON has not, become null.
    """
    print(json.dumps(_finite(document), allow_nan=False))


def note(text: str) -> None:
    """Print a line for the person on stderr."""
    print(text, file=sys.stderr)


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, title: str | None = None) -> None:
    """Print a table on stdout: numbers to the right, nothing taken for markup, nothing cut off when piped."""
    console = Console(width=None if sys.stdout.isatty() else 200, highlight=False)
    table = Table(title=escape(title) if title else None, title_justify="left", box=None, pad_edge=False)
    listed = [list(row) for row in rows]
    for place, column in enumerate(columns):
        right = any(isinstance(row[place], int | float) for row in listed)
        table.add_column(column, justify="right" if right else "left", overflow="fold")
    for row in listed:
        table.add_row(*(escape(_cell(value)) for value in row))
    console.print(table)


def print_facts(facts: Iterable[tuple[str, object]]) -> None:
    """Print names and values, one pair a line."""
    listed = [(name, _cell(value)) for name, value in facts if value is not None]
    width = max((len(name) for name, _value in listed), default=0)
    for name, value in listed:
        print(f"{name.ljust(width)}  {value}")


def scores(metrics: dict[str, float]) -> str:
    """Return metrics on one line: ``accuracy 0.712, f1 0.700``."""
    return ", ".join(f"{name} {value:.3f}" for name, value in metrics.items())


def share(trainable: int, total: int) -> str:
    """Return a count with its share: ``67,202 (0.295 %)``."""
    return f"{trainable:,} ({100 * trainable / total:.3g} %)"


def _cell(value: object) -> str:
    if value is None:
        return ""
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value

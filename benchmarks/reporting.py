"""What the training benchmarks share: the machine they ran on, tables, and results as JSON."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from spafit.runs.facts import hardware, versions

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "benchmarks" / "results"
OUTPUTS = (":!benchmarks/results", ":!docs")  # where figures are written is no change of what is measured


def machine() -> dict[str, Any]:
    """Processor, cores, memory, versions, the commit, and how busy the machine was before we began."""
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    return {
        "hardware": hardware(),
        "versions": versions(),
        "python": platform.python_version(),
        "commit": commit(),
        "load_before": load,
        "when": datetime.now(UTC).strftime("%Y-%m-%d"),
    }


def commit() -> str:
    """Return the commit that is checked out, with "+" where its files are others; empty when none is known."""
    changed = _git("status", "--porcelain", "-uno", "--", ".", *OUTPUTS)
    return _git("rev-parse", "--short", "HEAD") + ("+" if changed else "")


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()


def save(name: str, facts: dict[str, Any], results: dict[str, Any]) -> None:
    """Write benchmarks/results/NAME.json."""
    RESULTS.mkdir(exist_ok=True)
    document = {"benchmark": name, "machine": facts, **results}
    path = RESULTS / f"{name}.json"
    path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    print(f"\nwritten: benchmarks/results/{path.name}")


def earlier(name: str) -> dict[str, Any]:
    """Return what `save` wrote before under this name, so that a benchmark can be done in parts; empty when nothing."""
    path = RESULTS / f"{name}.json"
    return json.loads(path.read_text("utf-8")) if path.is_file() else {}


def table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print rows in columns."""
    cells = [[str(cell) for cell in row] for row in (header, *rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(header))]
    for number, row in enumerate(cells):
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
        if number == 0:
            print("  ".join("-" * width for width in widths))

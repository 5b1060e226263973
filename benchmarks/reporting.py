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

RESULTS = Path(__file__).parent / "results"


def machine() -> dict[str, Any]:
    """Processor, cores, memory, versions, the commit, and how busy the machine was before we began."""
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, cwd=Path(__file__).parent, check=False
    )
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    return {
        "hardware": hardware(),
        "versions": versions(),
        "python": platform.python_version(),
        "commit": commit.stdout.strip(),
        "load_before": load,
        "when": datetime.now(UTC).strftime("%Y-%m-%d"),
    }


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

"""Results of long benchmarks, one JSON line a run, so that they can be stopped and go on where they were."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from benchmarks.reporting import RESULTS


def path_of(name: str) -> Path:
    """Where the lines of a benchmark are."""
    return RESULTS / f"{name}.jsonl"


def lines(name: str) -> list[dict[str, Any]]:
    """All lines so far; a last one that was cut off is left out."""
    path = path_of(name)
    found = []
    for line in path.read_text("utf-8").splitlines() if path.is_file() else ():
        try:
            found.append(json.loads(line))
        except ValueError:
            continue
    return found


def append(name: str, line: dict[str, Any]) -> None:
    """Add a line, whole and at once."""
    path_of(name).parent.mkdir(exist_ok=True)
    with path_of(name).open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")
        file.flush()
        os.fsync(file.fileno())


def still_to_do(name: str, jobs: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the jobs of which no line has all the values, in their order."""
    done = lines(name)
    return [job for job in jobs if not any(job.items() <= line.items() for line in done)]

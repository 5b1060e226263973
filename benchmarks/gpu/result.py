"""What a part has found, on disk from its first figure on."""

from __future__ import annotations

import json
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from benchmarks.gpu.material import Material

SCHEMA = 1
Check = Callable[[], dict[str, Any]]
Work = Callable[..., Iterator[tuple[str, Check]]]


class Skipped(Exception):  # noqa: N818 - no error
    """A check that means nothing on this device, with the reason."""


def write(path: Path, document: dict[str, Any]) -> None:
    """Write a document whole, or leave the one before."""
    unfinished = path.with_suffix(".new")
    unfinished.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    unfinished.replace(path)


def read(path: Path) -> dict[str, Any]:
    """Return what was written; empty when nothing was."""
    return json.loads(path.read_text("utf-8")) if path.is_file() else {}


def carry_out(work: Work, given: Material, options: dict[str, Any], path: Path, about: dict[str, Any]) -> None:
    """Do every check of a part, one after the other whatever becomes of the others, and write down each at once."""
    results: dict[str, Any] = {}
    document = {"schema": SCHEMA, "part": path.stem, "state": "running", "about": about, "results": results}
    write(path, document)
    for name, check in work(given, **options):
        try:
            results[name] = check()
        except Skipped as reason:
            results[name] = {"skipped": str(reason)}
        except Exception as error:
            said = " ".join(str(error).split())[:300]
            results[name] = {"ok": False, "failed": f"{type(error).__name__}: {said}", "where": traceback.format_exc()}
        write(path, document)
    document["state"] = "done"
    write(path, document)

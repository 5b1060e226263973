"""A sweep's results as rows, one a run, for programs and for spreadsheets. Pure."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

from spafit.maps.sweep import Row
from spafit.tasks.upload.export import neutral

SCORES = ("validation_metrics", "validation_baseline", "metrics", "baseline")
PREFIXES = {
    "validation_metrics": "validation_",
    "validation_baseline": "validation_baseline_",
    "metrics": "test_",
    "baseline": "test_baseline_",
}
"""What a metric's name begins with in a spreadsheet."""


def result(row: Row) -> dict[str, Any]:
    """Return a run's result as JSON types; what it has not come to yet is empty or null."""
    cell, run = row.to_dict(), row.run
    names = {"setting": cell["name"], "n1": cell["n1"], "n2": cell["n2"], "method": cell["method"]}
    names |= {"seed": cell["seed"], "lr": cell["lr"], "run": cell["run"], "state": cell["state"]}
    return names | {
        "owner": "" if run is None else run.owner,
        "origin": None if run is None else run.origin.value,
        "reason": None if run is None else run.reason,
        **{key: {} if run is None else getattr(run, key) for key in SCORES},
        "trainable": cell["trainable"],
        "total": None if run is None else run.total,
        "seconds": cell["seconds"],
        "device": None if run is None else run.device,
        "versions": {} if run is None else run.versions,
        "engine_generation": None if run is None else run.engine_generation,
        "hardware": {} if run is None else run.hardware,
    }


def to_csv(results: Sequence[Mapping[str, Any]]) -> str:
    """Return results as CSV with a header; each metric has a column of its own, and no cell acts as a formula."""
    metrics = {key: list(dict.fromkeys(name for one in results for name in one[key])) for key in SCORES}
    plain = [key for key in (results[0] if results else {}) if key not in (*SCORES, "versions", "hardware")]
    scored = [(key, name) for key in SCORES for name in metrics[key]]
    output = io.StringIO(newline="")
    writer = csv.writer(output, lineterminator="\n")
    writer.writerow([*plain, *(PREFIXES[key] + name for key, name in scored), "versions", "hardware"])
    for one in results:
        facts = ["; ".join(f"{name} {value}" for name, value in one[key].items()) for key in ("versions", "hardware")]
        cells = [*(one[key] for key in plain), *(one[key].get(name) for key, name in scored), *facts]
        writer.writerow(neutral(cell) if isinstance(cell, str) else cell for cell in cells)
    return output.getvalue()

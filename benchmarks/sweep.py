"""What a sweep's shared process saves: ten cells of the bundled model as one sweep, then by ten `spafit train` calls.

    python -m benchmarks.sweep [--cells coarse]

Per cell, from the end of the one before to its own end: how much of that is neither training nor evaluating. The final
evaluation of the full model is evaluating; it has a phase of its own and so is shown apart. The first cell of a depth
computes its frozen layers once, and is not held to the limit. Both halves have a data folder of their own. Figures of
the two halves are compared too.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.reporting import machine, save, table
from spafit.maps.cells import cells
from spafit.models.registry import BUNDLED
from spafit.runs import Run, Store

TASK, LAYERS, ALLOWED = "rotten-tomatoes", 6, 2.0
TRAINS = ("training", "evaluating")
"""Phases; the final evaluation is one of its own."""


def spafit(home: Path, *arguments: str) -> dict[str, Any]:
    """Run a command with its own data folder, and return the JSON of its last line."""
    command = [sys.executable, "-m", "spafit", *arguments, "--json"]
    environment = os.environ | {"SPAFIT_HOME": str(home), "SPAFIT_IDLE_SECONDS": "0"}
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def as_sweep(home: Path, which: str) -> list[dict[str, Any]]:
    """Sweep, and return what each cell took in the order in which they ran."""
    begun = datetime.now(UTC)
    told = spafit(home, "sweep", BUNDLED, TASK, "--cells", which, "--quick", "--yes")
    store = _store(home)
    runs = sorted((store.get(cell["run"]) for cell in told["cells"]), key=lambda run: run.ended_at or begun)
    found = []
    for run in runs:
        assert run.ended_at is not None
        found.append(_took(store, run, (run.ended_at - begun).total_seconds()))
        begun = run.ended_at
    return found


def as_calls(home: Path, which: str) -> list[dict[str, Any]]:
    """Train cell by cell with a command each, and return what each took."""
    found = []
    for n1, n2 in cells(which, LAYERS):
        begun = datetime.now(UTC)
        told = spafit(home, "train", BUNDLED, TASK, "--n1", str(n1), "--n2", str(n2), "--quick")
        seconds = (datetime.now(UTC) - begun).total_seconds()
        store = _store(home)
        found.append(_took(store, store.get(told["run"]), seconds))
    return found


def _store(home: Path) -> Store:
    return Store.open(f"sqlite:///{home / 'spafit.db'}", home)


def _took(store: Store, run: Run, seconds: float) -> dict[str, Any]:
    finished = next(event for _seq, event in store.events(run.id) if event["kind"] == "finished")
    phases = dict(finished["timeline"])
    trains = sum(phases.get(name, 0.0) for name in TRAINS)
    return {
        "cell": run.name,
        "n1": run.n1,
        "seconds": seconds,
        "trains": trains,
        "final": phases["final"],
        "outside": seconds - trains - phases["final"],
        "phases": phases,
        "process": (run.process or "").split("/")[2],
        "scores": [run.metrics, run.validation_metrics],
    }


def main() -> None:
    """Measure both halves, print and write down."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cells", default="coarse", help="as in spafit sweep (default: coarse, ten cells)")
    which = parser.parse_args().cells
    facts = machine()
    with tempfile.TemporaryDirectory() as first, tempfile.TemporaryDirectory() as second:
        swept, called = as_sweep(Path(first), which), as_calls(Path(second), which)
    alone = {one["cell"]: one for one in called}
    rows = [
        (
            one["cell"],
            *(f"{one[key]:.1f}" for key in ("seconds", "trains", "final", "outside")),
            *(f"{alone[one['cell']][key]:.1f}" for key in ("seconds", "trains", "final", "outside")),
            "equal" if one["scores"] == alone[one["cell"]]["scores"] else "DIFFERENT",
        )
        for one in swept
    ]
    columns = ("seconds", "trains", "final", "outside")
    table(("cell", *columns, *(f"alone: {name}" for name in columns), "scores"), rows)
    seen: set[int | None] = set()
    later = []
    for one in swept:
        if one["n1"] in seen:
            later.append(one["outside"])
        seen.add(one["n1"])
    total, by_calls = sum(one["seconds"] for one in swept), sum(one["seconds"] for one in called)
    processes = len({one["process"] for one in swept})
    verdict = "ok" if later and max(later) <= ALLOWED else "MISSED"
    print(f"\n{len(swept)} cells: {total:.0f} s as a sweep ({processes} process), {by_calls:.0f} s by as many calls.")
    print(
        f"Outside, after the first cell of a depth: at most {max(later, default=0):.2f} s of {ALLOWED:g} s. {verdict}"
    )
    save("sweep", facts, {"model": BUNDLED, "task": TASK, "settings": "quick", "sweep": swept, "calls": called})


if __name__ == "__main__":
    main()

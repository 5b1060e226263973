"""From launch to the first point of the curve, cold and warm, and how right the estimate of the time left is.

    python -m benchmarks.first_point [--repeats 3]

cold: a fresh process that has imported nothing, with an empty data folder. again: a fresh process, with the data
prepared and the prefix cached by the run before. warm: a process that waited with PyTorch and transformers loaded, as
the supervisor keeps one. The run is the quick default; seconds are from launch to the first training loss, to the first
accuracy, and to the end.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from typing import Any

from benchmarks.reporting import machine, save, table
from spafit.models.registry import BUNDLED
from spafit.stratification import parse_name
from spafit.training.config import QUICK, RunSpec

CHILD = """
import sys, time
launched = time.time() if sys.argv[1] == "warm" else float(sys.argv[2])
if sys.argv[1] == "warm":
    from spafit.runs.preload import preload
    preload()
    launched = time.time()
from benchmarks.first_point import story
story(launched)
"""


def story(launched: float) -> None:
    """Train with the quick settings; print when what came, in seconds since `launched`, as JSON."""
    from spafit.training.events import Evaluated, Finished, Started, Step
    from spafit.training.loop import train

    seen: dict[str, Any] = {}
    estimates = []
    for event in train(RunSpec(BUNDLED, "rotten-tomatoes", parse_name("SPAFIT-2-4", 6), QUICK)):
        now = time.time() - launched
        if isinstance(event, Started):
            total = event.total_steps
        elif isinstance(event, Step):
            seen.setdefault("first_loss", now)
            if event.remaining is not None and event.step >= total / 10:
                estimates.append((now, event.remaining))
        elif isinstance(event, Evaluated):
            seen.setdefault("first_accuracy", now)
            seen["last_accuracy"] = now
        elif isinstance(event, Finished):
            seen["end"] = now
            seen["timeline"] = dict(event.timeline)
            seen["estimates"] = [(left - (now - at)) / (now - at) for at, left in estimates if now - at > 1]
    print(json.dumps(seen))


def launch(kind: str, home: str) -> dict[str, Any]:
    """Run one child and return its story."""
    environment = os.environ | {"SPAFIT_HOME": home, "HF_HUB_OFFLINE": "1"}
    command = [sys.executable, "-c", CHILD, kind, str(time.time())]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
    return json.loads(done.stdout.strip().splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    facts = machine()
    told: dict[str, list[dict[str, Any]]] = {"cold": [], "again": [], "warm": []}
    for _ in range(options.repeats):
        with tempfile.TemporaryDirectory() as home:
            for kind in told:
                told[kind].append(launch(kind, home))
    rows, results = [], {}
    for kind, stories in told.items():
        moments = {
            name: round(statistics.median(story[name] for story in stories), 2)
            for name in ("first_loss", "first_accuracy", "last_accuracy", "end")
        }
        first = [story["estimates"][0] for story in stories if story["estimates"]]
        worst = max((abs(error) for error in first), default=0.0)
        rows.append((kind, *moments.values(), f"{worst:.0%}"))
        results[kind] = moments | {"timeline": stories[0]["timeline"], "estimate_errors_after_a_tenth": first}
    table(("", "first loss, s", "first accuracy, s", "last accuracy, s", "end, s", "estimate off by"), rows)
    save("first_point", facts, {"starts": results})


if __name__ == "__main__":
    main()

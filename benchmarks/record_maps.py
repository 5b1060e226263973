"""Records the boundary maps that come with the project.

    python -m benchmarks.record_maps [--map rotten-tomatoes] [--device cpu] [--minutes 5] [--part 2/8] [--lines FOLDER]
    python -m benchmarks.record_maps --status
    python -m benchmarks.record_maps --write

It trains with the settings that the Train page starts with and appends a line a run to a file in FOLDER; stopped at any
moment, it goes on where it was. Several processes share a folder: `--part K/N` does every N-th run and has a file of
its own, and what all files say together decides what is missing. STS-B is read from `SPAFIT_GLUE_DIR`.

Each cell and each method is tried at its rates with the first seed; then the rate with the best validation score has
three other seeds, so that the seed which chose is none of those that are shown. Test scores are not looked at. Rotten
Tomatoes and STS-B have all 28 cells of the triangle, BBC News the coarse grid. Every cell is tried at the same three
rates. Methods whose best rate lies elsewhere (see `benchmarks/lr_search.py`) have further ones. `--write` makes the
files that come with the project, of the maps that are complete, and asks the advisors for them.
"""

from __future__ import annotations

import argparse
import base64
import io
import json
import os
import re
import sys
import tempfile
import time
import traceback
from collections import Counter
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.gpu.preparing import about
from benchmarks.map_files import write_all
from benchmarks.map_jobs import MAPS, SETTINGS, Job, Known, missing
from benchmarks.reporting import RESULTS
from spafit import tasks
from spafit.models.registry import BUNDLED
from spafit.training.config import RunSpec
from spafit.training.device import forget_peak_memory
from spafit.training.events import Evaluated, Finished, Started, Step
from spafit.training.failures import TrainingFailed
from spafit.training.kept import Kept
from spafit.training.loop import train
from spafit.training.predictions import load_predictions

LOOK_AGAIN_SECONDS = 1.0
"""How often a process looks whether the others have found the rate that its next runs need."""
BROKEN_IN_A_ROW = 4
"""After so many errors that are not a run's own, nothing can be recorded here."""


def record(job: Job, device: str, kept: Kept) -> dict[str, Any]:
    """Train as a job says; return what is recorded of it."""
    settings = replace(SETTINGS, learning_rate=job.rate, seed=job.seed, device=device)
    spec = RunSpec(BUNDLED, job.task, job.point, settings)
    begun, processor = time.perf_counter(), time.process_time()
    forget_peak_memory()
    steps, evaluations, line = [], [], {"spec": spec.to_dict()}
    with tempfile.TemporaryDirectory() as folder:
        try:
            for event in train(spec, folder=Path(folder), kept=kept):
                match event:
                    case Started():
                        line |= {"trainable": event.trainable, "total": event.total, "device": event.device}
                        line |= {"weights_hash": event.weights_hash, "data_hash": event.data_hash}
                        line |= {"precision": event.precision, "cached_layers": event.cached_layers}
                        line |= {"steps": event.total_steps, "train_examples": event.train_examples}
                    case Step():
                        point = [event.step, event.epoch, round(event.seconds, 3), rounded(event.loss)]
                        steps.append([*point, rounded(event.learning_rate), event.examples])
                    case Evaluated():
                        measured = {name: rounded(value) for name, value in event.metrics.items()}
                        at = [event.step, event.epoch, round(event.seconds, 3)]
                        evaluations.append([*at, rounded(event.loss), measured])
                    case Finished():
                        line |= {"metrics": event.metrics, "validation_metrics": event.validation_metrics}
                        line |= {"baseline": event.baseline, "validation_baseline": event.validation_baseline}
                        line |= {"timeline": [[name, round(spent, 3)] for name, spent in event.timeline]}
                        line |= {"changes": [asdict(change) for change in event.changes], "padding": event.padding}
                        line |= {"peak_memory": event.peak_memory, "state": event.state}
                        line |= {"run_seconds": round(event.seconds, 3)}
            line["predictions"] = packed(Path(folder))
        except TrainingFailed as error:  # it diverged, say: that is a result
            line |= {"state": "failed", "reason": str(error)}
    line |= {"curve": steps, "evaluations": evaluations}
    line |= {"seconds": round(time.perf_counter() - begun, 2)}
    return job.identity | line | {"processor_seconds": round(time.process_time() - processor, 2)}


def rounded(value: float) -> float:
    """Return a number with as many digits as a curve shows."""
    return float(f"{value:.6g}")


def packed(folder: Path) -> str:
    """Return a run's predictions as text, the outputs in half precision; its scores come from the full ones."""
    arrays = {}
    for part, kept in load_predictions(folder).items():
        arrays |= {f"{part}/outputs": kept.outputs.astype(np.float16), f"{part}/rows": kept.rows}
        arrays |= {f"{part}/labels": kept.labels}
    content = io.BytesIO()
    np.savez_compressed(content, allow_pickle=False, **arrays)
    return base64.b64encode(content.getvalue()).decode("ascii")


def append(path: Path, line: dict[str, Any]) -> None:
    """Add a line, whole and at once; a half-written one that a killed process left ends before it."""
    with path.open("a+b") as file:
        if file.tell():
            file.seek(-1, os.SEEK_END)
            cut = file.read(1) != b"\n"
        else:
            cut = False
        file.write(b"\n" * cut + json.dumps(line, separators=(",", ":")).encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())


def main() -> int:
    """Return 0 when nothing is left to do, 1 when something is, 2 when nothing could be begun."""
    options = arguments()
    part, parts = options.part
    known = Known(options.lines)
    options.lines.mkdir(parents=True, exist_ok=True)
    chosen = [task for task in options.map or MAPS if here(task)]
    if options.status:
        return status(known, chosen)
    if options.write:
        return write_all(options.lines, chosen)
    if options.device == "cpu":
        os.environ["CUDA_VISIBLE_DEVICES"] = ""
        if hasattr(os, "nice"):
            os.nice(19)
    try:
        facts, kept = about(options.device), Kept()
    except TrainingFailed as error:
        print(error, file=sys.stderr)
        return 2
    facts |= {"processes": parts}
    path = options.lines / f"part-{part + 1}-of-{parts}.jsonl"
    ends = time.monotonic() + 60 * options.minutes
    broken: Counter[tuple[Any, ...]] = Counter()
    in_a_row = 0
    left = options.runs
    while True:
        known.refresh()
        ready, waiting = missing(known, chosen, part, parts)
        ready = [job for job in ready if broken[job.key] < 2]
        if left == 0 or time.monotonic() >= ends or not (ready or waiting):
            return int(bool(ready or waiting or broken))
        if not ready:
            time.sleep(LOOK_AGAIN_SECONDS)
            continue
        job = min(ready, key=lambda job: broken[job.key])
        try:
            line = record(job, options.device, kept)
        except Exception:  # of the machine, not of the run: tried once more, and never recorded
            broken[job.key] += 1
            in_a_row += 1
            traceback.print_exc()
            if in_a_row == BROKEN_IN_A_ROW:
                return 2
            continue
        in_a_row = 0
        append(path, line | {"machine": facts, "recorded_at": now()})
        left = None if left is None else left - 1
        reached = line.get("validation_metrics") or line.get("reason")
        print(job.task, job.point.name, f"{job.rate:g}", job.seed, reached, f"{line['seconds']} s", flush=True)


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--map", action="append", choices=list(MAPS), help="only this one; may be given again")
    parser.add_argument("--device", choices=("auto", "cuda", "cpu"), default="cpu")
    parser.add_argument("--part", type=part_of, default=(0, 1), metavar="K/N", help="which of N processes this is")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="begin no run after so many")
    parser.add_argument("--runs", type=int, help="at most so many now")
    parser.add_argument("--lines", type=Path, default=RESULTS / "record_maps", help="folder with the lines")
    parser.add_argument("--write", action="store_true", help="write the files that come with the project")
    parser.add_argument("--status", action="store_true", help="only say how much is recorded")
    return parser.parse_args()


def part_of(text: str) -> tuple[int, int]:
    """Return the place from 0 and the number of parts that K/N says."""
    match = re.fullmatch(r"(\d{1,3})/(\d{1,3})", text)
    if match is None or not 1 <= int(match[1]) <= int(match[2]):
        raise argparse.ArgumentTypeError(f"{text!r} is not K/N with K from 1 to N")
    return int(match[1]) - 1, int(match[2])


def here(task: str) -> bool:
    """Whether a task's data is on this machine; said where it is not."""
    there = tasks.get_task(task).source != "hub"
    if not there:
        print(f"{task}: its data is not here, left out.", flush=True)
    return there


def status(known: Known, chosen: list[str]) -> int:
    """Print how many runs of each map are recorded and missing; return 0 when none is missing."""
    known.refresh()
    done = Counter(key[0] for key in known.scores)
    complete = True
    for task in chosen:
        ready, waiting = missing(known, [task])
        complete = complete and not (ready or waiting)
        more = " and the other seeds of points whose rates are not all tried" if waiting else ""
        print(f"{task}: {done[task]} recorded, {len(ready)} missing{more}.")
    return 0 if complete else 1


def now() -> str:
    """Return the date and time, UTC."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


if __name__ == "__main__":
    sys.exit(main())

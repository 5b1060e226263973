"""Records the boundary maps that come with the project.

    python -m benchmarks.record_maps [--maps rotten-tomatoes bbc-news stsb] [--runs 10]

It trains with the settings that the Train page starts with and appends a line a run to
`benchmarks/results/record_maps.jsonl`; stopped at any moment, it goes on where it was. It runs at the lowest priority
and in one process, so that data and model are loaded once and each frozen prefix is computed once. STS-B is read from
`SPAFIT_GLUE_DIR`.

Each cell and each method is tried at its rates with the first seed; then the rate with the best validation score has
three other seeds, so that the seed which chose is none of those that are shown. Test scores are not looked at. Rotten
Tomatoes and STS-B have all 28 cells of the triangle, BBC News the coarse grid. Every cell is tried at the same three
rates. Methods whose best rate lies elsewhere (see `benchmarks/lr_search.py`) have further ones.
"""

from __future__ import annotations

import argparse
import base64
import io
import itertools
import os
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.lines import append, lines
from benchmarks.reporting import machine
from spafit import tasks
from spafit.errors import SpafitError
from spafit.maps.cells import METHODS, cells, stratifications
from spafit.models.registry import BUNDLED
from spafit.stratification import Method, Stratification, method_of
from spafit.training.config import ENGINE_GENERATION, QUICK, RunSpec
from spafit.training.device import forget_peak_memory
from spafit.training.events import Evaluated, Finished, Started, Step
from spafit.training.kept import Kept
from spafit.training.loop import train
from spafit.training.predictions import load_predictions

NAME = "record_maps"
LAYERS = 6
MAPS = {"rotten-tomatoes": "all", "bbc-news": "coarse", "stsb": "all"}
"""Task -> its cells, in the order in which they are recorded."""
RATES = (3e-4, 1e-3, 3e-3)
FURTHER_RATES = {Method.FULL: (3e-5, 1e-4), Method.BITFIT: (1e-2,), Method.PROBE: (1e-2, 3e-2, 1e-1)}
LIVE = {"eval_every": 16, "eval_samples": 200}
"""Live evaluations change no result; fewer of them save a third of the time."""
CHOOSING_SEED = 0
SEEDS = (1, 2, 3)

Job = dict[str, Any]


def points(task: str) -> tuple[Stratification, ...]:
    """The cells and methods of a map."""
    return stratifications(cells(MAPS[task], LAYERS), METHODS, LAYERS)


def job_of(task: str, point: Stratification, rate: float, seed: int) -> Job:
    """What identifies a run among the lines."""
    told = {"map": task, "setting": point.name, "lr": rate, "seed": seed, "engine_generation": ENGINE_GENERATION}
    return told | {"settings": shared_settings()}


def shared_settings() -> dict[str, Any]:
    """The settings of all runs, as JSON types."""
    settings = replace(QUICK, **LIVE).to_dict()
    del settings["learning_rate"], settings["seed"]
    return settings


def rates_of(point: Stratification) -> tuple[float, ...]:
    """The rates that a cell or method is tried at."""
    method = method_of(point)
    return (*RATES, *FURTHER_RATES.get(method, ())) if method is not None else RATES


def jobs(task: str, done: list[Job]) -> Iterator[tuple[Job, Stratification]]:
    """What is still to do of a map: every rate with the first seed, then the other seeds at each point's best rate.

    Args:
        task: of the map.
        done: all lines; those that are added while this goes on count.
    """
    every = points(task)

    def missing(job: Job) -> bool:
        return not any(job.items() <= line.items() for line in done)

    for point in every:
        for rate in rates_of(point):
            if missing(job := job_of(task, point, rate, CHOOSING_SEED)):
                yield job, point
    metric = tasks.get_task(task).metric
    for seed, point in itertools.product(SEEDS, every):
        rate = best_rate(task, point, metric, done)
        if rate is not None and missing(job := job_of(task, point, rate, seed)):
            yield job, point


def best_rate(task: str, point: Stratification, metric: str, done: list[Job]) -> float | None:
    """The rate with the best validation score of the first seed; None where every run failed."""
    reached: dict[float, float] = {}
    for rate in rates_of(point):
        job = job_of(task, point, rate, CHOOSING_SEED)
        for line in done:
            if job.items() <= line.items() and line["state"] == "finished":
                reached[rate] = line["validation_metrics"][metric]
    return max(reached, key=lambda rate: reached[rate], default=None)


def record(job: Job, point: Stratification, kept: Kept) -> Job:
    """Train as a job says; return what is recorded of it."""
    spec = RunSpec(BUNDLED, job["map"], point, replace(QUICK, learning_rate=job["lr"], seed=job["seed"], **LIVE))
    begun, processor = time.perf_counter(), time.process_time()
    forget_peak_memory()
    steps, evaluations, line = [], [], {}
    with tempfile.TemporaryDirectory() as folder:
        try:
            for event in train(spec, folder=Path(folder), kept=kept):
                match event:
                    case Started():
                        line |= {"trainable": event.trainable, "total": event.total, "device": event.device}
                        line |= {"weights": event.weights_hash, "data": event.data_hash, "steps": event.total_steps}
                        line |= {"precision": event.precision, "cached_layers": event.cached_layers}
                    case Step():
                        steps.append([event.step, event.epoch, round(event.seconds, 3), float(f"{event.loss:.5g}")])
                    case Evaluated():
                        measured = {name: float(f"{value:.6g}") for name, value in event.metrics.items()}
                        loss = float(f"{event.loss:.5g}")
                        evaluations.append([event.step, event.epoch, round(event.seconds, 3), loss, measured])
                    case Finished():
                        line |= {"metrics": event.metrics, "validation_metrics": event.validation_metrics}
                        line |= {"baseline": event.baseline, "validation_baseline": event.validation_baseline}
                        line |= {"timeline": [[name, round(spent, 3)] for name, spent in event.timeline]}
                        line |= {"peak_memory": event.peak_memory, "state": event.state}
            line["predictions"] = packed(Path(folder))
        except SpafitError as error:
            line |= {"state": "failed", "reason": str(error)}
    line |= {"curve": steps, "evaluations": evaluations}
    line |= {"seconds": round(time.perf_counter() - begun, 2)}
    return job | line | {"processor_seconds": round(time.process_time() - processor, 2)}


def packed(folder: Path) -> str:
    """A run's predictions as text: the outputs in half precision, which changes no figure that is shown.

    Labels and places of the examples are the same in every run of a map, and are kept once.
    """
    arrays = {part: kept.outputs.astype(np.float16) for part, kept in load_predictions(folder).items()}
    content = io.BytesIO()
    np.savez_compressed(content, allow_pickle=False, **arrays)
    return base64.b64encode(content.getvalue()).decode("ascii")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--maps", nargs="*", default=list(MAPS), choices=list(MAPS))
    parser.add_argument("--runs", type=int, help="at most so many now")
    options = parser.parse_args()
    if hasattr(os, "nice"):
        os.nice(19)
    facts, kept, done = machine(), Kept(), lines(NAME)
    about = {"commit": facts["commit"], "hardware": facts["hardware"], "versions": facts["versions"]}
    left = options.runs
    for task in options.maps:
        if tasks.get_task(task).source == "hub":
            print(f"{task}: its data is not here, left out.", flush=True)
            continue
        for job, point in jobs(task, done):
            if left == 0:
                return
            load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
            line = record(job, point, kept) | about
            line |= {"threads": torch.get_num_threads(), "load_before": load, "recorded_at": now()}
            append(NAME, line)
            done.append(line)
            left = None if left is None else left - 1
            reached = line.get("validation_metrics") or line.get("reason")
            print(task, job["setting"], f"{job['lr']:g}", job["seed"], reached, f"{line['seconds']} s", flush=True)


def now() -> str:
    """The date and time, UTC."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


if __name__ == "__main__":
    main()

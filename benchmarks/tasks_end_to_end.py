"""Trains the bundled model on six real tasks and writes what came out to docs/results.md.

    SPAFIT_GLUE_DIR=path/to/glue python -m benchmarks.tasks_end_to_end [--only stsb,mrpc]

One run a task, through the real engine, on the CPU, at most about three minutes each on two cores. Results are kept as
JSON in benchmarks/results/tasks_end_to_end.json, so a partial run replaces only its own rows of the table.
"""

from __future__ import annotations

import argparse
import datetime
import json
import sys
from pathlib import Path
from typing import Any

from benchmarks.reporting import commit
from spafit.models.registry import BUNDLED, get_model
from spafit.runs.facts import hardware, versions
from spafit.stratification import preset
from spafit.tasks import get_task
from spafit.tasks.metrics import LABELS
from spafit.training.config import RunSpec, TrainSettings
from spafit.training.events import Finished, Started, Step
from spafit.training.loop import train

ROOT = Path(__file__).parent.parent
RECORD = Path(__file__).parent / "results" / "tasks_end_to_end.json"
DOCUMENT = ROOT / "docs" / "results.md"
BOUNDARIES = (2, 4)  # SPAFIT at thirds of the bundled model's six layers

# What differs from the default settings, per task, and why.
RUNS: dict[str, dict[str, Any]] = {
    "rotten-tomatoes": {"max_length": 64},
    "bbc-news": {"train_samples": None},
    "cola": {"train_samples": None, "epochs": 4.0, "max_length": 64},
    "sst2": {"train_samples": 8000, "max_length": 64},
    "mrpc": {"train_samples": None, "epochs": 3.0},
    "stsb": {"train_samples": None, "epochs": 3.0, "max_length": 64},
}

INTRODUCTION = """# Results of real runs

Written by `benchmarks/tasks_end_to_end.py`; run it again to redo them. One run a task and one seed: differences of a
point or two are chance. The model is the bundled all-MiniLM-L6-v2, a sentence encoder with six layers, so these figures
say that the whole path works on real data, not how good SPAFIT is on BERT-large. *Test* is GLUE's public development
set, or this project's own test part; *baseline* is the most frequent class of that part, or its mean. *Engine* is the
engine's generation: the first took texts of similar length together, the second draws batches at random.
"""
REMARKS = """How to read them: CoLA asks about grammar, where an encoder trained on meanings starts from little (our
reading, not a measurement); a Matthews correlation above 0 says that the run left the majority class. SST-2's training
and validation rows are phrases, its test rows whole sentences, so the two figures differ by more than chance. On MRPC
most pairs are paraphrases: read its accuracy beside the baseline.
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", help="task keys, separated by commas")
    chosen = parser.parse_args().only
    keys = chosen.split(",") if chosen else list(RUNS)
    if unknown := [key for key in keys if key not in RUNS]:
        parser.error(f"unknown task {unknown[0]}; known are {', '.join(RUNS)}")
    record = json.loads(RECORD.read_text(encoding="utf-8")) if RECORD.exists() else {}
    for key in keys:
        record[key] = measure(key)
        RECORD.parent.mkdir(exist_ok=True)
        RECORD.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
        DOCUMENT.write_text(document(record), encoding="utf-8")


def measure(key: str) -> dict[str, Any]:
    """Train on one task and return everything that the table says about it."""
    settings = TrainSettings(device="cpu", **RUNS[key])
    layers = get_model(BUNDLED).num_layers
    assert layers is not None
    spec = RunSpec(BUNDLED, key, preset("spafit", layers, *BOUNDARIES), settings).resolved()
    started = finished = None
    for event in train(spec):
        if isinstance(event, Started):
            started = event
        elif isinstance(event, Step):
            print(
                f"\r{key}: step {event.step}, loss {event.loss:.3f}, {event.seconds:.0f} s  ", end="", file=sys.stderr
            )
        elif isinstance(event, Finished):
            finished = event
    assert started is not None
    assert finished is not None
    metric = get_task(key).metric
    print(f"\r{key}: {metric} {finished.metrics[metric]:.3f} on test, {finished.seconds:.0f} s{' ' * 20}")
    return {
        "spec": spec.to_dict(),
        "metrics": finished.metrics,
        "validation_metrics": finished.validation_metrics,
        "baseline": finished.baseline,
        "seconds": finished.seconds,
        "steps": finished.steps,
        "train_examples": started.train_examples,
        "trainable": started.trainable,
        "total": started.total,
        "precision": started.precision,
        "engine_generation": started.engine_generation,
        "hardware": hardware(),
        "versions": versions(),
        "commit": commit(),
        "day": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d"),
    }


def document(record: dict[str, dict[str, Any]]) -> str:
    """Return the whole of docs/results.md."""
    rows = [_row(key, record[key]) for key in RUNS if key in record]
    head = (
        "task",
        "metric",
        "baseline",
        "test",
        "validation",
        "setting",
        "seed",
        "trained",
        "seconds",
        "engine",
        "machine",
    )
    table = [head, ("---",) * len(head), *rows]
    lines = ["| " + " | ".join(cells) + " |" for cells in table]
    made = sorted({(entry["day"], entry["commit"], _libraries(entry)) for entry in record.values()})
    origins = [f"- {day}, commit {commit}, {libraries}" for day, commit, libraries in made]
    return "\n".join(
        [INTRODUCTION, *lines, "", "Seconds include loading, evaluation and the final test.", "", REMARKS, *origins, ""]
    )


def _row(key: str, entry: dict[str, Any]) -> tuple[str, ...]:
    task, settings = get_task(key), entry["spec"]["settings"]
    strat = RunSpec.from_dict(entry["spec"]).stratification
    machine = entry["hardware"]
    setting = (
        f"{strat.name}, {entry['train_examples']:,} examples, {settings['epochs']:g} epochs, "
        f"batch {settings['batch_size']}, rate {settings['learning_rate']:g}, {settings['max_length']} tokens, "
        f"{entry['precision']}"
    )
    return (
        task.name,
        "<br>".join(LABELS[name] for name in task.metrics),
        "<br>".join(f"{entry['baseline'][name]:.3f}" for name in task.metrics),
        "<br>".join(f"**{entry['metrics'][name]:.3f}**" for name in task.metrics),
        "<br>".join(f"{entry['validation_metrics'][name]:.3f}" for name in task.metrics),
        setting,
        str(settings["seed"]),
        f"{entry['trainable']:,} of {entry['total']:,}",
        f"{entry['seconds']:.0f}",
        str(entry.get("engine_generation", 1)),  # the first did not write it down
        f"{machine['cores']} cores, {machine['cpu']}",
    )


def _libraries(entry: dict[str, Any]) -> str:
    return ", ".join(f"{name} {entry['versions'][name]}" for name in ("torch", "transformers", "peft"))


if __name__ == "__main__":
    main()

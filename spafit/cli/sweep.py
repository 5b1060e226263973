"""``spafit sweep``: queue many runs as one thing, then follow them. They do not depend on this process."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import TypeVar

from spafit.cli import data
from spafit.cli import settings as how
from spafit.cli import stratification as shape
from spafit.cli.confirm import confirm
from spafit.cli.one_run import STOP_SECONDS
from spafit.cli.output import note, print_json, print_table, scores
from spafit.cli.parser import MODEL_HELP, CommandError
from spafit.cli.train import INTERRUPTED, model_and_task, rows_of
from spafit.cli.watch import watch
from spafit.counting import count
from spafit.maps import sweep as sweeping
from spafit.maps.cells import CHOICES, METHODS, cells, methods, stratifications
from spafit.maps.definition import Definition, define
from spafit.maps.forecast import Expected, expected, long_question, past_runs
from spafit.models.anatomy import Anatomy
from spafit.quantities import bytes_text
from spafit.runs import Store, sweeps
from spafit.tasks import Task

POLL_SECONDS = 0.5
Read = TypeVar("Read", int, float)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add model and task, what is varied, the settings that all runs share, and how they are queued."""
    parser.add_argument("model", metavar="MODEL", help=MODEL_HELP)
    parser.add_argument("task", metavar="TASK", help="a key from 'spafit tasks', or the path of a data file")
    parser.add_argument("--yes", action="store_true", help="do not ask before runs that take over an hour in all")
    parser.add_argument("--detach", action="store_true", help="queue the runs and return at once")
    parser.add_argument("--owner", default="", metavar="NAME", help="whose runs they are")
    parser.add_argument("--priority", type=int, default=0, metavar="N", help="higher goes first (default: 0)")
    data.add_reading_options(parser)
    group = parser.add_argument_group("what is varied")
    group.add_argument(
        "--cells", default="", metavar="WHICH", help=f"{', '.join(CHOICES)}, or boundaries N1-N2 such as 2-4,0-6"
    )
    group.add_argument("--methods", default="", metavar="LIST", help=f"methods beside them, of {','.join(METHODS)}")
    group.add_argument("--seeds", metavar="LIST", help="seeds of every setting, such as 0,1,2 (default: --seed)")
    group.add_argument("--lrs", metavar="LIST", help="rates that every setting is tried at (default: the recorded one)")
    shape.add_lora_options(group)
    how.add_options(parser)


def run(chosen: argparse.Namespace) -> int:
    """Sweep; the exit code is 0 only when every run finished (with ``--detach``: when they were queued)."""
    store = Store.open()
    definition, anatomy, task = _definition(chosen)
    if sizes := rows_of(task):
        specs, past = sweeping.to_queue(store, definition), past_runs(store, definition.model, task.key)
        whole = expected(specs, anatomy, past, sizes, task.num_labels)
        note(_said(whole, len(specs), len(definition.specs())))
        if (question := long_question(whole.seconds, len(specs))) and not confirm(question, yes=chosen.yes):
            note("Nothing was queued.")
            return 1
    launched = sweeping.launch(store, definition, owner=chosen.owner, priority=chosen.priority)
    sweep = launched.sweep
    note(launched.sentence)
    interrupted = False
    try:
        if not chosen.detach:
            note(f"It goes on without this window; 'spafit sweeps --stop {sweep.id}' stops it.")
            _follow(store, sweep.id)
    except KeyboardInterrupt:
        interrupted = True
        note(f"Stopping sweep {sweep.id} …")
        sweeping.stop(store, sweep)
        _wait_until_over(store, sweep.id)
    sweep = sweeps.get(store, sweep.id)
    found = sweeping.rows(store, sweep)
    for row in found:
        if row.run is not None and row.run.reason:
            note(f"{row.spec.stratification.name}, seed {row.spec.settings.seed}: {row.run.reason}")
    if chosen.json:
        print_json(sweeping.document(sweep, found))
    else:
        print_rows(found)
    if sweeping.progress(sweep, found).complete or (chosen.detach and not interrupted):
        return 0
    return INTERRUPTED if interrupted else 1


def print_rows(found: list[sweeping.Row]) -> None:
    """Print a sweep's runs for people."""
    columns = ("setting", "rate", "seed", "run", "state", "trainable", "validation", "seconds")
    print_table(columns, [_cells(row) for row in found])


def _cells(row: sweeping.Row) -> tuple[object, ...]:
    document = row.to_dict()
    seconds = None if document["seconds"] is None else round(document["seconds"], 1)
    run, trainable = document["run"] or "", document["trainable"]
    reached = scores(document["validation_metrics"])
    return document["name"], f"{document['lr']:g}", document["seed"], run, row.state, trainable, reached, seconds


def _definition(chosen: argparse.Namespace) -> tuple[Definition, Anatomy, Task]:
    settings = how.settings(chosen)
    seeds = (settings.seed,) if chosen.seeds is None else _list("--seeds", chosen.seeds, int)
    rates = _list("--lrs", chosen.lrs, float) if chosen.lrs is not None else ()
    if not rates and settings.learning_rate is not None:
        rates = (settings.learning_rate,)
    if not chosen.cells and not chosen.methods:
        raise CommandError(f"--cells or --methods must say what to train; cells are {', '.join(CHOICES)} or a list.")
    beside = methods(chosen.methods)
    model, task, anatomy = model_and_task(chosen, settings)
    inside = cells(chosen.cells, anatomy.num_layers) if chosen.cells else ()
    wanted = stratifications(inside, beside, anatomy.num_layers, shape.lora_settings(chosen))
    for one in wanted:
        count(anatomy, one)  # refuses what does not fit the model
    definition = define(model.key, task.key, settings.within(rows_of(task)), wanted, seeds, rates)
    note(f"{task.name}: the data is {task.where}.")
    return definition, anatomy, task


def _said(whole: Expected, queued: int, runs: int) -> str:
    """Return what to expect of the runs that are queued, in one sentence."""
    if not queued:
        return f"All {runs} runs are there or under way."
    took = "a time that is not known yet" if whole.seconds is None else f"about {whole.seconds:,.0f} s"
    return f"To be trained: {queued} of {runs} runs; {took}, about {bytes_text(whole.disk)} of disk."


def _list(option: str, text: str, read: Callable[[str], Read]) -> tuple[Read, ...]:
    try:
        return tuple(read(word) for word in text.split(","))
    except ValueError:
        kind = "whole numbers" if read is int else "numbers"
        raise CommandError(f"{option} takes a list of {kind} with commas between them, not {text[:60]!r}.") from None


def _follow(store: Store, sweep_id: str) -> None:
    """Show a sweep's progress on stderr until nothing more happens by itself."""

    def look() -> tuple[str, int, int] | None:
        sweep = sweeps.get(store, sweep_id)
        now = sweeping.progress(sweep, sweeping.rows(store, sweep))
        if now.state == "finished" or (now.state == "stopped" and not now.under_way):
            return None
        left = "" if now.seconds_left is None else f", about {now.seconds_left:,.0f} s left"
        return f"{now.state}{left}", now.runs - now.under_way, now.runs

    watch(look, POLL_SECONDS)


def _wait_until_over(store: Store, sweep_id: str) -> None:
    """Wait until the runs of a stopped sweep have ended, for as long as stopping one may take."""
    deadline = time.monotonic() + STOP_SECONDS
    while time.monotonic() < deadline:
        sweep = sweeps.get(store, sweep_id)
        if not sweeping.progress(sweep, sweeping.rows(store, sweep)).under_way:
            return
        time.sleep(POLL_SECONDS)

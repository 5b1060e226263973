"""``spafit train``: queue a run like the page does, then follow it. The run does not depend on this process."""

from __future__ import annotations

import argparse

from rich.progress import TimeRemainingColumn

from spafit.cli import data
from spafit.cli import settings as how
from spafit.cli import stratification as shape
from spafit.cli.confirm import confirm
from spafit.cli.one_run import POLL_SECONDS, STOP_SECONDS, print_run, wait_until_over, where
from spafit.cli.output import note, print_json, scores
from spafit.cli.parser import MODEL_HELP, CommandError
from spafit.cli.spec import read_spec
from spafit.cli.watch import watch
from spafit.counting import count
from spafit.errors import SpafitError
from spafit.maps.forecast import expected, long_question, past_runs
from spafit.models.anatomy import Anatomy
from spafit.models.load import load_anatomy
from spafit.models.registry import Model, get_model
from spafit.runs import Run, State, Store, ensure_supervisor, stop
from spafit.runs.preconditions import unmet_precondition
from spafit.tasks import Task, TaskError, is_ready, preparation
from spafit.tasks.upload import stored
from spafit.training.config import RunSpec, TrainSettings
from spafit.training.events import PHASES

INTERRUPTED = 130


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add model, task, stratification and settings, and how the run is queued."""
    parser.add_argument("model", metavar="MODEL", nargs="?", help=MODEL_HELP)
    parser.add_argument("task", metavar="TASK", nargs="?", help="a key from 'spafit tasks', or the path of a data file")
    parser.add_argument(
        "--spec", metavar="FILE", help="repeat a run: what 'show --json' or its page gives says everything; '-': stdin"
    )
    parser.add_argument("--yes", action="store_true", help="do not ask before a run that takes over an hour")
    parser.add_argument("--detach", action="store_true", help="queue the run and return at once")
    parser.add_argument("--owner", default="", metavar="NAME", help="whose run it is")
    parser.add_argument("--priority", type=int, default=0, metavar="N", help="higher goes first (default: 0)")
    parser.add_argument("--name", metavar="NAME", help="what to call the run (default: the stratification's name)")
    data.add_reading_options(parser)
    shape.add_options(parser)
    how.add_options(parser)


def run(chosen: argparse.Namespace) -> int:
    """Train; the exit code is 0 only when the run finished (with ``--detach``: when it was queued)."""
    spec, task, anatomy = _wanted(chosen)
    count(anatomy, spec.stratification)  # refuses what does not fit the model, such as a rank beyond its matrices
    store = Store.open()
    note(f"{task.name}: the data is {task.where}.")
    for remark in spec.settings.remarks():
        note(remark)
    seconds = _expected_seconds(store, spec, task, anatomy)
    if (question := long_question(seconds)) and not confirm(question, yes=chosen.yes):
        note("Nothing was started.")
        return 1
    run_id = store.submit(spec, owner=chosen.owner, priority=chosen.priority, name=chosen.name)
    interrupted = False
    try:
        ensure_supervisor()
        if not chosen.detach:
            follow(store, run_id)
    except KeyboardInterrupt:
        interrupted = True
        note(f"Stopping run {run_id} …")
        stop(run_id)
        wait_until_over(store, run_id, STOP_SECONDS)
    ended = store.get(run_id)
    if sentence := _left_out(task):
        note(sentence)
    if ended.state is State.FAILED:
        note(ended.reason or "The run failed.")
    if chosen.json:
        print_json(ended.to_dict())
    else:
        print_run(ended)
    if ended.state is State.FINISHED or (chosen.detach and not interrupted):
        return 0
    return INTERRUPTED if interrupted else 1


def _wanted(chosen: argparse.Namespace) -> tuple[RunSpec, Task, Anatomy]:
    """Return what is to be trained, as the options or a run's own record say it, with its task and model."""
    if chosen.spec is None:
        if chosen.task is None:
            raise CommandError(
                "MODEL and TASK are required, or --spec with a run's record; 'spafit train --help' says more."
            )
        settings = how.settings(chosen)
        model, task, anatomy = model_and_task(chosen, settings)
        strat = shape.stratification(chosen, anatomy.num_layers)
        return RunSpec(model.key, task.key, strat, settings.within(rows_of(task))), task, anatomy
    given = [*shape.given_options(chosen), *how.given_options(chosen)]
    given += ["--stratification"] if chosen.stratification is not None else []
    if chosen.model is not None or given:
        raise CommandError(f"--spec says everything already; leave out {', '.join(given) or 'MODEL and TASK'}.")
    spec = read_spec(chosen.spec)
    chosen.model, chosen.task = spec.model, spec.task
    _model, task, anatomy = model_and_task(chosen, spec.settings)
    return spec, task, anatomy


def _expected_seconds(store: Store, spec: RunSpec, task: Task, anatomy: Anatomy) -> float | None:
    """Return how long a run may take; None when nothing is known yet."""
    if not is_ready(task):
        return None
    past = past_runs(store, spec.model, spec.task)
    return expected([spec], anatomy, past, preparation(task).splits, task.num_labels).seconds


def model_and_task(chosen: argparse.Namespace, settings: TrainSettings) -> tuple[Model, Task, Anatomy]:
    """Return the model and the task that were named, which can be trained so here, and the model's anatomy."""
    model, task = get_model(chosen.model), data.task_of(chosen)
    if chosen.task != task.key:
        note(_read_as(chosen.task, task))
    if sentence := unmet_precondition(model, task, settings):
        raise SpafitError(sentence)
    return model, task, load_anatomy(model.key, num_labels=task.num_labels)


def rows_of(task: Task) -> dict[str, int]:
    """Return how many rows a task's parts have; nothing while its data has not been read."""
    return preparation(task).splits if is_ready(task) else {}


def _left_out(task: Task) -> str:
    """Say what of the task's data could not be used; empty when nothing, or when it was not read yet."""
    try:
        return preparation(task).remark if is_ready(task) else ""
    except TaskError:  # files are missing: the run has said so
        return ""


def _read_as(path: str, task: Task) -> str:
    """Return what was made of a data file, since nobody was asked: its columns, its parts and what was left out."""
    kept, done = stored.get(task.key), preparation(task)
    columns = kept.columns
    texts = f"“{columns.text}”" + (f" and “{columns.pair}”" if columns.pair else "")
    answer = f"one of {task.num_labels} classes" if task.labels else "a number"
    by = f"by the column “{columns.split}”" if columns.split else "by content, stratified"
    rows = " / ".join(f"{done.splits[part]:,}" for part in ("train", "validation", "test"))
    left = sum(done.left_out.values()) + done.duplicates_removed + done.found_in_test
    return " ".join(
        (
            f"{path}, kept as {task.key}: {answer} from the column “{columns.label}”, given {texts}; 'spafit data' "
            f"shows how it is read, --text, --label and others say it otherwise.",
            f"Train / validation / test rows, divided {by}: {rows}; left out: {left:,}.",
            *kept.remarks,
        )
    )


def follow(store: Store, run_id: str) -> None:
    """Show a run's progress on stderr until it is over; on a terminal as a bar, else nothing but its beginning."""
    note(f"Run {run_id}; it goes on without this window, 'spafit stop {run_id}' stops it.")

    def look() -> tuple[str, int, int | None] | None:
        run = store.get(run_id)
        return None if run.state.over else (_doing(run), run.step, run.total_steps)

    watch(look, POLL_SECONDS, TimeRemainingColumn())


def _doing(run: Run) -> str:
    if run.state is State.RUNNING and run.step:
        doing = PHASES[run.phase] if run.phase else "Training"
        return f"{doing} ({scores(run.validation_metrics)})" if run.validation_metrics else doing
    return where(run).capitalize()

"""What people read where a run, its setting or its task is named."""

from spafit.errors import SpafitError
from spafit.runs import Run
from spafit.stratification import title
from spafit.tasks import TaskError, get_task


def heading(run: Run) -> tuple[str, list[str]]:
    """Return a run's heading and its differences: a name that somebody gave it, else that of its setting, readable."""
    try:
        name, chips = title(run.spec.stratification)
    except SpafitError:  # a newer version wrote it
        return run.name, []
    given = run.name not in (run.stratification, run.stratification[: len(run.name)])
    return (run.name, [name, *chips]) if given else (name, chips)


def run_label(run: Run) -> str:
    """Return the same on one line: ``SPAFIT-2-4, rank 16``."""
    name, chips = heading(run)
    return ", ".join([name, *chips])


def task_name(key: str) -> str:
    """Return a task's name, such as that of an uploaded set; its key when it is gone."""
    try:
        return get_task(key).name
    except TaskError:
        return key

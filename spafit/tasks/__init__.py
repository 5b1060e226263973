"""What can be learned: the bundled tasks, the nine of GLUE, and data sets of your own. No torch.

task = get_task("rotten-tomatoes")
examples = load(task, "train", limit=2000, seed=0)
"""

from __future__ import annotations

import difflib
import os
from pathlib import Path
from typing import Any

from spafit import access
from spafit.home import spafit_home
from spafit.tasks import bundled, helper, prepared
from spafit.tasks.files import FORMATS
from spafit.tasks.glue import layout
from spafit.tasks.glue import tasks as glue_tasks
from spafit.tasks.metrics import baseline
from spafit.tasks.splits import Preparation
from spafit.tasks.task import CLASSIFICATION, REGRESSION, SPLITS, Examples, Task, TaskError
from spafit.tasks.upload import stored

__all__ = [
    "CLASSIFICATION",
    "REGRESSION",
    "SPLITS",
    "Examples",
    "Preparation",
    "Task",
    "TaskError",
    "baseline",
    "bring",
    "called",
    "content_digest",
    "file_at",
    "folder",
    "get_task",
    "is_quick",
    "is_ready",
    "list_tasks",
    "load",
    "preparation",
    "token_cache",
]


def list_tasks() -> list[Task]:
    """Every task that can be picked: the bundled ones, GLUE's, and data sets that were brought."""
    return [*bundled.TASKS, *glue_tasks.tasks(), *(found.task for found in stored.list_stored())]


def get_task(key_or_path: str) -> Task:
    """Return the task of this key, or the one that a file poses, read with guessed columns and stored by its content.

    A shared server takes no files by name.

    Whoever keeps the result keeps its `key`: the file may change or go, the stored data set does not.

    Raises:
        TaskError: there is none, or the file cannot be used.
    """
    for task in bundled.TASKS:
        if task.key == key_or_path:
            return task
    if key_or_path in glue_tasks.KEYS:
        return glue_tasks.get(key_or_path)
    if access.shared():
        if key_or_path.startswith(stored.KEY):
            return stored.get(key_or_path).task
        raise TaskError(access.NO_PATHS)
    if (path := file_at(key_or_path)) is not None:
        return bring(path)
    path = Path(os.path.expanduser(key_or_path))  # noqa: PTH111  Path.expanduser raises for a user who is not there
    if key_or_path.startswith(stored.KEY):
        return stored.get(key_or_path).task
    if os.path.isdir(path):  # noqa: PTH112  likewise
        raise TaskError(f"{key_or_path} is a folder; a data file of it may be named.")
    if path.suffix.lower() in FORMATS or len(path.parts) > 1:
        raise TaskError(f"There is no file {key_or_path}.")
    known = [task.key for task in list_tasks()]
    near = difflib.get_close_matches(key_or_path.casefold(), known, n=1)
    meant = f" Did you mean {near[0]!r}?" if near else ""
    raise TaskError(
        f"There is no task {key_or_path!r}; the tasks are {', '.join(known)}, and the path of a data file is one too."
        f"{meant}"
    )


def bring(path: Path, **how: Any) -> Task:
    """Store a data file by its content and return the task that it poses.

    Args:
        how: what a person says of the columns and of how it is read, as `spafit.tasks.upload.intake.add` takes it.

    Raises:
        TaskError: the file cannot be used.
    """
    return stored.get(helper.call("add", path=str(path), name=path.name, **how)).task


def file_at(named: str) -> Path | None:
    """Return the path of the file that is named, absolute; None where there is none."""
    path = Path(os.path.expanduser(named))  # noqa: PTH111  Path.expanduser raises for a user who is not there
    return path.absolute() if os.path.isfile(path) else None  # noqa: PTH113  Path.is_file raises for names too long


def called(key: str, part: str) -> str:
    """Return a part's name for people, also when its task is gone; see `Task.called`."""
    try:
        return get_task(key).called(part)
    except TaskError:
        return part.replace("_", " ")


def load(task: Task | str, split: str, *, limit: int | None = None, seed: int = 0) -> Examples:
    """Read one part of a task's data.

    Args:
        task: a task or its key.
        split: "train", "validation", "test", or one of the task's `extra_tests`.
        limit: at most this many rows, chosen stratified by label; only their texts are read.
        seed: another choice of `limit` rows for another seed.

    Returns:
        Texts and labels. With the same arguments always the same, in the same order.

    Raises:
        TaskError: unknown task or part, data that cannot be found or read, `limit` below 1.
    """
    task = get_task(task) if isinstance(task, str) else task
    if split not in task.splits:
        raise TaskError(f"{task.name} has no part {split!r}; its parts are {', '.join(task.splits)}.")
    return prepared.read(_ready_folder(task), split, limit=limit, seed=seed)


def preparation(task: Task | str) -> Preparation:
    """How a task's rows were divided and what was left out; prepares the data when that has not been done yet."""
    return prepared.preparation(_ready_folder(get_task(task) if isinstance(task, str) else task))


def content_digest(task: Task | str) -> str:
    """Return a hash of all that a task's data is; prepares the data when that has not been done yet."""
    return prepared.content_digest(_ready_folder(get_task(task) if isinstance(task, str) else task))


def token_cache(task: Task) -> Path:
    """Where a task's tokenised texts are kept; those of a data set that was brought go when it is deleted."""
    return folder(task) / "tokens" if task.key.startswith(stored.KEY) else spafit_home() / "cache" / "tokens"


def folder(task: Task) -> Path:
    """Where a task's prepared data lies, or will lie once it has been read (see `is_ready`)."""
    if task.key.startswith(stored.KEY):
        return stored.folder(task.key)
    return layout.folder(task.key) if task.key in glue_tasks.KEYS else bundled.folder(task.key)


def is_ready(task: Task) -> bool:
    """Whether the task's data has been read and divided on this machine already."""
    return prepared.is_ready(folder(task))


def is_quick(task: Task) -> bool:
    """Whether a page may read the task's data itself: no download, and no half a million rows to divide first."""
    return task.source == "bundled" or is_ready(task) or (task.key in glue_tasks.KEYS and glue_tasks.is_small(task.key))


def _ready_folder(task: Task) -> Path:
    place = folder(task)
    if not prepared.is_ready(place):
        if task.key.startswith(stored.KEY):
            stored.get(task.key)  # says that it is gone
        made = (glue_tasks if task.key in glue_tasks.KEYS else bundled).prepare(task.key)
        if made is not None:
            prepared.write(place, *made)
    return place

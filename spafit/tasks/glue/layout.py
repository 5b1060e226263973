"""Where GLUE's files lie and how its parts are divided; knows nothing of helper processes."""

from __future__ import annotations

import os
from pathlib import Path

from spafit.home import spafit_home
from spafit.tasks import prepared
from spafit.tasks.glue.files import LAYOUTS, read_tsv
from spafit.tasks.splits import Preparation, arrange
from spafit.tasks.task import Examples, TaskError

HUB_ID = "nyu-mll/glue"
VALIDATION_SHARE = 0.1
VALIDATION_AT_MOST = 1000


def folder(key: str) -> Path:
    """Where the prepared data of a GLUE task lies, or will lie.

    Raises:
        TaskError: a local folder lacks one of the task's files.
    """
    local = local_folder(key)
    if local is None:
        return fetched_folder(key)
    files = [local / name for name in LAYOUTS[key].files.values()]
    absent = [path.name for path in files if not path.is_file()]
    if absent:
        raise TaskError(f"{local.name} in the folder that SPAFIT_GLUE_DIR names has no {absent[0]}.")
    return prepared.place(key, files)


def divide(
    parts: dict[str, Examples], left_out: dict[str, int] | None = None, problems: tuple[str, ...] = ()
) -> tuple[prepared.Parts, Preparation]:
    """Add the validation part: a tenth of the training rows, at most 1,000."""
    rows = min(round(len(parts["train"]) * VALIDATION_SHARE), VALIDATION_AT_MOST)
    return arrange(parts, validation=max(rows, 1), test=0, left_out=left_out, problems=problems)


def from_files(key: str, local: Path) -> tuple[prepared.Parts, Preparation]:
    layout = LAYOUTS[key]
    read = {part: read_tsv(local / name, layout) for part, name in layout.files.items()}
    malformed = sum(file.malformed for file in read.values())
    return divide(
        {part: file.examples for part, file in read.items()},
        {"malformed lines": malformed} if malformed else {},
        tuple(problem for file in read.values() for problem in file.problems),
    )


def local_folder(key: str) -> Path | None:
    named = os.environ.get("SPAFIT_GLUE_DIR")
    if not named:
        return None
    local = Path(named).expanduser() / LAYOUTS[key].folder
    return local if local.is_dir() else None


def fetched_folder(key: str) -> Path:
    return spafit_home() / "cache" / "tasks" / f"{key}-hub-{prepared.FORMAT}"


def in_hf_cache(key: str) -> bool:
    """Whether the `datasets` library has this configuration on disk; found by its folder, without importing it."""
    home = Path(os.environ.get("HF_HOME") or "~/.cache/huggingface").expanduser()
    cache = Path(os.environ.get("HF_DATASETS_CACHE") or home / "datasets").expanduser()
    return any((cache / HUB_ID.replace("/", "___") / key).glob("*/*/dataset_info.json"))

"""Data sets from the Hugging Face cache and Hub, through `datasets`. Runs in the helper process only."""

from __future__ import annotations

import contextlib
import os
import socket
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import numpy as np

from spafit.tasks import glue, prepared
from spafit.tasks.glue_files import LAYOUTS
from spafit.tasks.task import Examples, TaskError

CONNECT_SECONDS = 5.0


def fetch_glue(key: str, folder: str) -> dict[str, int]:
    """Prepare a GLUE task from the cache or the Hub under `folder`; returns rows per part.

    Raises:
        TaskError: not cached and no Hub, with what to do instead.
    """
    try:
        data = load_dataset(glue.HUB_ID, key)
    except TaskError as error:
        raise TaskError(
            f"{LAYOUTS[key].folder} is not on this machine and cannot be downloaded ({error}); "
            f"name a folder with GLUE's files in SPAFIT_GLUE_DIR."
        ) from error
    names = {"train": "train", "test": "validation"}
    if key == "mnli":
        names |= {"test": "validation_matched", "test_mismatched": "validation_mismatched"}
    parts = {part: _examples(data[split]) for part, split in names.items()}
    made, preparation = glue.divide(parts)
    prepared.write(Path(folder), made, preparation)
    return preparation.splits


def load_dataset(name: str, config: str | None = None) -> Any:
    """A data set's splits, from the cache if they are there, else from the Hub; no code of the data set is run.

    Raises:
        TaskError: neither has it; the message is a phrase that says why.
    """
    offline = os.environ.get("HF_HUB_OFFLINE", "") not in ("", "0") or _unreachable()
    if offline:  # read by the libraries when they are imported; saves minutes of retries
        os.environ["HF_HUB_OFFLINE"] = os.environ["HF_DATASETS_OFFLINE"] = "1"
    os.environ.setdefault("HF_HUB_ETAG_TIMEOUT", "15")
    os.environ["HF_DATASETS_DISABLE_PROGRESS_BARS"] = "1"
    import datasets

    try:
        with tempfile.TemporaryDirectory() as empty, contextlib.chdir(empty):
            # the library takes a folder of that name before it asks the Hub, and here there is none
            return datasets.load_dataset(name, config)
    except Exception as error:  # the library raises many kinds; none is for people
        if offline:
            raise TaskError("the Hugging Face Hub cannot be reached") from error
        first = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise TaskError(f"the Hub answered: {first[:200]}") from error


def _unreachable() -> bool:
    address = urlparse(os.environ.get("HF_ENDPOINT") or "https://huggingface.co")
    try:
        port = address.port or (443 if address.scheme == "https" else 80)
        socket.create_connection((address.hostname or "", port), timeout=CONNECT_SECONDS).close()
    except OSError:
        return not any(os.environ.get(name) for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"))
    return False


def _examples(split: Any) -> Examples:
    columns = [name for name in split.column_names if name not in ("label", "idx")]
    labels = split["label"]
    regression = any(isinstance(value, float) for value in labels[:10])
    return Examples(
        text=list(split[columns[0]]),
        pair=list(split[columns[1]]) if len(columns) > 1 else None,
        labels=np.array(list(labels), dtype=np.float32 if regression else np.int64),
    )

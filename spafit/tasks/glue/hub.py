"""Data sets from the Hugging Face cache and Hub, through `datasets`. Runs in the helper process only."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from spafit.models import hub
from spafit.tasks import prepared
from spafit.tasks.glue import layout
from spafit.tasks.glue.files import LAYOUTS
from spafit.tasks.task import Examples, TaskError
from spafit.tasks.upload import stored
from spafit.tasks.upload.guess import SPLIT_VALUES

if TYPE_CHECKING:
    import pyarrow as pa

HUB_ROWS = 2_000_000


def fetch_glue(key: str, folder: str) -> dict[str, int]:
    """Prepare a GLUE task from the cache or the Hub under `folder`; returns rows per part.

    Raises:
        TaskError: not cached and no Hub, with what to do instead.
    """
    try:
        data = load_dataset(layout.HUB_ID, key)
    except TaskError as error:
        raise TaskError(
            f"{LAYOUTS[key].folder} cannot be had: {error}; name a folder with GLUE's files in SPAFIT_GLUE_DIR."
        ) from error
    names = {"train": "train", "test": "validation"}
    if key == "mnli":
        names |= {"test": "validation_matched", "test_mismatched": "validation_mismatched"}
    parts = {part: _examples(data[split]) for part, split in names.items()}
    made, preparation = layout.divide(parts)
    prepared.write(Path(folder), made, preparation)
    return preparation.splits


def fetch(name: str, config: str | None = None) -> str:
    """Store a Hub data set as one Parquet file among the uploads; returns its path.

    Its parts become a column "split" and class numbers become class names, so that it is read like any other file.

    Raises:
        TaskError: no such data set, no Hub, or it is too large.
    """
    if not hub.is_hub_id(name):
        raise TaskError(f"{name[:120]!r} is not the name of a Hub data set, which has the form owner/name.")
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        parts = {part: data for part, data in load_dataset(name, config).items() if part in SPLIT_VALUES}
    except TaskError as error:
        raise TaskError(f"The data set {name} cannot be had: {error}.") from error
    if "train" not in parts:
        raise TaskError(f"The data set {name} has no part called train.")
    if sum(len(data) for data in parts.values()) > HUB_ROWS:
        raise TaskError(f"The data set {name} has more than {HUB_ROWS:,} rows; bring a part of it as a file.")
    path = stored.incoming(f"{name} {config or ''}".encode())
    pq.write_table(pa.concat_tables([_plain(data, part) for part, data in parts.items()]), path)
    return str(path)


def _plain(data: Any, part: str) -> pa.Table:
    """Return a part as table with class names for numbers (none for -1, a hidden label) and its own name in "split"."""
    import pyarrow as pa

    table = data.with_format("arrow")[:]
    for column, feature in data.features.items():
        names = getattr(feature, "names", None)
        if names is not None:
            cells = [names[i] if i is not None and i >= 0 else None for i in table.column(column).to_pylist()]
            table = table.set_column(table.column_names.index(column), column, pa.array(cells, pa.string()))
    if "split" in table.column_names:
        table = table.drop_columns(["split"])
    return table.append_column("split", pa.array([part] * len(data), pa.string())).replace_schema_metadata(None)


def load_dataset(name: str, config: str | None = None) -> Any:
    """Return a data set's splits, from the cache if they are there, else from the Hub; no code of the data set is run.

    Raises:
        TaskError: neither has it; the message is a phrase that says why.
    """
    offline = not hub.reachable()
    if offline:  # read by the libraries when they are imported; saves minutes of retries
        os.environ["HF_HUB_OFFLINE"] = os.environ["HF_DATASETS_OFFLINE"] = "1"
    os.environ["HF_DATASETS_DISABLE_PROGRESS_BARS"] = "1"
    import datasets

    try:
        with tempfile.TemporaryDirectory() as empty, contextlib.chdir(empty):
            # the library takes a folder of that name before it asks the Hub, and here there is none
            return datasets.load_dataset(name, config, token=False)
    except Exception as error:  # the library raises many kinds; none is for people
        if offline:
            raise TaskError("it is not on this machine and the Hugging Face Hub cannot be reached") from error
        first = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise TaskError(f"the Hub answered: {first[:200]}") from error


def _examples(split: Any) -> Examples:
    columns = [name for name in split.column_names if name not in ("label", "idx")]
    labels = split["label"]
    regression = any(isinstance(value, float) for value in labels[:10])
    return Examples(
        text=list(split[columns[0]]),
        pair=list(split[columns[1]]) if len(columns) > 1 else None,
        labels=np.array(list(labels), dtype=np.float32 if regression else np.int64),
    )

"""What a finished run answered, example by example: kept beside its trained parameters, compressed. No torch."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from spafit.errors import SpafitError
from spafit.files import write_whole

FILE = "predictions.npz"


@dataclass(frozen=True)
class Predictions:
    """The outputs on one part, one row an example, in the order of the part's own rows."""

    outputs: np.ndarray
    """Logits (examples x classes), or numbers (examples x 1); float32."""
    labels: np.ndarray
    rows: np.ndarray
    """The examples' places in the prepared part, counted from 0."""


def save_predictions(folder: Path, parts: Mapping[str, Predictions]) -> None:
    """Write the predictions of each part ("validation", "test", ...) into a run's folder, whole or not at all.

    Raises:
        SpafitError: the file cannot be written.
    """
    arrays = {
        f"{part}/{name}": array
        for part, kept in parts.items()
        for name, array in (("outputs", kept.outputs.astype(np.float32)), ("labels", kept.labels), ("rows", kept.rows))
    }
    content = io.BytesIO()
    np.savez_compressed(content, allow_pickle=False, **arrays)
    write_whole(folder / FILE, content.getbuffer())


def load_predictions(folder: Path) -> dict[str, Predictions]:
    """Return what `save_predictions` wrote, by part.

    Raises:
        SpafitError: the run kept none, or the file is damaged.
    """
    path = folder / FILE
    try:
        with np.load(path, allow_pickle=False) as stored:
            parts = dict.fromkeys(name.rpartition("/")[0] for name in stored.files)
            found = {
                part: Predictions(*(stored[f"{part}/{n}"] for n in ("outputs", "labels", "rows"))) for part in parts
            }
    except FileNotFoundError as error:
        raise SpafitError(
            "This run kept no predictions: it did not finish, or it was made before runs kept them."
        ) from error
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise SpafitError(f"The predictions in {path} cannot be read: the file is damaged.") from error
    if any(len({len(p.outputs), len(p.labels), len(p.rows)}) > 1 for p in found.values()):
        raise SpafitError(f"The predictions in {path} cannot be read: the file is damaged.")
    return found

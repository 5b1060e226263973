"""What a setting's runs answered, example by example: out of their folders, or of the maps kept as files. No torch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from spafit.errors import SpafitError
from spafit.maps import kept
from spafit.maps.file import MapFile, unpacked_outputs
from spafit.runs import Store
from spafit.training.predictions import Predictions, load_predictions

PART = "validation"
DIFFERENT_EXAMPLES = "These runs were evaluated on different validation examples, so they are not pooled."
NONE_KEPT = "The map that this run came with keeps no predictions of it."
DAMAGED = "The predictions of a run in this map are damaged."
LABELS_APART = 1e-5
"""Labels that are no whole numbers are rounded in a map."""


def outputs_of(run_ids: Sequence[str]) -> tuple[list[np.ndarray], np.ndarray]:
    """Return the validation outputs of some runs and the labels that all of them were held against.

    Raises:
        SpafitError: a run kept none, they are damaged, or the examples were not the same.
    """
    found = [_predictions(one) for one in run_ids]
    for one in found[1:]:
        require_same(one.labels, found[0].labels)
    return [one.outputs for one in found], found[0].labels


def require_same(first: np.ndarray, second: np.ndarray) -> None:
    """Raise `SpafitError` unless both are the labels of the same examples."""
    if first.shape != second.shape or not np.allclose(first, second, rtol=0, atol=LABELS_APART):
        raise SpafitError(DIFFERENT_EXAMPLES)


def _predictions(run_id: str) -> Predictions:
    made = kept.with_run(run_id)
    return load_predictions(Store.open().folder(run_id))[PART] if made is None else recorded(made, run_id)


def recorded(made: MapFile, run_id: str) -> Predictions:
    """Return the validation predictions that a kept map has of a run. They are checked: anybody may have written them.

    Raises:
        SpafitError: it has none, or they cannot be.
    """
    record, about = made.recorded[run_id]["predictions"], made.document["examples"]
    try:
        if PART not in record or PART not in about:
            raise SpafitError(NONE_KEPT)
        labels, rows = np.asarray(about[PART]["labels"]), np.asarray(about[PART]["rows"])
        outputs = unpacked_outputs(record[PART], len(labels))
        sound = labels.dtype.kind in "if" and rows.dtype.kind == "i" and labels.shape == rows.shape == (len(outputs),)
        sound = sound and len(labels) > 0 and bool(np.isfinite(outputs).all() and np.isfinite(labels).all())
        if sound and outputs.shape[1] > 1:  # a column a class
            sound = labels.dtype.kind == "i" and labels.min() >= 0 and labels.max() < outputs.shape[1]
    except SpafitError:
        raise
    except (KeyError, TypeError, ValueError, IndexError, OverflowError) as error:
        raise SpafitError(DAMAGED) from error
    if not sound:
        raise SpafitError(DAMAGED)
    return Predictions(outputs, labels, rows)

"""A checkpoint's own classification head: which classes it has, and whether it may be kept. No torch."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from spafit.models.anatomy import Anatomy
from spafit.models.configs import read_config
from spafit.models.weights import tensor_shapes, weight_files


def head_labels(folder: Path) -> tuple[str, ...]:
    """Return the class names that a folder's config.json gives its head, by class number; none when it has none."""
    names = read_config(folder).get("id2label")
    if not isinstance(names, dict) or not all(str(number).isdecimal() for number in names):
        return ()
    return tuple(str(names[number]) for number in sorted(names, key=int))


def not_kept(folder: Path, anatomy: Anatomy, labels: Sequence[str]) -> str | None:
    """Return why a checkpoint's own head cannot be kept, in one sentence without paths; None when it can.

    Only the headers of the weights are read.

    Args:
        folder: the checkpoint's.
        anatomy: of the model with as many outputs as the task needs.
        labels: class names of the task, in the order of their numbers; none for regression.
    """
    shapes: dict[str, tuple[int, ...]] = {}
    for file in weight_files(folder):
        shapes |= tensor_shapes(file)
    head = {tensor.name: tensor.shape for tensor in anatomy.tensors if tensor.fresh}
    if not head.keys() <= shapes.keys():
        return f"The model's weights have no head for {class_names(labels)} that could be kept."
    named = head_labels(folder)
    alike = not labels or [_folded(name) for name in named] == [_folded(label) for label in labels]
    if alike and all(shapes[name] == shape for name, shape in head.items()):
        return None
    return (
        f"The model's own head cannot be kept: its classes are {class_names(named) if named else 'not named'}, "
        f"those of the task {class_names(labels)}."
    )


def class_names(names: Sequence[str]) -> str:
    """Return the first class names as people read them."""
    shown = ", ".join(repr(name[:40]) for name in names[:5])
    return (shown + (" …" if len(names) > 5 else "")) or "a number"


def _folded(name: str) -> str:
    return " ".join(name.split()).casefold()

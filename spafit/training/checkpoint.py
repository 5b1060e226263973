"""A run's trained parameters on disk: one safetensors file, whole or absent."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from spafit.files import require_space, whole_file
from spafit.training.failures import TrainingFailed

if TYPE_CHECKING:
    from torch import Tensor

TRAINED = "trained.safetensors"
SPARE_BYTES = 20_000_000
"""Must be free beyond what is saved: the run's last events are written after it."""


def save_trained(folder: Path, state: dict[str, Tensor], metadata: dict[str, str]) -> Path:
    """Write the trained parameters as `folder/trained.safetensors` and return its path.

    The file is written beside its place, flushed to the disk and renamed, so a crash leaves the old one or none.

    Raises:
        SpafitError: the disk has no room for it, or it cannot be written.
    """
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    target = folder / TRAINED
    size = sum(tensor.numel() * tensor.element_size() for tensor in state.values())
    require_space(folder, size + SPARE_BYTES, "Saving the trained parameters")
    try:
        with whole_file(target, durable=True) as scratch:
            save_file({name: tensor.detach().cpu().contiguous() for name, tensor in state.items()}, scratch, metadata)
    except (OSError, SafetensorError) as error:
        reason = getattr(error, "strerror", None) or str(error).splitlines()[0]
        raise TrainingFailed(f"The trained parameters cannot be saved in {folder}: {reason}.") from error
    return target


def is_saved(folder: Path) -> bool:
    """Tell whether a run's folder has its trained parameters."""
    return (folder / TRAINED).is_file()


def read_metadata(path: Path) -> dict[str, str]:
    """Read what was written beside the trained parameters: stratification, model, class names and the like.

    Raises:
        TrainingFailed: the file is absent or damaged.
    """
    from safetensors import safe_open

    with _reading(path), safe_open(path, "numpy") as file:
        return dict(file.metadata() or {})


def read_trained(path: Path) -> dict[str, Tensor]:
    """Read what `save_trained` wrote, by parameter name.

    Raises:
        TrainingFailed: the file is absent or damaged.
    """
    from safetensors.torch import load_file

    with _reading(path):
        return load_file(path)


@contextmanager
def _reading(path: Path) -> Generator[None]:
    """Say in one sentence why the trained parameters at a path cannot be read."""
    from safetensors import SafetensorError

    try:
        yield
    except FileNotFoundError as error:
        raise TrainingFailed(f"There are no trained parameters at {path}.") from error
    except (OSError, SafetensorError) as error:
        raise TrainingFailed(f"The trained parameters at {path} are damaged.") from error

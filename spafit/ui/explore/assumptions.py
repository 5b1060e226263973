"""What Explore's estimates take for granted beside model and stratification."""

import functools
from dataclasses import dataclass, fields

from spafit.costs import OPTIMIZERS, PRECISIONS, Moment, training_memory
from spafit.errors import SpafitError
from spafit.models.anatomy import Anatomy, check_labels
from spafit.stratification import Stratification
from spafit.training.config import SETTINGS, TrainSettings

DEVICES = ("cpu", "cuda")
CHOICES = {"precision": PRECISIONS, "optimizer": OPTIMIZERS, "device": DEVICES}
LARGEST = {"batch_size": int(SETTINGS["batch_size"].high), "length": int(SETTINGS["max_length"].high)}


@dataclass(frozen=True)
class Assumptions:
    """Part of a share link, so every value is checked."""

    num_labels: int = 2
    batch_size: int = 16
    length: int = 128
    precision: str = "fp32"
    optimizer: str = "adamw"
    device: str = "cpu"
    checkpointing: bool = False

    def __post_init__(self) -> None:
        check_labels(self.num_labels)
        for field in fields(self):
            value = getattr(self, field.name)
            if type(value) is not type(field.default):
                raise SpafitError(f"The setting {field.name} cannot be {str(value)[:40]!r}.")
        for name, largest in LARGEST.items():
            if not 1 <= getattr(self, name) <= largest:
                raise SpafitError(f"The setting {name} must be a whole number from 1 to {largest:,}.")
        for name, allowed in CHOICES.items():
            if getattr(self, name) not in allowed:
                raise SpafitError(f"The setting {name} must be one of {', '.join(allowed)}.")

    def training(self) -> TrainSettings:
        """Return what of this a run has too; optimizer, device and precision are asked by the estimate alone."""
        return TrainSettings(batch_size=self.batch_size, max_length=self.length, checkpointing=self.checkpointing)


@functools.lru_cache(maxsize=2048)
def step_memory(anatomy: Anatomy, point: Stratification, chosen: Assumptions) -> Moment:
    """Return the moment of a training step when most is held."""
    return training_memory(
        anatomy,
        point,
        batch=chosen.batch_size,
        length=chosen.length,
        precision=chosen.precision,
        optimizer=chosen.optimizer,
        checkpointing=chosen.checkpointing,
        device=chosen.device,
    ).peak

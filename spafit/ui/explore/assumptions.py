"""What Explore's estimates take for granted beside model, stratification and training settings."""

import functools
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from spafit.costs import DEVICES, OPTIMIZERS, PRECISIONS, Moment, training_memory
from spafit.errors import SpafitError
from spafit.models.anatomy import MAX_LABELS, Anatomy
from spafit.stratification import Stratification
from spafit.training.setting import choice, settings_of, whole


@dataclass(frozen=True)
class Assumptions:
    """What a run has from its task and its machine. Part of a share link, so every value is checked."""

    num_labels: int = whole(2, "", 1, MAX_LABELS)
    precision: str = choice("", *PRECISIONS)
    optimizer: str = choice("", *OPTIMIZERS)
    device: str = choice("", *DEVICES)

    def __post_init__(self) -> None:
        for name, setting in ASSUMED.items():
            if problem := setting.problem(getattr(self, name)):
                raise SpafitError(f"{name} {problem}.")


ASSUMED = MappingProxyType(settings_of(Assumptions))
"""What is known of each, by name."""


@functools.lru_cache(maxsize=2048)
def step_memory(anatomy: Anatomy, point: Stratification, **step: Any) -> Moment:
    """Return the moment of a training step (`Choice.step`) when most is held."""
    return training_memory(anatomy, point, **step).peak

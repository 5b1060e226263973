"""Specifications of the runs that are measured, and what every part needs of a device."""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from benchmarks.gpu.material import Material
from spafit.stratification import parse_name
from spafit.training.config import RunSpec, TrainSettings
from spafit.training.events import Finished, Started, Step

STEPS = 6


def spec(given: Material, name: str = "SPAFIT-2-4", *, large: bool = False, **settings: Any) -> RunSpec:
    """Return the specification of a run of this setting on the part's device; nothing is evaluated on the way."""
    layers = 6 if given.tiny or not large else 24
    steps = settings.get("max_steps", STEPS)
    usual: dict[str, Any] = {"device": given.device, "max_steps": steps, "eval_every": steps, "eval_samples": 200}
    usual |= {"train_samples": 2000, "max_length": 48 if given.tiny else 128}
    stratification = parse_name(name, layers)
    return RunSpec(given.large if large else given.model, given.task, stratification, TrainSettings(**usual | settings))


@dataclass(frozen=True)
class Trained:
    """What a whole run told."""

    losses: list[float]
    started: Started
    finished: Finished


def trained(run: RunSpec) -> Trained:
    """Train to the end."""
    from spafit.training.loop import train

    events = list(train(run))
    (started,) = (event for event in events if isinstance(event, Started))
    finished = events[-1]
    assert isinstance(finished, Finished)
    return Trained([event.loss for event in events if isinstance(event, Step)], started, finished)


def synchronize(device: str) -> None:
    """Wait for everything that was asked of a GPU."""
    if device == "cuda":
        import torch

        torch.cuda.synchronize()


def free_memory(device: str) -> int | None:
    """Bytes of the card that nobody holds; None on a CPU."""
    if device != "cuda":
        return None
    import torch

    gc.collect()
    torch.cuda.empty_cache()
    return torch.cuda.mem_get_info()[0]


@contextmanager
def timed(device: str) -> Iterator[list[float]]:
    """Seconds of a block, a GPU's work included, as the one entry of the list."""
    seconds: list[float] = []
    synchronize(device)
    start = time.perf_counter()
    yield seconds
    synchronize(device)
    seconds.append(time.perf_counter() - start)

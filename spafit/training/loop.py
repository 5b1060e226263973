"""One training run, from a specification to stored parameters, told as events. It knows nothing of who watches.

    for event in train(spec, should_stop=..., folder=...):
        ...

Importing this module is quick; torch and transformers are imported when the first event is asked for.
"""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from spafit.training.config import RunSpec
from spafit.training.events import Event
from spafit.training.failures import TrainingFailed, out_of_memory_as_a_sentence
from spafit.training.timeline import Clock, Timeline

if TYPE_CHECKING:
    from spafit.training.kept import Kept

__all__ = ["TrainingFailed", "train"]

# Read when torch loads OpenMP: how long threads that wait for each other spin before they sleep. Beside another busy
# process a spinning thread holds the core that the awaited one needs (without a bound a step took twenty times as
# long); never spinning costs a third on a quiet machine, where waking a thread takes longer than most operations.
if "OMP_WAIT_POLICY" not in os.environ:
    os.environ.setdefault("GOMP_SPINCOUNT", "1000")

POLL_SECONDS = 0.1  # how often `should_stop` is asked, at most


def never() -> bool:
    """Nobody stops the run."""
    return False


def train(
    spec: RunSpec,
    *,
    should_stop: Callable[[], bool] = never,
    folder: Path | None = None,
    clock: Clock = time.perf_counter,
    kept: Kept | None = None,
) -> Iterator[Event]:
    """Train as `spec` says and yield what happens: Phase, Started, Step, Progress, Evaluated and, last, Finished.

    Args:
        spec: model, task, stratification and settings.
        should_stop: asked between batches, at most ten times a second; True ends the run as "stopped", with what was
            learned so far kept.
        folder: where `trained.safetensors` goes, before Finished is yielded; None keeps no parameters.
        clock: seconds, monotonic.
        kept: what the runs of one process share; changes no figure.

    Raises:
        SpafitError: the run cannot start or go on (TrainingFailed: it diverged, memory ran out, ...).
    """
    timeline = Timeline(clock)
    yield timeline.enter("imports")
    from spafit.training.device import forget_peak_memory
    from spafit.training.preparation import prepare
    from spafit.training.trainer import Trainer

    if kept is not None:
        forget_peak_memory()  # of the runs before in this process
    settings = spec.settings
    try:
        with out_of_memory_as_a_sentence(settings.batch_size, settings.max_length, settings.accumulation):
            # Nothing here keeps what is made, so that its memory is free in the end.
            prepared = prepare(spec, timeline, kept)
            yield from Trainer((yield from prepared), timeline, _polled(should_stop, clock), folder).events()
    finally:
        _free_memory()


def _polled(should_stop: Callable[[], bool], clock: Clock) -> Callable[[], bool]:
    """Ask at most every `POLL_SECONDS`, since the answer may cost a database query; a yes stays a yes."""
    asked = float("-inf")
    answer = False

    def poll() -> bool:
        nonlocal asked, answer
        now = clock()
        if not answer and now - asked >= POLL_SECONDS:
            asked, answer = now, should_stop()
        return answer

    return poll


def _free_memory() -> None:
    import torch

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()

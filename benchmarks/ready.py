"""A run that is about to take its first step, for benchmarks that time steps."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from spafit.training.config import RunSpec
from spafit.training.loop import never
from spafit.training.timeline import Timeline

if TYPE_CHECKING:
    from spafit.training.trainer import Trainer


def ready_trainer(spec: RunSpec) -> Trainer:
    """Prepare a run; its frozen prefix has yet to be computed."""
    from spafit.training.preparation import prepare
    from spafit.training.trainer import Trainer

    timeline = Timeline(time.perf_counter)
    preparing = prepare(spec, timeline)
    try:
        while True:
            next(preparing)
    except StopIteration as end:
        return Trainer(end.value, timeline, never)

"""A trainer that is about to take its first step."""

from spafit.training.config import RunSpec
from spafit.training.loop import never
from spafit.training.preparation import prepare
from spafit.training.timeline import Timeline
from spafit.training.trainer import Trainer


def ready_trainer(spec: RunSpec) -> Trainer:
    """Prepare a run with a clock that stands still, its frozen prefix computed."""
    timeline = Timeline(lambda: 0.0)
    preparing = prepare(spec, timeline)
    try:
        while True:
            next(preparing)
    except StopIteration as end:
        trainer = Trainer(end.value, timeline, never)
    for _ in trainer.fill_prefix(trainer.feed):
        pass
    return trainer

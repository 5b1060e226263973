"""What a made-up run tells, and what a page says."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest

from spafit.training.events import Change, Evaluated, Event, Finished, Phase, Started, Step

STEPS = 40
TIMELINE = (("imports", 1.0), ("data", 0.5), ("training", 6.0), ("final", 0.5))
STARTED = Started(
    STEPS,
    67_202,
    22_763_138,
    "cpu",
    "fp32",
    1e-3,
    320,
    100,
    10,
    2,
    ("Frozen layers run once.",),
    1.5,
    weights_hash="w",
    data_hash="d",
    engine_generation=1,
)
FINISHED = Finished(
    "finished",
    {"accuracy": 0.8},
    {"accuracy": 0.81},
    {"accuracy": 0.5},
    8.0,
    STEPS,
    TIMELINE,
    validation_baseline={"accuracy": 0.52},
    changes=(
        Change("layer", 3, "bias", 0.02, False),
        Change("layer", 6, "lora", 0.004, False),
        Change("head", None, "weight", 0.3, True),
    ),
)


def events_until(steps: int) -> list[Event]:
    """Tell what a run tells up to a step: falling loss, rising accuracy, an evaluation every ten steps."""
    events: list[Event] = [Phase("imports", 0.1), STARTED, Phase("training", 1.5)]
    for step in range(1, steps + 1):
        seconds, epoch = 1.5 + 0.15 * step, step / 20
        events.append(Step(step, epoch, 0.7 - 0.005 * step, 1e-3, seconds, 16 * step, remaining=0.15 * (STEPS - step)))
        if step % 10 == 0:
            events.append(Evaluated(step, {"accuracy": 0.5 + 0.007 * step}, 0.7 - 0.004 * step, seconds, epoch))
    return events


def words(app: AppTest) -> str:
    """All the text on a page, sidebar included."""
    kinds = ("title", "subheader", "markdown", "text", "caption", "error", "warning", "info", "success")
    return "\n".join(str(element.value) for kind in kinds for element in getattr(app, kind))

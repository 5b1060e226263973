"""What a run says while it goes: plain records that a store, a page or a terminal can follow. No torch.

Every event's `seconds` is the time since the run was launched, unless its own comment says otherwise.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, fields
from typing import Any, ClassVar

from spafit.errors import SpafitError


@dataclass(frozen=True)
class Event:
    """Base of all events; `kind` names the event in `to_dict`."""

    kind: ClassVar[str] = ""

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values, with the event's kind."""
        return {"kind": self.kind, **asdict(self)}


@dataclass(frozen=True)
class Phase(Event):
    """A part of the run begins. The names are those of `PHASES`."""

    kind: ClassVar[str] = "phase"
    name: str
    seconds: float

    def __post_init__(self) -> None:
        _check_phases([self.name])


# The parts of a run in the order they come, with what a person may be told while each lasts.
PHASES = {
    "imports": "Starting PyTorch",
    "data": "Reading and tokenizing the task",
    "model": "Loading the model",
    "prefix": "Computing the frozen layers once",
    "training": "Training",
    "evaluating": "Evaluating",
    "saving": "Saving the trained parameters",
    "final": "Final evaluation of the full model",
}


def _check_phases(names: Iterable[str]) -> None:
    if unknown := [name for name in names if name not in PHASES]:
        raise SpafitError(f"A run has no part {unknown[0]!r}; its parts are {', '.join(PHASES)}.")


@dataclass(frozen=True)
class AutomaticChoice:
    """What a run chose by itself, and why."""

    subject: str  # "Matrix products", "Frozen-prefix cache", ...
    choice: str
    reason: str = ""

    @property
    def sentence(self) -> str:
        """Both in one line."""
        return f"{self.subject}: {self.choice}{f' – {self.reason}' if self.reason else ''}."


@dataclass(frozen=True)
class Started(Event):
    """Everything is loaded and the first step is next."""

    kind: ClassVar[str] = "started"
    total_steps: int  # optimizer steps, if nothing stops the run early
    trainable: int  # parameters
    total: int  # parameters, adapters included
    device: str  # "cpu", "cuda", "mps"
    precision: str  # "fp32" or "bf16"
    learning_rate: float  # peak
    train_examples: int
    eval_examples: int  # in each live evaluation
    eval_every: int  # steps
    cached_layers: int  # layers replayed from the prefix cache; 0: none
    decisions: tuple[str, ...]  # the sentences of `choices`
    seconds: float
    final_examples: int = 0  # in the final evaluation, of all its parts together; 0: not known
    choices: tuple[AutomaticChoice, ...] = ()  # empty in events of earlier versions, which have only sentences
    weights_hash: str | None = None  # of the model's weights; None in events of earlier versions, as the next two
    data_hash: str | None = None  # of the task's prepared rows
    engine_generation: int | None = None  # see `spafit.training.config.ENGINE_GENERATION`

    def __post_init__(self) -> None:
        object.__setattr__(self, "decisions", tuple(self.decisions))
        choices = (AutomaticChoice(**c) if isinstance(c, dict) else c for c in self.choices)
        object.__setattr__(self, "choices", tuple(choices))


@dataclass(frozen=True)
class Step(Event):
    """A point of the training curve; the first and the last step always have one, longer runs not every other step."""

    kind: ClassVar[str] = "step"
    step: int  # optimizer steps done
    epoch: float  # passes over the training examples done
    loss: float  # mean over the examples since the previous Step
    learning_rate: float
    seconds: float
    examples: int  # training examples seen
    remaining: float | None = None  # estimated seconds to the end of the run; None: not known yet


@dataclass(frozen=True)
class Progress(Event):
    """How far a run is, told now and then between points of the curve that are far apart."""

    kind: ClassVar[str] = "progress"
    step: int  # optimizer steps done
    seconds: float
    remaining: float | None  # as in `Step`


@dataclass(frozen=True)
class Evaluated(Event):
    """A live evaluation on the validation examples (from the fast path; the final figures come with `Finished`)."""

    kind: ClassVar[str] = "evaluated"
    step: int
    metrics: dict[str, float]
    loss: float
    seconds: float
    epoch: float = 0.0
    remaining: float | None = None  # as in `Step`


@dataclass(frozen=True)
class Change:
    """How much training changed one kind of parameters in one row of the model; what did not train has none."""

    row: str  # "embeddings", "layer" or "head"
    layer: int | None  # 1-based; None outside the layers
    kind: str  # "bias", "lora" or "weight"
    ratio: float  # norm of the change over the norm before; the norm of the change itself where `absolute`
    absolute: bool  # whether what was there before is zero, so that there is nothing to compare with


@dataclass(frozen=True)
class Finished(Event):
    """The run is over and its trained parameters are on disk."""

    kind: ClassVar[str] = "finished"
    state: str  # "finished" or "stopped"
    metrics: dict[str, float]  # on the test split: fp32, full model, fixed batches; empty when stopped
    validation_metrics: dict[str, float]  # likewise on the validation split
    baseline: dict[str, float]  # on the test split: what the most frequent label, or the mean, reaches
    seconds: float
    steps: int  # optimizer steps done
    timeline: tuple[tuple[str, float], ...] = ()  # (phase, seconds spent in it), in order of first appearance
    padding: float = 0.0  # share of the processed training tokens that were padding
    early: bool = False  # early stopping ended it
    peak_memory: int = 0  # bytes: resident memory of the process, or on a GPU the allocated memory
    further_tests: dict[str, dict[str, dict[str, float]]] = field(default_factory=dict)
    # part -> "metrics" and "baseline", as above, for each further test part: MNLI's "test_mismatched"
    validation_baseline: dict[str, float] = field(default_factory=dict)  # `baseline` on the validation split
    changes: tuple[Change, ...] = ()  # by row and kind; empty in events of earlier versions

    def __post_init__(self) -> None:
        object.__setattr__(self, "timeline", tuple((str(name), float(seconds)) for name, seconds in self.timeline))
        _check_phases(name for name, _seconds in self.timeline)
        changes = (Change(**c) if isinstance(c, dict) else c for c in self.changes)
        object.__setattr__(self, "changes", tuple(changes))


_EVENTS: dict[str, type[Event]] = {event.kind: event for event in (Phase, Started, Step, Progress, Evaluated, Finished)}


def event_from_dict(data: dict[str, Any]) -> Event:
    """Invert `to_dict`. Unknown fields of newer versions are left out; an unknown kind raises `SpafitError`."""
    event = _EVENTS.get(data.get("kind", ""))
    if event is None:
        raise SpafitError(f"Unknown event kind {data.get('kind')!r}; known are {', '.join(_EVENTS)}.")
    names = {f.name for f in fields(event)}
    try:
        return event(**{key: value for key, value in data.items() if key in names})
    except TypeError:
        raise SpafitError(f"An event of kind {event.kind!r} lacks some of its fields.") from None

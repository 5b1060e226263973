"""What a run is asked to do: the training settings, and the specification that a run is made from. No torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from types import MappingProxyType
from typing import Any

from spafit.errors import SpafitError
from spafit.stratification import Stratification
from spafit.training.rates import default_learning_rate
from spafit.training.setting import choice, number, settings_of, switch, whole
from spafit.training.steps import count_steps

SCHEMA_VERSION = 1
INCIDENTAL = ("device", "precision", "prefix_cache", "checkpointing")
"""Settings that save time or memory and are no part of what a run measures."""
ENGINE_GENERATION = 2
"""Raised whenever training the same specification gives other figures: only runs of one generation are compared."""


class SettingsError(SpafitError):
    """A training setting is out of range, or two settings contradict each other."""


@dataclass(frozen=True)
class TrainSettings:
    """How to train. Fields are checked on construction; `SettingsError` says which is wrong and what is allowed.

    A setting is written here and nowhere else: the form, the command line, the checks and the exported script take it
    from its field (see `spafit.training.setting`), its explanation from the glossary.
    """

    train_samples: int | None = whole(
        2000, "--train-examples", 2, 10**9, former_flags=("--train-samples",), empty="all", step=500, basic=True
    )
    epochs: float = number(2.0, "--epochs", 0.0, 10_000.0, above=True, basic=True)
    max_steps: int | None = whole(None, "--max-steps", 1, 10**9, empty="none", step=50)
    batch_size: int = whole(16, "--batch-size", 1, 4096)
    learning_rate: float | None = number(
        None,  # the rate recorded for the method
        "--lr",
        0.0,
        1e6,
        former_flags=("--learning-rate",),
        above=True,
        usual=(1e-7, 0.1),
        empty="auto",
        step=1e-4,
        basic=True,
    )
    max_length: int = whole(128, "--max-length", 4, 131_072, unit="tokens", step=32)
    seed: int = whole(0, "--seed", 0, 2**32 - 1)
    eval_every: int | None = whole(None, "--eval-every", 1, 10**9, empty="auto", step=10)
    eval_samples: int | None = whole(
        500, "--eval-examples", 1, 10**9, former_flags=("--eval-samples",), empty="all", step=100
    )
    early_stopping: int | None = whole(
        None, "--early-stopping-patience", 1, 10**6, former_flags=("--early-stopping",), empty="off"
    )
    warmup: float = number(0.1, "--warmup", 0.0, 1.0, step=0.05)
    weight_decay: float = number(0.01, "--weight-decay", 0.0, 1.0, step=0.01)
    max_grad_norm: float = number(1.0, "--max-grad-norm", 0.0, 1e6, above=True, step=0.5)
    accumulation: int = whole(1, "--gradient-accumulation-steps", 1, 4096, former_flags=("--accumulation",))
    group_by_length: bool = switch("--group-by-length")
    checkpointing: bool = switch("--gradient-checkpointing", "--checkpointing")
    precision: str = choice("--precision", "auto", "fp32", "bf16")
    device: str = choice("--device", "auto", "cpu", "cuda", "mps")
    prefix_cache: str = choice("--prefix-cache", "auto", "on", "off")
    frozen_dropout: bool = switch("--frozen-dropout")
    head_weights: str = choice("--head", "new", "kept")

    def __post_init__(self) -> None:
        for name, setting in SETTINGS.items():
            if problem := setting.problem(getattr(self, name)):
                raise SettingsError(f"{name} {problem}.")
            object.__setattr__(self, name, setting.stored(getattr(self, name)))
        if self.frozen_dropout and self.prefix_cache == "on":
            raise SettingsError(
                "prefix_cache 'on' contradicts frozen_dropout: with dropout in the frozen layers their output changes "
                "at every pass and cannot be cached."
            )

    def expected_steps(self) -> int | None:
        """How many steps a run will have, if a number of examples is asked for; a task may have fewer."""
        if self.train_samples is None and self.max_steps is None:
            return None
        return count_steps(self, self.train_samples or 1).total

    def within(self, rows: Mapping[str, int]) -> TrainSettings:
        """Return the settings with no more examples than a task's parts have; parts that are not known do not count."""
        wanted = {"train_samples": "train", "eval_samples": "validation"}
        most = {name: rows[part] for name, part in wanted.items() if part in rows}
        asked = {name: getattr(self, name) for name in most}
        return replace(self, **{name: min(value, most[name]) for name, value in asked.items() if value is not None})

    def changes(self, base: TrainSettings) -> dict[str, Any]:
        """Return the settings that differ from another's."""
        return {name: value for name, value in self.to_dict().items() if value != getattr(base, name)}

    def remarks(self) -> list[str]:
        """Return a sentence for each value that is allowed but far from what is usual."""
        return [said for name, setting in SETTINGS.items() if (said := setting.remark(getattr(self, name)))]

    def to_dict(self) -> dict[str, Any]:
        """All settings as plain JSON values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> TrainSettings:
        """Read what `to_dict` wrote; absent settings take their defaults, unknown ones raise `SettingsError`."""
        if not isinstance(data, dict):
            raise SettingsError("Training settings must be a JSON object.")
        known = {f.name for f in fields(cls)}
        unknown = sorted(str(key) for key in data if key not in known)
        if unknown:
            raise SettingsError(f"Unknown training setting {unknown[0]!r}; known are {', '.join(sorted(known))}.")
        return cls(**data)


SETTINGS = MappingProxyType(settings_of(TrainSettings))
"""What is known of each setting, by name, in the order of the form."""

# Finishes in 26 s on two idle cores (Intel Xeon, 2.5 GHz) with the bundled model. The recorded maps are of this series:
# whoever trains with it adds to them.
QUICK = TrainSettings(train_samples=500, epochs=2.0, max_length=64, eval_samples=300)


@dataclass(frozen=True)
class RunSpec:
    """Everything that decides a run: model, task, stratification and settings."""

    model: str  # a folder, a catalogue key or a Hub id
    task: str  # a task key, or the path of a local data set
    stratification: Stratification
    settings: TrainSettings = field(default_factory=TrainSettings)

    def __post_init__(self) -> None:
        for name in ("model", "task"):
            value = getattr(self, name)
            if not isinstance(value, str) or not value.strip():
                raise SettingsError(f"A run needs a {name}: its key, folder or Hub id.")

    @property
    def learning_rate(self) -> float:
        """The peak learning rate: the one in the settings, else the default recorded for the method."""
        given = self.settings.learning_rate
        return default_learning_rate(self.stratification, self.settings.expected_steps()) if given is None else given

    def resolved(self) -> RunSpec:
        """Return the same run with its learning rate written out: later defaults cannot change what it means."""
        return replace(self, settings=replace(self.settings, learning_rate=self.learning_rate))

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values, with the schema version."""
        return {
            "schema": SCHEMA_VERSION,
            "model": self.model,
            "task": self.task,
            "stratification": self.stratification.to_dict(),
            "settings": self.settings.to_dict(),
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> RunSpec:
        """Read what `to_dict` wrote; raise `SettingsError` on a missing part or an unknown schema version."""
        if not isinstance(data, dict):
            raise SettingsError("A run's specification must be a JSON object.")
        if data.get("schema") != SCHEMA_VERSION:
            raise SettingsError(
                f"This run's specification has schema {data.get('schema')!r}; this version of spafit reads "
                f"schema {SCHEMA_VERSION}."
            )
        missing = [name for name in ("model", "task", "stratification") if name not in data]
        if missing:
            raise SettingsError(f"A run's specification lacks {missing[0]!r}.")
        return cls(
            model=data["model"],
            task=data["task"],
            stratification=Stratification.from_dict(data["stratification"]),
            settings=TrainSettings.from_dict(data.get("settings", {})),
        )

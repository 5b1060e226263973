"""How much one run, one owner and the whole queue may take here: an administrator's settings, generous by default."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass

from spafit.errors import SpafitError
from spafit.training.config import RunSpec


class LimitError(SpafitError):
    """Something would be more than this installation allows."""


@dataclass(frozen=True)
class Limit:
    """One setting: an environment variable and what holds without it."""

    variable: str
    default: float
    what: str
    """For the table in docs/runs.md."""

    def value(self, environment: Mapping[str, str] | None = None) -> float:
        """Return the limit. Raises `SpafitError` when the variable holds no number above 0."""
        text = (os.environ if environment is None else environment).get(self.variable, "")
        if not text.strip():
            return self.default
        try:
            number = float(text)
        except ValueError:
            number = math.nan
        if not (math.isfinite(number) and number > 0):
            raise SpafitError(f"{self.variable} must be a number above 0, not {text[:40]!r}.")
        return number


QUEUED = Limit("SPAFIT_MAX_QUEUED", 1000, "runs that wait, of everybody together; administrators may queue more")
QUEUED_BY_OWNER = Limit("SPAFIT_MAX_QUEUED_BY_OWNER", 100, "runs of one owner that wait; administrators may queue more")
EXAMPLES = Limit("SPAFIT_MAX_EXAMPLES", 20_000_000, "training examples of a run, counted once an epoch")
HOURS = Limit("SPAFIT_MAX_HOURS", 24, "hours that a run may take; then it is ended, and its curve is kept")
WEIGHTS_GB = Limit("SPAFIT_MAX_WEIGHTS_GB", 20, "GB of saved weights; the oldest that nothing needs go first")
UPLOADS_MB = Limit("SPAFIT_MAX_UPLOADS_MB", 2000, "MB that the uploads of all open pages hold in memory together")
LIMITS = (QUEUED, QUEUED_BY_OWNER, EXAMPLES, HOURS, WEIGHTS_GB, UPLOADS_MB)


def check_examples(spec: RunSpec, most: float | None = None) -> None:
    """Refuse a run that would see more training examples than allowed, as far as that can be told before it starts.

    ``most`` is what a class allows, if that is less than this installation does.

    Raises:
        LimitError: with what would fit.
    """
    settings, most, whose = spec.settings, *_lower(most)
    if settings.max_steps is not None:
        a_step = settings.batch_size * settings.accumulation
        if settings.max_steps * a_step > most:
            fitting = f"at most {int(most // a_step):,} steps of {a_step:,} fit"
            raise LimitError(_too_many(settings.max_steps * a_step, most, whose, fitting))
        return
    available = _train_size(spec.task)
    chosen = min(settings.train_samples or math.inf, available or math.inf)
    if chosen is not math.inf and chosen * settings.epochs > most:
        fitting = f"at most {most / chosen:.3g} epochs of {chosen:,} fit"
        raise LimitError(_too_many(chosen * settings.epochs, most, whose, fitting))


def check_steps(spec: RunSpec, total_steps: int, most: float | None = None) -> None:
    """Refuse a run whose number of steps has become known only with its data. Raises `LimitError`."""
    a_step, most, whose = spec.settings.batch_size * spec.settings.accumulation, *_lower(most)
    if (total_steps - 1) * a_step > most:  # the last batch of an epoch may be a small one
        raise LimitError(_too_many(total_steps * a_step, most, whose, f"at most {int(most // a_step):,} steps fit"))


def _lower(of_class: float | None) -> tuple[float, str]:
    """Return the lower of a class's limit and this installation's, and whose it is."""
    here = EXAMPLES.value()
    return (
        (of_class, "in this class")
        if of_class is not None and of_class < here
        else (here, f"here ({EXAMPLES.variable})")
    )


def _too_many(asked: float, most: float, whose: str, fitting: str) -> str:
    return (
        f"This run would see {asked:,.0f} training examples, with repetition; a run may see {most:,.0f} {whose}: "
        f"{fitting}."
    )


def _train_size(task: str) -> int | None:
    """Return the number of training examples; None where knowing that would take a download or a long wait."""
    from spafit.tasks import TaskError, get_task, is_ready, preparation  # NumPy, which a light page does not need

    try:
        found = get_task(task)
        return preparation(found).splits["train"] if is_ready(found) else None
    except TaskError:
        return None


def check_queue(queued: int, queued_by_owner: int, *, administrator: bool) -> None:
    """Refuse another run in a queue that is full. Raises `LimitError`."""
    if administrator:
        return
    if queued >= QUEUED.value():
        raise LimitError(f"{queued:,} runs wait already, the most that this queue takes; try again when some are over.")
    if queued_by_owner >= QUEUED_BY_OWNER.value():
        raise LimitError(
            f"{queued_by_owner:,} of your runs wait already, the most that one owner may have here; "
            "stop some, or wait until some are over."
        )


def check_many(wanted: int, queued: int, queued_by_owner: int, *, administrator: bool) -> None:
    """Refuse to queue so many runs at once where not all of them have room. Raises `LimitError`."""
    room = int(min(QUEUED.value() - queued, QUEUED_BY_OWNER.value() - queued_by_owner))
    if not administrator and wanted > room:
        raise LimitError(f"{wanted:,} runs would be queued, and this queue has room for {max(0, room):,} of yours now.")

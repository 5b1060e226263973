"""Why training could not go on, in one sentence that says what to change. No torch at import."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from spafit.errors import SpafitError


class TrainingFailed(SpafitError):  # noqa: N818 - said to people, who read "training failed"
    """The run cannot go on; the message is the reason a person reads."""


def diverged(step: int, learning_rate: float, usual: float, what: str = "loss") -> TrainingFailed:
    """Make the failure of a run whose loss or gradients are no longer numbers; `usual` is the method's default rate."""
    if learning_rate > usual:
        advice = f"try {usual:g}, the default for this stratification"
    else:
        advice = f"try {learning_rate / 10:.2g}"
    return TrainingFailed(
        f"Training diverged: the {what} at step {step} is not a finite number. "
        f"The learning rate was {learning_rate:g}; {advice}."
    )


@contextmanager
def out_of_memory_as_a_sentence(batch_size: int, max_length: int, accumulation: int) -> Generator[None]:
    """Turn running out of memory into `TrainingFailed` naming what to try; the memory itself is freed by the caller."""
    try:
        yield
    except MemoryError as error:
        raise _out_of_memory(batch_size, max_length, accumulation) from error
    except RuntimeError as error:  # torch.OutOfMemoryError on a GPU is one; the CPU allocator raises a plain one
        if type(error).__name__ != "OutOfMemoryError" and not _is_allocation_failure(str(error)):
            raise
        raise _out_of_memory(batch_size, max_length, accumulation) from error


def _is_allocation_failure(message: str) -> bool:
    return any(sign in message.lower() for sign in ("out of memory", "can't allocate memory", "defaultcpuallocator"))


def _out_of_memory(batch_size: int, max_length: int, accumulation: int) -> TrainingFailed:
    if batch_size > 1:
        half = batch_size // 2
        steps = -(-batch_size * accumulation // half)
        advice = f"try batch size {half} with accumulation {steps}, or gradient checkpointing"
    elif max_length > 32:
        advice = f"try gradient checkpointing, or a max length of {max_length // 2}"
    else:
        advice = "try gradient checkpointing, or a smaller model"
    return TrainingFailed(f"Out of memory at batch size {batch_size} and max length {max_length}: {advice}.")

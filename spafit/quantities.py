"""Whole numbers within bounds, and sizes as people read them."""

from __future__ import annotations

from typing import TypeGuard

from spafit.errors import SpafitError


def is_whole(value: object, low: int, high: int | None = None) -> TypeGuard[int]:
    """Whether a value from outside is an int within bounds (inclusive); booleans and floats are none."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= low and (high is None or value <= high)


def whole_number(
    value: object, what: str, low: int, high: int | None = None, error: type[Exception] = SpafitError
) -> int:
    """Return a value from outside as the whole number it has to be; ``what`` names it in the sentence of ``error``."""
    if is_whole(value, low, high):
        return value
    allowed = f"from {low:,} to {high:,}" if high is not None else f"of at least {low:,}"
    raise error(f"{what} is {repr(value)[:40]} but must be a whole number {allowed}.")


def bytes_text(size: float) -> str:
    """Return a number of bytes in three digits and decimal units, as disks count: ``538 kB``, ``2.67 GB``."""
    for unit in ("B", "kB", "MB", "GB"):
        if size < 999.5:
            return f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:.3g} TB" if size < 999.5 else f"{size:,.0f} TB"

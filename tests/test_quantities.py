"""Whole numbers from outside, and sizes as people read them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spafit.errors import SpafitError
from spafit.quantities import bytes_text, is_whole, whole_number


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 B"), (999, "999 B"), (1000, "1 kB"), (538_000, "538 kB"), (3.24e12, "3.24 TB"), (10**15, "1,000 TB")],
)
def test_sizes_in_words(size: float, text: str) -> None:
    assert bytes_text(size) == text


@given(st.integers(0, 10**15))
def test_sizes_lose_at_most_half_a_percent(size: int) -> None:
    number, unit = bytes_text(size).split()
    read = float(number.replace(",", "")) * 1000 ** ("B", "kB", "MB", "GB", "TB").index(unit)
    assert abs(read - size) <= 0.005 * size


@given(st.integers(-5, 5), st.integers(-5, 5), st.integers(-5, 5))
def test_whole_numbers_within_bounds_come_back(value: int, low: int, high: int) -> None:
    assert is_whole(value, low, high) == (low <= value <= high)
    if is_whole(value, low, high):
        assert whole_number(value, "It", low, high) == value
    else:
        with pytest.raises(SpafitError, match=f"^It is {value} but must be a whole number from {low} to {high}\\.$"):
            whole_number(value, "It", low, high)


@pytest.mark.parametrize("value", [True, 1.0, "1", None, float("nan"), [1]])
def test_what_only_looks_like_a_whole_number_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="of at least 0"):
        whole_number(value, "It", 0, error=ValueError)

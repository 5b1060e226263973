"""Work in a process of its own: its answer, its sentences, its limits."""

from __future__ import annotations

import os
import sys

import pytest

from spafit import helper
from spafit.errors import SpafitError
from spafit.helper import Helper, HelperError

HERE = "tests.helped"


def call(function: str, arguments: dict | None = None, *, seconds: float = 60.0, **options):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    return helper.call(
        f"{HERE}:{function}", arguments or {}, doing="The work", seconds=seconds, environment=environment, **options
    )


def test_json_goes_in_and_comes_out_whatever_is_printed() -> None:
    value = {"a": [1, None, "é " * 100_000]}
    assert call("echo", {"value": value}) == value


@pytest.mark.parametrize(
    ("function", "says"),
    [
        ("refuse", r"^No, because of this\.$"),
        ("crash", r"^The work failed: its process ended without an answer \(exit code 1: ZeroDivisionError: .*\)\.$"),
        ("die", r"^The work failed: its process ended without an answer \(signal SIGKILL\)\.$"),
        ("run_out", r"^This needs more than .* of memory and was given up\.$"),
        ("missing", r"ended without an answer .*AttributeError"),
    ],
)
def test_every_end_is_one_sentence(function: str, says: str) -> None:
    with pytest.raises(HelperError, match=says) as caught:
        call(function)
    assert isinstance(caught.value, SpafitError)


def test_it_is_ended_when_its_time_is_over() -> None:
    with pytest.raises(HelperError, match=r"^The work took longer than 0 s and was given up\.$"):
        call("sleep", seconds=0.2)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Only Linux bounds the memory of a process as asked.")
def test_it_is_ended_when_it_takes_too_much_memory() -> None:
    with pytest.raises(HelperError, match=r"^This needs more than 300 MB of memory and was given up\.$"):
        call("grow", memory=300_000_000)


def test_it_can_be_ended_by_whoever_started_it() -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    process = Helper(f"{HERE}:sleep", {}, doing="The work", seconds=60.0, environment=environment)
    assert not process.poll()
    process.end("It was stopped.")
    assert process.poll()
    with pytest.raises(HelperError, match=r"^It was stopped\.$"):
        process.result()

"""Calling the command line in the test's own process."""

from __future__ import annotations

import json
import sys
from typing import Any

import pytest

from spafit.cli import main

SPAFIT = [sys.executable, "-m", "spafit"]


def printed(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> str:
    """Run a command in this process and return what it wrote to stdout."""
    assert main(arguments) == code
    return capsys.readouterr().out


def document(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> Any:
    return json.loads(printed(capsys, *arguments, "--json", code=code).splitlines()[-1])


def call(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """Run a command in this process and return its exit code, stdout and stderr."""
    capsys.readouterr()
    code = main(arguments)
    return code, *capsys.readouterr()

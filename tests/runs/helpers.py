"""Scripted runs, and waiting for outcomes instead of sleeping."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import psutil

from spafit.stratification import preset
from spafit.training.config import RunSpec, TrainSettings

Found = TypeVar("Found")
STANDIN = Path(__file__).parent / "standin"


def scripted(task: str = "steps=3", *, seed: int = 0, device: str = "auto") -> RunSpec:
    """Return a run whose task is a script for `standin/scripted.py`."""
    return RunSpec("tiny", task, preset("spafit", 6, 2, 4), TrainSettings(seed=seed, device=device))


def eventually(look: Callable[[], Found], seconds: float = 30.0) -> Found:
    """Return what ``look`` finds as soon as it is true; fail when it never is."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline, f"Still {found!r} after {seconds:g} s."
        time.sleep(0.05)
    return found


def processes_of(home: Path) -> list[psutil.Process]:
    """Every live process that belongs to a home, by its environment."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("SPAFIT_HOME") == str(home) and process.pid != os.getpid():
                found.append(process)
        except psutil.Error:
            continue
    return found


def command_lines(home: Path) -> list[str]:
    """Return the command lines of `processes_of`, for messages and for telling supervisor, worker and helper apart."""
    lines = []
    for process in processes_of(home):
        try:
            lines.append(" ".join(process.cmdline()))
        except psutil.Error:
            continue
    return lines

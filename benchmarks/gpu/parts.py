"""The parts in their order, each with its share of the time, and the process that each is done in."""

from __future__ import annotations

import importlib
import multiprocessing
import os
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.gpu.material import Material
from benchmarks.gpu.result import carry_out, read, write

WHOLE_SECONDS = 300.0
"""What the shares below are of."""
AT_LEAST = 10.0
"""Seconds without which a part is not begun."""
END_SECONDS = 10.0
"""That a killed process may take to be gone, and to give its memory back."""


@dataclass(frozen=True)
class Part:
    """Something to find out, in a process of its own."""

    name: str
    work: str
    """Module and function, after `benchmarks.gpu.`."""
    seconds: float
    options: dict[str, Any] = field(default_factory=dict)


def _contest(who: str, name: str, batch: int, seconds: float, steps: int) -> Part:
    large = who == "large"
    options = {"name": name, "large": large, "batch": batch, "steps": steps}
    return Part(f"speed-{who}-{name}-{batch}".lower(), "speed:contest", seconds, options)


PARTS = (
    Part("correctness", "correctness:in_process", 45),
    Part("queue", "correctness:through_the_queue", 90),
    Part("rate", "speed:rate", 10),
    *(_contest("bundled", name, batch, 25, 150) for name in ("SPAFIT-2-4", "SPAFIT-4-5") for batch in (16, 64)),
    *(_contest("large", name, batch, 25, 40) for name in ("SPAFIT-8-16", "Full") for batch in (16, 64)),
    Part("memory", "memory:peaks", 40),
    Part("together", "together:processes", 60),
)
TINY = (
    *PARTS[:3],
    _contest("bundled", "SPAFIT-2-4", 4, 60, 8),
    *(part for part in PARTS if part.name in ("memory", "together")),
)


class Apart:
    """Does work in processes of their own, one after the other, that find the libraries imported."""

    def __init__(self, out: Path, preload: Sequence[str] = ("benchmarks.gpu.preloaded",)) -> None:
        self._out = out
        self._context = multiprocessing.get_context("forkserver")  # it imports once, and touches no card
        self._context.set_forkserver_preload(list(preload))

    def do(self, name: str, seconds: float, function: Any, *arguments: Any) -> str:
        """Call a function in a process with a data folder of its own; say how that ended, or nothing if well."""
        home = self._out / "homes" / name
        process = self._context.Process(target=_call, args=(str(home), function, arguments))
        process.start()
        process.join(seconds)
        said = f"its process ended with exit code {process.exitcode}" if process.exitcode else ""
        if process.is_alive():
            said = f"ended after {seconds:.0f} s, its limit"
        process.kill()  # by itself too: it may not have come as far as its group
        _end(process.pid, str(home))
        process.join()
        return said


def _call(home: str, function: Any, arguments: Any) -> None:
    os.setsid()
    # An idle supervisor keeps a worker waiting, as it does by default.
    os.environ.update({"SPAFIT_HOME": home, "SPAFIT_IDLE_SECONDS": "300"})
    function(*arguments)


def _end(pid: int | None, home: str) -> None:
    """End a process with its group, and whatever was started for it and works on its data folder."""
    import psutil

    if pid is not None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)
    killed = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.pid != os.getpid() and process.environ().get("SPAFIT_HOME") == home:
                process.kill()
                killed.append(process)
    psutil.wait_procs(killed, timeout=END_SECONDS)


def carry_out_all(apart: Apart, given: Material, minutes: float, out: Path, about: dict[str, Any]) -> None:
    """Do the parts until the minutes are over; what each found is in a file of its name, whatever became of it."""
    end = time.monotonic() + minutes * 60
    for number, part in enumerate(TINY if given.tiny else PARTS, 1):
        path = out / f"{number:02}-{part.name}.json"
        limit = min(part.seconds * minutes * 60 / WHOLE_SECONDS, end - time.monotonic())
        began = limit >= AT_LEAST
        state = apart.do(part.name, limit, _do, part, given, path, about) if began else "not begun: no time was left"
        if state:
            write(path, {"part": path.stem, "about": about, "results": {}} | read(path) | {"state": state})
        print(f"{part.name}: {read(path)['state']}", flush=True)


def _do(part: Part, given: Material, path: Path, about: dict[str, Any]) -> None:
    """Be the process of a part."""
    if given.glue:
        os.environ["SPAFIT_GLUE_DIR"] = given.glue
    module, function = part.work.split(":")
    work = getattr(importlib.import_module(f"benchmarks.gpu.{module}"), function)
    carry_out(work, given, part.options, path, about)


def results_of(out: Path) -> Iterator[dict[str, Any]]:
    """Yield what every part has written, in order."""
    for path in sorted(out.glob("[0-9][0-9]-*.json")):
        yield read(path)

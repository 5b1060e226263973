"""Slow or risky work in a process of its own, bounded in time and memory; JSON goes in and comes out.

The caller's process imports nothing heavy and survives whatever the work does. The helper process is
``python -m spafit.helper MODULE:FUNCTION``: it reads its limits and the function's arguments from stdin, and the last
line that it writes is ``{"result": ...}`` or ``{"error": sentence}``.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import spafit
from spafit.errors import SpafitError
from spafit.machine import HELPERS_MEMORY_SCORE, HELPERS_NICENESS, usable_cores, yield_to_others
from spafit.quantities import bytes_text

MEMORY = 6 * 10**9
"""Bytes of data a helper process may hold, unless its caller says otherwise (Linux)."""


class HelperError(SpafitError):
    """A helper process gave no result: the sentence is its own, or says how it ended."""


class Helper:
    """One helper process. `poll` never waits; `result` does."""

    def __init__(
        self,
        function: str,
        arguments: Mapping[str, Any],
        *,
        doing: str,
        seconds: float,
        memory: int = MEMORY,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """Start the process.

        Args:
            function: what it calls, as ``package.module:function``; it takes and returns JSON types.
            arguments: of that function.
            doing: what it does, as sentences about its failure begin: ``Reading the data``.
            seconds: after which it is ended.
            memory: bytes it may hold.
            environment: its whole environment; this process's when left out.

        Raises:
            OSError: it cannot be started.
        """
        self._doing, self._seconds, self._memory = doing, seconds, memory
        self._deadline = time.monotonic() + seconds
        self._error: str | None = None
        with tempfile.TemporaryFile() as request:
            limits = {"memory": memory, "seconds": seconds}
            request.write(json.dumps({"limits": limits, "arguments": dict(arguments)}).encode())
            request.seek(0)
            # Files and not pipes: nobody has to read along, and a long answer cannot block.
            self._output, self._errors = tempfile.TemporaryFile(), tempfile.TemporaryFile()  # noqa: SIM115
            self._process = subprocess.Popen(
                module_command("spafit.helper", function),
                env=module_environment(os.environ if environment is None else environment)
                | {"TOKENIZERS_PARALLELISM": "false", "PYTHONIOENCODING": "utf-8"},
                stdin=request,
                stdout=self._output,
                stderr=self._errors,
            )

    def poll(self) -> bool:
        """Whether it has ended; one that is beyond its time is ended now."""
        if self._process.poll() is None and time.monotonic() >= self._deadline:
            self.end(f"{self._doing} took longer than {self._seconds:.0f} s and was given up.")
        return self._process.poll() is not None

    def end(self, why: str) -> None:
        """End the process, if it still runs; ``why`` is what `result` raises then."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
            self._error = why

    def wait(self, seconds: float) -> None:
        """Wait for its end, at most so long."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=max(0.0, min(seconds, self._deadline - time.monotonic())))

    def result(self) -> Any:
        """Wait for the end and return what the function returned.

        Raises:
            HelperError: with the function's own sentence, or that it took too long or ended without an answer.
        """
        while not self.poll():
            self.wait(self._seconds)
        with self._output, self._errors:
            if self._error is not None:
                raise HelperError(self._error)
            lines, said = _lines(self._output), _lines(self._errors)
        try:
            answer = json.loads(lines[-1])
        except (IndexError, ValueError) as error:
            last = f": {said[-1][:300]}" if said else ""
            how = exit_words(self._process.returncode)
            raise HelperError(f"{self._doing} failed: its process ended without an answer ({how}{last}).") from error
        if "error" in answer:
            raise HelperError(str(answer["error"]))
        return answer["result"]


def call(function: str, arguments: Mapping[str, Any], *, doing: str, seconds: float, **options: Any) -> Any:
    """Run a function in a helper process and return its result; arguments and errors are those of `Helper`."""
    try:
        helper = Helper(function, arguments, doing=doing, seconds=seconds, **options)
    except OSError as error:
        raise HelperError(f"{doing} cannot be started ({error.strerror}).") from error
    return helper.result()


def module_command(module: str, *arguments: str) -> list[str]:
    """Return the command line of ``python -m module``, with the working folder kept out of what can be imported."""
    return [sys.executable, "-P", "-m", module, *arguments]


def module_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Return an environment in which this package is found also where it is not installed."""
    package = str(Path(spafit.__file__).resolve().parents[1])
    paths = filter(None, (package, environment.get("PYTHONPATH")))
    return {**environment, "PYTHONPATH": os.pathsep.join(paths)}


def exit_words(code: int) -> str:
    """Return how a process ended, for a sentence: ``exit code 3`` or ``signal SIGKILL``."""
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"signal {signal.Signals(-code).name}"
    except ValueError:
        return f"signal {-code}"


def _lines(stream: Any) -> list[str]:
    stream.seek(0)
    return stream.read().decode("utf-8", "replace").strip().splitlines()


def main(function: str) -> None:
    """Do the work: limits first, then everything that it needs is imported."""
    request = json.load(sys.stdin)
    limits = request["limits"]
    answer: dict[str, Any]
    yield_to_others(HELPERS_NICENESS, HELPERS_MEMORY_SCORE)
    try:
        _limit(limits["memory"], limits["seconds"])
        module, _, name = function.partition(":")
        answer = {"result": getattr(importlib.import_module(module), name)(**request["arguments"])}
    except SpafitError as error:
        answer = {"error": str(error)}
    except MemoryError:
        answer = {"error": f"This needs more than {bytes_text(limits['memory'])} of memory and was given up."}
    except RecursionError:
        answer = {"error": "This is nested too deeply to be read."}
    sys.stdout.write("\n" + json.dumps(answer) + "\n")


def _limit(memory: int, seconds: float) -> None:
    """Bound this process's memory and processor time, where the platform can."""
    try:
        import resource
    except ImportError:  # Windows
        return
    cores = usable_cores()
    for what, most in (
        (resource.RLIMIT_DATA, memory),
        (resource.RLIMIT_CPU, max(1, round(seconds * cores))),
        (resource.RLIMIT_CORE, 0),
    ):
        _soft, hard = resource.getrlimit(what)
        allowed = most if hard == resource.RLIM_INFINITY else min(most, hard)
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(what, (allowed, allowed))


if __name__ == "__main__":
    main(sys.argv[1])

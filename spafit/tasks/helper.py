"""Slow or risky work in a process of its own: previews, downloads, and reading files that somebody uploaded.

The caller's process imports nothing heavy and survives whatever the file does. Arguments go in and the answer comes out
as JSON: `python -m spafit.tasks.helper COMMAND < arguments`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from spafit.errors import SpafitError
from spafit.tasks.task import TaskError

TIMEOUT = 900.0  # seconds: a slow download of a large data set
MEMORY = 6 * 1024**3  # bytes: what a file may expand to before reading it is given up


def call(command: str, *, timeout: float = TIMEOUT, **arguments: Any) -> Any:
    """Run one command in a helper process and return its answer (plain JSON values).

    Raises:
        TaskError: with the helper's own sentence, or that it took too long or ended without an answer.
    """
    package_root = str(Path(__file__).resolve().parents[2])
    path = os.pathsep.join(filter(None, (package_root, os.environ.get("PYTHONPATH"))))
    try:
        done = subprocess.run(
            [sys.executable, "-m", "spafit.tasks.helper", command],
            input=json.dumps(arguments),
            capture_output=True,
            encoding="utf-8",
            timeout=timeout,
            env={**os.environ, "PYTHONPATH": path, "TOKENIZERS_PARALLELISM": "false", "PYTHONIOENCODING": "utf-8"},
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise TaskError(f"Reading the data took longer than {timeout:.0f} s and was given up.") from error
    lines = done.stdout.strip().splitlines()
    try:
        answer = json.loads(lines[-1])
    except (IndexError, json.JSONDecodeError) as error:
        raise TaskError(
            "The process that reads the data ended without an answer"
            + (f" (signal {-done.returncode})." if done.returncode < 0 else f" (exit code {done.returncode}).")
        ) from error
    if "error" in answer:
        raise TaskError(answer["error"])
    return answer["result"]


def main(argv: list[str]) -> int:
    """Answer one command on stdout; errors meant for people become `{"error": sentence}`."""
    answer: dict[str, Any]
    try:
        _limit_memory()
        answer = {"result": _run(argv[0], json.load(sys.stdin))}
    except SpafitError as error:
        answer = {"error": str(error)}
    except MemoryError:
        answer = {"error": f"Reading this needs more than {MEMORY // 1024**3} GiB of memory and was given up."}
    sys.stdout.write(json.dumps(answer) + "\n")
    return 0


def _run(command: str, arguments: dict[str, Any]) -> Any:
    from spafit.tasks import hub_data, intake, preview

    commands: dict[str, Callable[..., Any]] = {
        "glue": hub_data.fetch_glue,
        "hub": hub_data.fetch,
        "inspect": intake.inspect,
        "add": intake.add,
        "preview": preview.make,
    }
    return commands[command](**arguments)


def _limit_memory() -> None:
    try:
        import resource
    except ImportError:  # Windows
        return
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    allowed = MEMORY if hard == resource.RLIM_INFINITY else min(MEMORY, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (allowed, hard))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Slow or risky work in a process of its own: previews, downloads, and reading files that somebody uploaded.

The caller's process imports nothing heavy and survives whatever the file does. Arguments go in and the answer comes out
as JSON: `python -m spafit.tasks.helper_process COMMAND < arguments`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

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
            [sys.executable, "-m", "spafit.tasks.helper_process", command],
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

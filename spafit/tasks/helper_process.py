"""The helper process itself: limits first, then one command (`python -m spafit.tasks.helper_process COMMAND`)."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

from spafit.errors import SpafitError
from spafit.tasks.helper import MEMORY


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
    from spafit.tasks import preview
    from spafit.tasks.glue import hub as glue_hub
    from spafit.tasks.upload import intake

    commands: dict[str, Callable[..., Any]] = {
        "glue": glue_hub.fetch_glue,
        "hub": glue_hub.fetch,
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

"""The helper process that builds one anatomy: limits first, then torch (``anatomy_process IN OUT BYTES``)."""

import contextlib
import json
import sys
from pathlib import Path

CPU_SECONDS = 120


def limit(memory: int) -> None:
    """Bound this process's memory in bytes and its processor time, where the platform can."""
    try:
        import resource
    except ImportError:  # Windows
        return
    for what, most in ((resource.RLIMIT_DATA, memory), (resource.RLIMIT_CPU, CPU_SECONDS), (resource.RLIMIT_CORE, 0)):
        with contextlib.suppress(OSError, ValueError):  # a lower limit is already set
            resource.setrlimit(what, (most, most))


def main(request: str, output: str, memory: str) -> None:
    """Read a configuration, write its anatomy for two labels, or {"error": sentence}."""
    limit(int(memory))
    from spafit.errors import SpafitError
    from spafit.models.build import build_anatomy

    try:
        answer = build_anatomy(json.loads(Path(request).read_text(encoding="utf-8"))).to_dict()
    except SpafitError as error:
        answer = {"error": str(error)}
    except (MemoryError, RecursionError):
        answer = {"error": "This configuration describes a model too large to be read here."}
    Path(output).write_text(json.dumps(answer), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])

"""The command line: ``spafit count``, ``train``, ``runs``, ``show``, ``stop``, ``models``, ``tasks``, ``doctor``.

Results go to stdout, everything else to stderr. Exit codes: 0 when it worked (for ``train``: the run finished), 1 when
it did not, 2 for input that cannot be used (one sentence on stderr, nothing on stdout), 130 after Ctrl-C.
"""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Sequence

from spafit.cli.parser import parse
from spafit.errors import SpafitError

__all__ = ["main"]

BAD_INPUT = 2
INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Carry out a command line (``sys.argv`` by default) and return the exit code."""
    try:
        _write_anything()
        chosen = parse(arguments)
        code = chosen.run(chosen)
        sys.stdout.flush()
    except SpafitError as error:
        print(str(error), file=sys.stderr)
        return BAD_INPUT
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read stdout has seen enough (`spafit runs | head`). Python must not try to write the rest at exit.
        with contextlib.suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        if os.environ.get("SPAFIT_DEBUG"):
            raise
        said = " ".join(str(error).split())[:300]
        print(f"Unexpected error ({type(error).__name__}: {said}); SPAFIT_DEBUG=1 shows where.", file=sys.stderr)
        return 1
    return code


def _write_anything() -> None:
    """Let stdout show what its encoding lacks as an escape instead of failing; stderr does so by itself."""
    if isinstance(sys.stdout, io.TextIOWrapper) and sys.stdout.errors == "strict":
        sys.stdout.reconfigure(errors="backslashreplace")

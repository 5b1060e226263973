"""Asking once, in a terminal; without one the answer has to be given beforehand."""

from __future__ import annotations

import sys

from spafit.cli.parser import CommandError


def confirm(question: str, *, yes: bool) -> bool:
    """Ask a question that is answered by yes or no; ``yes`` answers it beforehand.

    Raises:
        CommandError: there is nobody to ask, and nothing was answered beforehand.
    """
    if yes:
        return True
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise CommandError(f"{question} Without a terminal to ask in, --yes has to say so.")
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().casefold() in ("y", "yes")

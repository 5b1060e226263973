"""A progress bar for what goes on without this process."""

from __future__ import annotations

import time
from collections.abc import Callable

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, TextColumn, TimeElapsedColumn

from spafit.runs import StoreBusyError, attend

ATTEND_SECONDS = 2.0


def watch(look: Callable[[], tuple[str, int, int | None] | None], seconds: float, *more: ProgressColumn) -> None:
    """Show on stderr how far something is until it is over; what is no terminal gets no bar.

    Args:
        look: returns what is being done, how much of it is done, and how much there is; None when it is over.
        seconds: between two looks.
        more: columns of the bar beyond the usual ones.
    """
    terminal = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), *more)
    with Progress(*columns, console=terminal, disable=not terminal.is_terminal, transient=True) as progress:
        bar = progress.add_task("queued", total=None)
        attended = time.monotonic()
        while True:
            try:
                now = look()
                if now is None:
                    return
                description, completed, total = now
                progress.update(bar, description=description, completed=completed, total=total)
                if time.monotonic() - attended > ATTEND_SECONDS:
                    attend()  # should the supervisor be killed while we watch, another takes over
                    attended = time.monotonic()
            except StoreBusyError as error:
                progress.console.print(str(error), markup=False)
            time.sleep(seconds)

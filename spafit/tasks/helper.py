"""What tasks leave to a helper process: previews, downloads, and reading files that somebody uploaded."""

from __future__ import annotations

from typing import Any

from spafit import helper
from spafit.tasks.task import TaskError

TIMEOUT = 900.0  # seconds: a slow download of a large data set
COMMANDS = {
    "glue": "spafit.tasks.glue.hub:fetch_glue",
    "hub": "spafit.tasks.glue.hub:fetch",
    "look": "spafit.tasks.upload.intake:look",
    "add": "spafit.tasks.upload.intake:add",
    "preview": "spafit.tasks.preview:make",
}


def call(command: str, *, timeout: float = TIMEOUT, **arguments: Any) -> Any:
    """Run one of `COMMANDS` in a helper process and return its answer (plain JSON values).

    Raises:
        TaskError: with the helper's own sentence, or that it took too long or ended without an answer.
    """
    try:
        return helper.call(COMMANDS[command], arguments, doing="Reading the data", seconds=timeout)
    except helper.HelperError as error:
        raise TaskError(str(error)) from error

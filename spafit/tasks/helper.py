"""What tasks leave to a helper process: previews, downloads, and reading files that somebody uploaded."""

from __future__ import annotations

import os
from typing import Any

from spafit import helper
from spafit.tasks import turns
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
    """Run one of `COMMANDS` in a helper process, when its turn has come, and return its answer (plain JSON values).

    Raises:
        TaskError: with the helper's own sentence, or that it took too long or ended without an answer.
    """
    try:
        with turns.turn(timeout):
            return helper.call(
                COMMANDS[command],
                arguments,
                doing="Reading the data",
                seconds=timeout,
                environment={**os.environ, turns.MARK: "1"},
            )
    except helper.HelperError as error:
        raise TaskError(str(error)) from error

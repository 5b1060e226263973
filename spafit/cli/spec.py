"""A run's specification from a file: what ``show --json`` prints, or what a run's page saves."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from spafit.cli.stratification import MAX_FILE_BYTES, read_text
from spafit.errors import SpafitError
from spafit.training.config import RunSpec


def read_spec(name: str) -> RunSpec:
    """Return the specification in a file, or on stdin when its name is "-".

    Raises:
        SpafitError: it cannot be read, or is no run's record.
    """
    text = sys.stdin.read(MAX_FILE_BYTES) if name == "-" else read_text(Path(name), "run's record")
    where = "stdin" if name == "-" else name
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise SpafitError(f"{where} holds no run's record: it is no JSON.") from error
    if isinstance(document, dict) and "spec" in document:
        document = document["spec"]
    return RunSpec.from_dict(document)

"""Functions that tests run in a helper process."""

import os
import signal
import sys
import time
from typing import Any

from spafit.errors import SpafitError


def echo(value: Any) -> Any:
    sys.stdout.write("something that a library prints\nwithout an end of line")
    return value


def refuse() -> None:
    raise SpafitError("No, because of this.")


def crash() -> float:
    return 1 / 0


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def run_out() -> None:
    raise MemoryError


def grow() -> int:
    return len(bytearray(2_000_000_000))


def sleep() -> None:
    time.sleep(600)

"""A training loop without PyTorch that does what the run's task says: ``steps=20 delay=0.05 then=finish``."""

import errno
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from spafit.errors import SpafitError
from spafit.training.config import RunSpec
from spafit.training.events import Evaluated, Event, Finished, Phase, Started, Step


class Kept:
    """Nothing is kept between scripted runs."""


def train(
    spec: RunSpec, *, should_stop: Callable[[], bool] = lambda: False, folder: Path, kept: Kept | None = None
) -> Iterator[Event]:
    script = dict(part.split("=") for part in os.environ.get("SCRIPTED", spec.task).split())
    steps, delay, then = int(script.get("steps", 3)), float(script.get("delay", 0)), script.get("then", "finish")
    begun = time.monotonic()
    yield Phase("data", 0.0)
    yield Started(steps, 10, 100, "cpu", "fp32", 1e-3, 8, 4, 2, 0, (os.environ.get("SPAFIT_GLUE_DIR", ""),), 0.1)
    if "child" in script:  # a helper in the same process group, as a data loader would be
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    for step in range(1, steps + 1):
        if should_stop() and "deaf" not in script:
            yield Finished("stopped", {}, {"accuracy": 0.5}, {"accuracy": 0.5}, time.monotonic() - begun, step - 1)
            return
        time.sleep(delay)
        yield Step(step, step / steps, float(script.get("loss", 1.0 / step)), 1e-3, time.monotonic() - begun, step * 4)
    if then == "sleep":  # ignores Stop, answers SIGTERM
        time.sleep(600)
    if then == "deafen":  # answers neither
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
        time.sleep(600)
    if then == "diverge":
        raise SpafitError(f"The loss became NaN at step {steps}; try a smaller learning rate.")
    if then == "bug":
        raise KeyError("no such thing")
    if then == "disk":
        raise OSError(errno.ENOSPC, "No space left on device")
    if then == "memory":
        raise MemoryError
    if then == "exit":
        os._exit(3)
    if then == "segfault":
        os.kill(os.getpid(), signal.SIGSEGV)
    if then == "nothing":
        return
    yield Evaluated(steps, {"accuracy": 0.75}, 0.5, time.monotonic() - begun, 1.0)
    (folder / "trained.safetensors").write_bytes(b"trained")
    yield Finished(
        "finished", {"accuracy": 0.7}, {"accuracy": 0.75}, {"accuracy": 0.5}, time.monotonic() - begun, steps
    )

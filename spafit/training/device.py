"""Which processor a run uses."""

from __future__ import annotations

import contextlib
import ctypes
import sys
from pathlib import Path

import torch

from spafit.machine import usable_cores
from spafit.training.failures import TrainingFailed

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # as in malloc.h
KEPT_BYTES = 1 << 30


def choose_device(wanted: str) -> torch.device:
    """Return the device asked for, or for "auto" the best there is: CUDA, then Apple's MPS, then the CPU.

    Raises:
        TrainingFailed: the one asked for is not there.
    """
    available = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if wanted == "auto":
        return _first(next(name for name, there in available.items() if there))
    if not available[wanted]:
        there = ", ".join(name for name, usable in available.items() if usable)
        raise TrainingFailed(f"This machine has no {wanted} device that PyTorch can use; available: {there}.")
    return _first(wanted)


def _first(kind: str) -> torch.device:
    """Return a kind of device, with the number that its tensors name too."""
    return torch.device(kind) if kind == "cpu" else torch.device(kind, 0)


def prepare_cpu() -> None:
    """Use every core, and keep freed memory: a step frees and asks for the same buffers as the one before.

    glibc would return them to the system in between, which cost about 2,000 page faults a step.
    """
    torch.set_num_threads(usable_cores())
    if sys.platform != "linux":
        return
    try:
        mallopt = ctypes.CDLL("libc.so.6").mallopt
    except (OSError, AttributeError):  # another C library, which has its own ways
        return
    mallopt(M_MMAP_THRESHOLD, KEPT_BYTES)
    mallopt(M_TRIM_THRESHOLD, KEPT_BYTES)


def give_memory_back() -> None:
    """Return freed memory to the system, after a stage whose buffers no later one needs."""
    if "pyarrow" in sys.modules:  # it prepared data, and keeps what it has freed in a pool of its own
        import pyarrow

        pyarrow.default_memory_pool().release_unused()
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):  # another C library
            ctypes.CDLL("libc.so.6").malloc_trim(0)


def available_memory() -> int:
    """Bytes of memory that this process may still take: the machine's, or its container's where that is less."""
    import psutil

    free = psutil.virtual_memory().available
    try:
        limit = Path("/sys/fs/cgroup/memory.max").read_text("ascii").strip()
        if limit.isdigit():
            free = min(free, int(limit) - int(Path("/sys/fs/cgroup/memory.current").read_text("ascii")))
    except (OSError, ValueError):
        pass  # no control groups here
    return max(0, free)


def forget_peak_memory() -> None:
    """Begin `peak_memory` anew, for a process that does several runs; only where the system can (Linux, CUDA)."""
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def peak_memory(device: torch.device) -> int:
    """Bytes: the most this process has held, resident memory on a CPU, allocated memory on a GPU."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    try:
        import resource
    except ImportError:  # Windows
        import psutil

        return psutil.Process().memory_info().peak_wset
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024

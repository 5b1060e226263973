"""What of the machine this process may use (standard library only)."""

from __future__ import annotations

import contextlib
import math
import os
from pathlib import Path

HELPERS_NICENESS, HELPERS_MEMORY_SCORE = 5, 800
"""Of the short processes that read files and models: after the app, beside training, and the first to go."""
TRAINING_NICENESS, TRAINING_MEMORY_SCORE = 5, 500
"""Training yields to the app, which must stay quick on a machine with two cores."""
CGROUPS = Path("/sys/fs/cgroup")
OWN_CGROUP = Path("/proc/self/cgroup")


def usable_cores() -> int:
    """Return how many processor cores this process may use: its affinity, and its container's share where less."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min([cores, *map(math.ceil, _quotas())]))


def yield_to_others(niceness: int, memory_score: int) -> None:
    """Let the app have the processor first, and let Linux end this process rather than the app when memory runs out."""
    with contextlib.suppress(OSError):
        os.nice(niceness)
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(str(memory_score))


def _quotas() -> list[float]:
    """Return the shares, in cores, that control groups above this process set (versions 2 and 1)."""
    groups = {CGROUPS, CGROUPS / "cpu"}
    try:
        lines = OWN_CGROUP.read_text("ascii").splitlines()
    except (OSError, ValueError):  # no control groups here
        lines = []
    for line in lines:
        _number, controllers, path = line.split(":", 2)
        if controllers in ("", "cpu", "cpu,cpuacct"):
            base = CGROUPS / "cpu" if controllers else CGROUPS
            own = base / path.strip("/")
            groups |= {own, *(parent for parent in own.parents if parent.is_relative_to(base))}
    return [quota for quota in map(_quota, groups) if quota is not None]


def _quota(group: Path) -> float | None:
    for files in (("cpu.max",), ("cpu.cfs_quota_us", "cpu.cfs_period_us")):
        try:
            quota, period = " ".join((group / file).read_text("ascii") for file in files).split()
            return int(quota) / int(period) if int(quota) > 0 else None
        except (OSError, ValueError, ZeroDivisionError):  # not this version, or no limit ("max")
            continue
    return None

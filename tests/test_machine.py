"""The cores that a process may use."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from spafit import machine

NINE = set(range(9))


@pytest.fixture
def cgroups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Files of control groups, and nine cores."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: NINE, raising=False)
    monkeypatch.setattr(machine, "CGROUPS", tmp_path)
    monkeypatch.setattr(machine, "OWN_CGROUP", tmp_path / "own")

    def write(**files: str) -> None:
        for name, text in files.items():
            path = tmp_path / name.replace("__", "/").replace("cpu_max", "cpu.max").replace("cfs", "cpu.cfs")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text + "\n")

    return write


def test_affinity_counts_where_nothing_else_limits(cgroups) -> None:
    assert machine.usable_cores() == 9
    cgroups(own="0::/", cpu_max="max 100000")
    assert machine.usable_cores() == 9


@pytest.mark.parametrize(("quota", "cores"), [("250000 100000", 3), ("200000 100000", 2), ("10000 100000", 1)])
def test_a_share_of_the_cores_is_rounded_up(cgroups, quota: str, cores: int) -> None:
    cgroups(own="0::/", cpu_max=quota)
    assert machine.usable_cores() == cores


def test_a_group_further_up_limits_too(cgroups) -> None:
    cgroups(own="0::/one/two", one__cpu_max="400000 100000", one__two__cpu_max="max 100000")
    assert machine.usable_cores() == 4


def test_the_older_control_groups_limit_too(cgroups) -> None:
    cgroups(own="4:cpu,cpuacct:/box\n1:name=systemd:/")
    cgroups(cpu__box__cfs_quota_us="150000", cpu__box__cfs_period_us="50000")
    assert machine.usable_cores() == 3


def test_more_than_there_is_changes_nothing(cgroups) -> None:
    cgroups(own="0::/", cpu_max="6400000 100000")
    assert machine.usable_cores() == 9

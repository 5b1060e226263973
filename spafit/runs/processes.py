"""Processes that outlive whoever started them: naming them for good, starting them detached, ending their group."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path

import psutil

from spafit.helper import module_command, module_environment


@cache
def _boot() -> str:
    """Return something that differs after every start of the machine."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return str(int(psutil.boot_time()))


def _birth(pid: int) -> str | None:
    """Return when a live process was born, in a form that changes of the clock leave alone; None when there is none."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        pass
    else:
        # Fields after the command's closing parenthesis: state is the first, the start time in ticks the twentieth.
        fields = stat[stat.rindex(")") + 2 :].split()
        return None if fields[0] in "ZX" else fields[19]
    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else f"{process.create_time():.2f}"
    except psutil.Error:
        return None


def identity(pid: int | None = None) -> str:
    """Return a name for a live process (this one by default) that no later process will have, even after a reboot."""
    pid = os.getpid() if pid is None else pid
    return f"{host()}/{_boot()}/{pid}/{_birth(pid)}"


def host() -> str:
    """Return the machine's name."""
    return os.uname().nodename.replace("/", "_")


def host_of(name: str | None) -> str:
    """Return the machine in an identity."""
    return name.split("/")[0] if name else "an unknown machine"


def is_local(name: str) -> bool:
    """Whether `identity` was taken on this machine, so that `is_alive` can tell."""
    return host_of(name) == host()


def pid_of(name: str) -> int:
    """Return the process id in an identity."""
    return int(name.split("/")[2])


def is_alive(name: str) -> bool:
    """Whether the process of that identity still runs (a zombie does not)."""
    if not is_local(name):
        return False
    _host, boot, pid, birth = name.split("/")
    return boot == _boot() and _birth(int(pid)) == birth


def leads_its_group(name: str) -> bool:
    """Whether the process group numbered like that process can only hold what it started, dead or alive as it is.

    A group's number is given out again once the group is empty, and after every start of the machine.
    """
    if not is_local(name):
        return False
    _host, boot, pid, birth = name.split("/")
    return boot == _boot() and _birth(int(pid)) in (None, birth)


def start(
    module: str, *arguments: str, output: Path, environment: Mapping[str, str] | None = None, stdin: int | None = None
) -> subprocess.Popen[bytes]:
    """Start ``python -m module`` in a session (so a process group) of its own, its output appended to a file.

    It survives the terminal, the app and the caller. ``environment`` is its whole environment, this process's by
    default. A file and not a pipe: a pipe that nobody reads stops its writer.
    """
    variables = module_environment(os.environ if environment is None else environment)
    with output.open("ab") as log:
        return subprocess.Popen(
            module_command(module, *arguments),
            env=variables | {"PYTHONUNBUFFERED": "1"},
            stdin=subprocess.DEVNULL if stdin is None else stdin,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def end_group(pid: int, how: signal.Signals) -> None:
    """Send a signal to every process in the group that ``pid`` leads; nothing happens when there is none."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, how)

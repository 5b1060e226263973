"""Whether this process serves other people than the person at the machine, and what they may then name and see.

The dashboard on a network is `shared`; a command and a dashboard on a loopback address are not. A process that has
begun to serve others never goes back.
"""

from __future__ import annotations

import re
from ipaddress import ip_address
from threading import Event

NO_PATHS = (
    "On a shared server only what the lists offer, and public models and data sets of the Hub, can be used; "
    "files and folders of the server cannot."
)
"""The one answer to whatever else a visitor names; it says nothing about what exists."""
_PART = r"""/[^\s/'"`<>(),;:]+"""
_ABSOLUTE = re.compile(rf"(?<![\w/:.~])(?:~[\w-]*(?:{_PART})+|(?:{_PART}){{2,}})/?")
_serving_others = Event()


def serve_others() -> None:
    """Note that this process serves others, or works for one of them, from now on."""
    _serving_others.set()


def shared() -> bool:
    """Whether this process serves others: paths of the machine are then neither taken nor shown."""
    return _serving_others.is_set()


def is_loopback(address: str | None) -> bool:
    """Whether only this machine reaches a server that listens there; an empty address means every interface."""
    try:
        return address == "localhost" or ip_address(address or "").is_loopback
    except ValueError:
        return False


def is_path(text: str) -> bool:
    """Whether a model or a task is named by where it lies, not by a key or an id."""
    return text.startswith(("/", "~", ".")) or "\\" in text


def shown(text: str) -> str:
    """Return a text as a page may show it: on a shared server only the last part of every absolute path."""
    if not shared() or "/" not in text:
        return text
    return _ABSOLUTE.sub(lambda found: f"…/{found.group().rstrip('/').rsplit('/', 1)[-1]}", text)

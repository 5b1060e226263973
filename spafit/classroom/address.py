"""The address at which a class reaches the server, for the code on the wall: never one that means another machine."""

from __future__ import annotations

from urllib.parse import quote, urlsplit

from spafit.access import is_loopback

JOIN_PAGE = "classroom"


def reachable(seen: str | None, page: str, listens_on: str, machine: str, port: int, base: str = "") -> str | None:
    """Return the address of the app that other machines can open; None where only this machine reaches it.

    Args:
        seen: where the asking browser has the page open.
        page: the page's name there.
        listens_on: the address that the server was told to listen on.
        machine: the name or number that others reach this machine at.
        port: of the server.
        base: what stands before every page's name.
    """
    parts = urlsplit(seen or "")
    if parts.hostname and not is_loopback(parts.hostname):  # this browser reaches it there, so others do
        path = parts.path.rstrip("/").removesuffix(f"/{page}").rstrip("/")
        return f"{parts.scheme}://{parts.netloc}{path}"
    if is_loopback(listens_on) or is_loopback(machine) or not machine:
        return None
    host = f"[{machine}]" if ":" in machine else machine
    return f"http://{host}:{port}/{base.strip('/')}".rstrip("/")


def join_address(app: str, code: str) -> str:
    """Return what the QR code opens: the page to join on, with the code filled in."""
    return f"{app}/{JOIN_PAGE}?code={quote(code)}"

"""What stands before Streamlit: a cookie that makes a browser an owner, and headers against framing and sniffing.

A pure ASGI middleware: it reads and adds headers, and never touches a body or a websocket's messages.
"""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable, MutableMapping
from http.cookies import CookieError, SimpleCookie
from typing import Any

from spafit import access
from spafit.runs.owners import is_secret, new_secret

COOKIE = "spafit_owner"
COOKIE_SECONDS = 365 * 24 * 3600
FIRST_FETCH = "/_stcore/host-config"
"""What every page fetches before it opens its websocket. The page itself brings no cookie: whoever follows a link from
another site sends none that is SameSite=Strict, and would be given another owner's in place of their own."""
HEADERS = (
    (b"x-frame-options", b"SAMEORIGIN"),
    (b"content-security-policy", b"frame-ancestors 'self'"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
)
FORWARDED = {b"forwarded", b"x-forwarded-for", b"x-forwarded-host", b"x-real-ip"}
PROXIED = (
    "spafit: a request came through a proxy, so from now on nobody who opens this address is an administrator. "
    "Start it with 'make run SHARED=1' to get an administrator's key."
)

Message = MutableMapping[str, Any]
Send = Callable[[Message], Awaitable[None]]
Receive = Callable[[], Awaitable[Message]]
App = Callable[[Message, Receive, Send], Awaitable[None]]


class Doorkeeper:
    """The middleware."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        if not access.shared() and any(name in FORWARDED for name, _value in scope["headers"]):
            access.serve_others()
            print(PROXIED, file=sys.stderr, flush=True)  # noqa: T201
        if scope["type"] == "websocket":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = [*message.get("headers", ()), *HEADERS]
                if scope["path"].endswith(FIRST_FETCH) and not is_secret(_cookies(scope).get(COOKIE, "")):
                    headers.append((b"set-cookie", _new_cookie(secure=scope.get("scheme") == "https")))
                message["headers"] = headers
            await send(message)

        await self._app(scope, receive, send_with_headers)


def _cookies(scope: Message) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in scope["headers"]:
        if name == b"cookie":
            try:
                found |= {key: morsel.value for key, morsel in SimpleCookie(value.decode("latin-1")).items()}
            except CookieError:
                continue
    return found


def _new_cookie(*, secure: bool) -> bytes:
    cookie = f"{COOKIE}={new_secret()}; Max-Age={COOKIE_SECONDS}; Path=/; HttpOnly; SameSite=Strict"
    return (cookie + ("; Secure" if secure else "")).encode()

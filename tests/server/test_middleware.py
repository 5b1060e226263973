"""The middleware by itself: headers on every answer, a cookie once, and no trust in what comes through a proxy."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from spafit import access
from spafit.asgi import COOKIE, FIRST_FETCH, Doorkeeper
from spafit.runs.owners import is_secret, new_secret


@pytest.fixture(autouse=True)
def not_shared(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(access, "_serving_others", threading.Event())
    yield


def answer(*headers: tuple[bytes, bytes], scheme: str = "http", path: str = FIRST_FETCH) -> list[tuple[bytes, bytes]]:
    """Return the headers of the answer to a request with these."""
    sent: list[Any] = []

    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"x", b"y")]})
        await send({"type": "http.response.body", "body": b"x"})

    async def keep(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "GET", "scheme": scheme, "path": path, "headers": list(headers)}
    with ThreadPoolExecutor(1) as pool:  # in this thread the loop of a browser that other tests opened may be running
        pool.submit(asyncio.run, Doorkeeper(app)(scope, None, keep)).result()  # ty: ignore[invalid-argument-type]
    assert sent[1] == {"type": "http.response.body", "body": b"x"}
    return sent[0]["headers"]


def cookie_of(headers: list[tuple[bytes, bytes]]) -> str:
    return next((value.decode() for name, value in headers if name == b"set-cookie"), "")


def test_a_page_brings_a_secret_that_nobody_had() -> None:
    first, second = cookie_of(answer()), cookie_of(answer())
    assert first != second
    assert is_secret(first.split(";")[0].removeprefix(f"{COOKIE}="))
    assert "Secure" not in first
    assert "Secure" in cookie_of(answer(scheme="https"))


def test_whoever_has_a_secret_keeps_it_and_nonsense_is_replaced() -> None:
    assert cookie_of(answer((b"cookie", f"a=b; {COOKIE}={new_secret()}".encode()))) == ""
    for value in (b"", b"x", b'"; rm -rf', new_secret().encode()[:-1]):
        assert cookie_of(answer((b"cookie", f"{COOKIE}=".encode() + value)))


def test_only_what_a_page_fetches_itself_brings_one() -> None:
    """A page that is opened by a link from another site comes without the cookie, whoever has one."""
    assert cookie_of(answer(path=f"/spafit{FIRST_FETCH}")), "Behind a base path."
    for path in ("/", "/explore", "/_stcore/health", "/_stcore/stream"):
        assert cookie_of(answer(path=path)) == ""


@pytest.mark.parametrize("name", [b"x-forwarded-for", b"forwarded", b"x-real-ip", b"x-forwarded-host"])
def test_what_comes_through_a_proxy_makes_the_server_a_shared_one(
    name: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    answer()
    assert not access.shared()
    answer((name, b"203.0.113.9"))
    assert access.shared()
    assert "make run SHARED=1" in capsys.readouterr().err

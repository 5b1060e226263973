"""Bounds on what uploads hold in the server's memory, which Streamlit bounds only file by file.

A pure ASGI middleware. What a session uploaded last is kept, so that what no widget uses goes with the next upload, or
with the session; and all sessions together hold no more than an administrator allows.
"""

from __future__ import annotations

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from streamlit import config, runtime
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager

from spafit.runs.limits import UPLOADS_MB

KEPT = 4
"""Files a session keeps: a page has three fields for one each, and one may be on its way out."""
FULL = "The server holds as many uploads as it may; try again in a few minutes, with a smaller file."
_ROUTE = "/_stcore/upload_file/"


class UploadGuard:
    """The middleware."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._coming = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "PUT" or _ROUTE not in scope["path"]:
            await self._app(scope, receive, send)
            return
        session, size = scope["path"].split(_ROUTE, 1)[1].split("/", 1)[0], _size(scope)
        _keep(session, KEPT - 1)
        if _held() + self._coming + size > UPLOADS_MB.value() * 1e6:
            await PlainTextResponse(FULL, status_code=503)(scope, receive, send)
            return
        self._coming += size
        try:
            await self._app(scope, receive, send)
        finally:
            self._coming -= size
            _keep(session, KEPT)  # several may have come at once


def _size(scope: Scope) -> int:
    """Return the size that a request announces; without one, the most that Streamlit takes."""
    most = int(config.get_option("server.maxUploadSize")) * 1024 * 1024
    announced = next((value for name, value in scope["headers"] if name == b"content-length"), b"")
    return min(int(announced), most) if announced.isdigit() else most


def _files() -> MemoryUploadedFileManager:
    manager = runtime.get_instance().uploaded_file_mgr
    assert isinstance(manager, MemoryUploadedFileManager)
    return manager


def _held() -> int:
    """Return the bytes that all sessions' uploads hold."""
    return sum(len(file.data) for files in list(_files().file_storage.values()) for file in list(files.values()))


def _keep(session: str, count: int) -> None:
    """Forget what a session uploaded before its latest files."""
    manager = _files()
    for file in list(manager.file_storage.get(session, {}))[:-count]:
        manager.remove_file(session, file)

"""A Hub on this machine: serves a folder as one public model over HTTP and remembers what it was asked."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

COMMIT = "0" * 40


@dataclass
class FakeHub:
    """Where it listens, and every request as (method, path, Authorization header or None)."""

    address: str = ""
    requests: list[tuple[str, str, str | None]] = field(default_factory=list)


@contextmanager
def fake_hub(models: dict[str, Path], *, gated: str = "some/gated") -> Iterator[FakeHub]:
    """Serve ``models`` (Hub id -> folder) until the block ends; ``gated`` answers 401, everything else 404."""
    hub = FakeHub()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            return

        def answer(self, code: int, body: bytes = b"", kind: str = "application/json", **headers: str) -> None:
            self.send_response(code)
            for key, value in headers.items():
                self.send_header(key.replace("_", "-"), value)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def do_GET(self) -> None:
            path = self.path.partition("?")[0].strip("/")
            hub.requests.append((self.command, path, self.headers.get("Authorization")))
            if not path:
                return self.answer(200)
            if gated in path:
                return self.answer(401, X_Error_Code="GatedRepo", X_Error_Message="gated")
            for hub_id, folder in models.items():
                names = sorted(file.name for file in folder.iterdir())
                if path in (f"api/models/{hub_id}", f"api/models/{hub_id}/revision/main"):
                    siblings = [{"rfilename": name} for name in names]
                    return self.answer(200, json.dumps({"id": hub_id, "sha": COMMIT, "siblings": siblings}).encode())
                if path.startswith(f"api/models/{hub_id}/tree/"):
                    listing = [
                        {"type": "file", "path": n, "size": (folder / n).stat().st_size, "oid": "0"} for n in names
                    ]
                    return self.answer(200, json.dumps(listing).encode())
                owner_path, _, name = path.rpartition("/")
                if owner_path in (f"{hub_id}/resolve/main", f"{hub_id}/resolve/{COMMIT}") and name in names:
                    body = (folder / name).read_bytes()
                    etag = f'"{hashlib.sha256(body).hexdigest()}"'
                    return self.answer(200, body, "application/octet-stream", ETag=etag, X_Repo_Commit=COMMIT)
            return self.answer(404, X_Error_Code="RepoNotFound")

        do_HEAD = do_GET  # noqa: N815

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    hub.address = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()

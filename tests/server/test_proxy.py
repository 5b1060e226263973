"""The nginx example of docs/runs.md, as it stands there, in front of a real server."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.server.raw import Visitor
from tests.server.starting import ROOT, free_port, healthy

EXAMPLE = re.compile(r"```nginx\n(.*?)```", re.S)
BASE = "/spafit"


@pytest.fixture(scope="module")
def proxied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Yield the address of nginx with the documented configuration; skip where there is no nginx."""
    nginx = shutil.which("nginx") or "/usr/sbin/nginx"
    if not Path(nginx).exists():
        if os.environ.get("CI") == "true":
            pytest.fail("CI needs nginx for the proxy's test.")
        pytest.skip("No nginx here; install nginx-light to test the documented proxy.")
    folder = tmp_path_factory.mktemp("proxy")
    inner, outer = free_port(), free_port()
    (example,) = EXAMPLE.findall((ROOT / "docs" / "runs.md").read_text(encoding="utf-8"))
    example = example.replace("127.0.0.1:8501", f"127.0.0.1:{inner}").replace(
        "listen 80;", f"listen 127.0.0.1:{outer};"
    )
    paths = "\n".join(
        f"{name}_temp_path {folder}/{name};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    config = folder / "nginx.conf"
    config.write_text(
        f"daemon off;\npid {folder}/pid;\nerror_log {folder}/error.log;\nevents {{}}\n"
        f"http {{\naccess_log off;\n{paths}\n{example}\n}}\n"
    )
    environment = os.environ | {"SPAFIT_HOME": str(folder / "home"), "HF_HUB_OFFLINE": "1", "SPAFIT_IDLE_SECONDS": "0"}
    command = [sys.executable, "-m", "spafit.serve", "--shared", "--port", str(inner), "--base-path", BASE]
    log = folder / "log"
    with log.open("wb") as output:
        server = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT)
        proxy = subprocess.Popen([nginx, "-p", str(folder), "-c", str(config)], stdout=output, stderr=subprocess.STDOUT)
    try:
        healthy(f"http://127.0.0.1:{inner}{BASE}", server, log)
        healthy(f"http://127.0.0.1:{outer}{BASE}", proxy, log)
        yield f"http://127.0.0.1:{outer}{BASE}"
    finally:
        for process in (proxy, server):
            process.terminate()
            process.wait(timeout=20)


def test_pages_and_websockets_go_through_and_a_visitor_is_no_administrator(proxied: str) -> None:
    visitor = Visitor.arriving(proxied)
    assert visitor.cookie
    page = visitor.open("explore")
    assert "SPAFIT" in page.said
    assert page.find("Hub id"), "Folders of the server are not offered."
    assert visitor.open("about").find("Administrator's key"), "Whoever comes through a proxy is asked for the key."

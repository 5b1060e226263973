"""Start the dashboard: ``python -m spafit.serve`` says where it is and serves it until Ctrl-C."""

from __future__ import annotations

import argparse
import os
import secrets
import socket
import sys
from pathlib import Path
from typing import Any

from spafit import access
from spafit.errors import SpafitError
from spafit.tasks.upload import stored

APP = Path(__file__).parent.parent / "app.py"
LOCAL_HOSTS = ["localhost", "127.0.0.1", "::1"]
KEY_BYTES = 12
LEFTOVER_SECONDS = 3600.0
"""Uploads older than this at the start belong to pages of an earlier server; younger ones may be a command's."""


def classroom_address() -> str:
    """Return the address other machines on the network reach this one at, or the host's name when there is none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            # Connecting a datagram socket sends nothing; it only asks the system which interface it would use.
            probe.connect(("192.0.2.1", 9))
            return str(probe.getsockname()[0])
        except OSError:
            return socket.gethostname()


def port_is_free(host: str, port: int) -> bool:
    """Return whether a server could listen there."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
        return True


def main(argv: list[str] | None = None) -> int:
    """Serve the dashboard; return 2 with one sentence when it cannot start."""
    options = _parser().parse_args(argv)
    if not port_is_free(options.host, options.port):
        print(
            f"Port {options.port} on {options.host} is taken or not allowed; "
            f"choose another with: make run PORT={options.port + 1}",
            file=sys.stderr,
        )
        return 2
    everyone = options.host in ("0.0.0.0", "::")
    address = classroom_address() if everyone else options.host
    # Taken out of the environment, so that no process started from here has it.
    key = os.environ.pop("SPAFIT_ADMIN_KEY", "")
    shared = options.shared or not access.is_loopback(options.host)
    if shared:
        try:
            said = _share(key)
        except SpafitError as error:
            print(str(error), file=sys.stderr)
            return 2
    stored.forget_leftovers(LEFTOVER_SECONDS)
    print(f"spafit: open http://{address}:{options.port} in a browser; Ctrl-C stops the dashboard, not the runs.")
    if everyone:
        print("Everyone on this network can open that address and start runs.")
    if shared:
        print(said)
    sys.stdout.flush()
    os.chdir(APP.parent)
    _serve(options, address, shared)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m spafit.serve", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on; 0.0.0.0 serves a classroom")
    parser.add_argument("--port", type=int, default=8501)
    parser.add_argument("--base-path", default="", help="what a proxy puts before every address, such as /spafit")
    parser.add_argument(
        "--shared",
        action="store_true",
        help="nobody who opens the address is an administrator without the key, as behind a proxy; "
        "always so unless the host is a loopback address",
    )
    return parser


def _share(key: str) -> str:
    """Serve others from now on, with an administrator's key; return what to say about it."""
    from spafit.runs import Store, owners

    owners.set_key(Store.open(), key or (made := secrets.token_urlsafe(KEY_BYTES)))
    access.serve_others()
    if key:
        return "The administrator's key is the one in SPAFIT_ADMIN_KEY; enter it on the About page."
    return f"Administrator's key, for the About page, until the next start: {made}"


def _serve(options: argparse.Namespace, address: str, shared: bool) -> None:
    from spafit.ui import server

    settings: dict[str, Any] = {
        "server.address": options.host,
        "server.port": options.port,
        "server.headless": True,
        "browser.serverAddress": address,  # else Streamlit asks the internet which address this machine has
        "server.baseUrlPath": options.base_path.strip("/"),
    }
    if not shared:
        # A page elsewhere could point its own name at this machine; it would act as the person who sits here.
        settings["server.allowedHosts"] = LOCAL_HOSTS
    server.serve(settings)


if __name__ == "__main__":
    sys.exit(main())

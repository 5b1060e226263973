"""Start the dashboard: ``python -m spafit.serve`` says where it is and hands over to Streamlit."""

from __future__ import annotations

import argparse
import os
import socket
import sys
from pathlib import Path

APP = Path(__file__).parent.parent / "app.py"


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
    """Replace this process by the Streamlit server; return 2 with one sentence when it cannot start."""
    parser = argparse.ArgumentParser(prog="python -m spafit.serve", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on; 0.0.0.0 serves a classroom")
    parser.add_argument("--port", type=int, default=8501)
    options = parser.parse_args(argv)
    if not port_is_free(options.host, options.port):
        print(
            f"Port {options.port} on {options.host} is taken or not allowed; "
            f"choose another with: make run PORT={options.port + 1}",
            file=sys.stderr,
        )
        return 2
    everyone = options.host in ("0.0.0.0", "::")
    address = classroom_address() if everyone else options.host
    print(f"spafit: open http://{address}:{options.port} in a browser; Ctrl-C stops the dashboard, not the runs.")
    if everyone:
        print("Everyone on this network can open that address and start runs.")
    sys.stdout.flush()
    os.chdir(APP.parent)
    arguments = ["--server.address", options.host, "--server.port", str(options.port), "--server.headless", "true"]
    os.execv(sys.executable, [sys.executable, "-m", "streamlit", "run", str(APP), *arguments])
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Measures Explore: first paint, drag release to new numbers, and the app's memory with many sessions open.

    python benchmarks/explore_speed.py [--sessions 20] [--drags 40]

Starts a server of its own. Needs Debian's chromium. Prints each figure beside its target.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psutil
from playwright.sync_api import Page, sync_playwright

from spafit.export.link import Shared, to_link
from spafit.stratification import preset

ROOT = Path(__file__).parent.parent
CHROMIUM = "/usr/bin/chromium"
OPTIONS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
DEEP = to_link(Shared("llama-3.1-405b", preset("spafit", 126)))
"""A link to the deepest model of the catalogue: 126 layers."""

RIBBON = """
const ribbon = () => {  // it draws in a shadow root
  for (const node of document.querySelectorAll('[data-testid^=stBidi], [data-testid^=stBidi] *')) {
    const found = node.shadowRoot?.querySelector('.ribbon');
    if (found?.querySelector('.layer')) return found;
  }
  return null;
};"""
WHEN_PAINTED = f"""() => new Promise(resolve => {{{RIBBON}
  const look = () => ribbon() ? requestAnimationFrame(() => resolve(performance.now())) : setTimeout(look, 2);
  look();
}})"""
DRAG = (
    f"""async ([distance]) => {{{RIBBON}
"""
    """
  const grip = ribbon().querySelector('.h2 .grip'), handle = grip.parentElement;
  const total = () => ribbon().querySelector('.trained b').textContent;
  const box = grip.getBoundingClientRect(), x = box.x + box.width / 2, y = box.y + box.height / 2;
  const send = (type, clientY) => grip.dispatchEvent(new PointerEvent(type, {
    bubbles: true, pointerId: 1, pointerType: 'mouse', isPrimary: true, button: 0, buttons: 1, clientX: x, clientY }));
  handle.setPointerCapture = () => {};
  send('pointerdown', y);
  send('pointermove', y + distance);
  const expected = total();
  const text = () => [...document.querySelectorAll('[data-testid=stMain] p')].map(p => p.textContent)
    .find(t => / trains .* parameters, /.test(t));
  const start = performance.now();
  send('pointerup', y + distance);
  while (!(text() ?? '').includes(expected)) {
    if (performance.now() - start > 5000) throw new Error(`no ${expected} in ${text()}`);
    await new Promise(resolve => setTimeout(resolve, 1));
  }
  return performance.now() - start;
}"""
)


@contextlib.contextmanager
def server() -> Iterator[tuple[str, psutil.Process]]:
    """Serve the app on a free port with an empty data folder."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory() as home:
        command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.headless", "true"]
        command += ["--server.address", "127.0.0.1", "--server.port", str(port)]
        environment = os.environ | {"SPAFIT_HOME": home, "HF_HUB_OFFLINE": "1"}
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        url = f"http://127.0.0.1:{port}"
        try:
            while True:
                with contextlib.suppress(OSError), urllib.request.urlopen(f"{url}/_stcore/health", timeout=2):
                    break
                time.sleep(0.1)
            yield url, psutil.Process(process.pid)
        finally:
            process.terminate()
            process.wait(timeout=20)


def first_paints(page: Page, address: str, repeats: int) -> list[float]:
    """Milliseconds from navigation to a drawn ribbon."""
    times = []
    for _ in range(repeats):
        page.goto(address, wait_until="commit")
        times.append(page.evaluate(WHEN_PAINTED))
    return times


def drag_times(page: Page, address: str, drags: int) -> list[float]:
    """Milliseconds from releasing a boundary to the new total in the text that Python wrote."""
    page.goto(address)
    page.wait_for_selector(".ribbon .layer")
    page.get_by_text(" parameters, ").wait_for()
    page.wait_for_timeout(1500)
    times = []
    for number in range(drags + 3):
        times.append(page.evaluate(DRAG, [20 if number % 2 else -20]))
        page.wait_for_timeout(250)
    return times[3:]


async def open_sessions(url: str, count: int, process: psutil.Process) -> float:
    """Open Explore in raw websockets and return the server's memory in MB once all have drawn their page."""
    import websockets
    from streamlit.proto.BackMsg_pb2 import BackMsg  # noqa: TID251
    from streamlit.proto.ForwardMsg_pb2 import ForwardMsg  # noqa: TID251

    async def session() -> websockets.ClientConnection:
        socket_ = await websockets.connect(
            f"{url.replace('http', 'ws')}/_stcore/stream", subprotocols=["streamlit"], max_size=None
        )
        message = BackMsg()
        message.rerun_script.page_name = "explore"
        await socket_.send(message.SerializeToString())
        while True:
            answer = ForwardMsg()
            answer.ParseFromString(await asyncio.wait_for(socket_.recv(), 60))
            if answer.WhichOneof("type") == "script_finished":
                return socket_

    connections = [await session() for _ in range(count)]
    await asyncio.sleep(4)
    memory = process.memory_info().rss / 1e6
    for connection in connections:
        await connection.close()
    return memory


def has_torch(process: psutil.Process) -> bool:
    """Whether the process has loaded PyTorch's library."""
    return any("libtorch" in entry.path for entry in process.memory_maps())


def said(name: str, value: float, unit: str, target: float) -> None:
    print(f"{name:<52} {value:8.1f} {unit:<3} target below {target:g} {unit}  {'ok' if value < target else 'MISSED'}")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sessions", type=int, default=20)
    parser.add_argument("--drags", type=int, default=40)
    chosen = parser.parse_args()
    with server() as (url, process):
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)
            page = browser.new_page(viewport={"width": 1280, "height": 900})
            cold, *warm = first_paints(page, f"{url}/explore", 9)
            print(f"first paint on a fresh server and an empty cache {cold:.0f} ms")
            said("first paint, warm server, 6 layers (median)", statistics.median(warm), "ms", 1000)
            deep = first_paints(page, f"{url}/explore?s={DEEP}", 7)
            said("first paint, warm server, 126 layers (median)", statistics.median(deep), "ms", 1000)
            for layers, address in ((6, "explore"), (126, f"explore?s={DEEP}")):
                times = drag_times(page, f"{url}/{address}", chosen.drags)
                said(f"drag release to new numbers, {layers} layers (median)", statistics.median(times), "ms", 100)
                print(f"    90 % within {statistics.quantiles(times, n=10)[-1]:.0f} ms, {len(times)} drags")
            browser.close()
        memory = asyncio.run(open_sessions(url, chosen.sessions, process))
        said(f"memory of the app, {chosen.sessions} sessions open", memory, "MB", 300)
        print(f"torch in the app's process: {'yes, MISSED' if has_torch(process) else 'no'}")


if __name__ == "__main__":
    main()

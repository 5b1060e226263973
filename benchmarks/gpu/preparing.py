"""The first process: finds the device, the model and the texts, and says what machine this is."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.gpu.material import gather
from benchmarks.gpu.result import write
from spafit.errors import SpafitError

ROOT = Path(__file__).parent.parent.parent


def gathered(out: Path, target: Path, device: str, tiny: bool, weights: Path | None) -> None:
    """Write what the parts are given, or the one sentence that says why nothing can be measured."""
    try:
        write(target, {"about": about(device), "material": gather(out, device, tiny=tiny, weights=weights).to_dict()})
    except SpafitError as error:
        write(target, {"problem": str(error)})


def about(device: str) -> dict[str, Any]:
    """Return machine, card, versions and commit. Raises `SpafitError` where there is no such device."""
    import torch

    from spafit.runs.facts import hardware, versions
    from spafit.training.device import choose_device

    choose_device(device)
    facts: dict[str, Any] = {"hardware": hardware(), "versions": versions() | {"torch": torch.__version__}}
    if device == "cuda":
        card = torch.cuda.get_device_properties(0)
        facts |= {"card": card.name, "card_memory": card.total_memory, "cuda": torch.version.cuda}
    return facts | {"commit": commit(), "when": datetime.now(UTC).strftime("%Y-%m-%d %H:%M")}


def commit() -> str:
    """Return the commit that was packed, or that is checked out; empty when neither is known."""
    packed = ROOT / "COMMIT"
    if packed.is_file():
        return packed.read_text("utf-8").strip()
    command = ["git", "rev-parse", "--short", "HEAD"]
    try:
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()
    except OSError:
        return ""

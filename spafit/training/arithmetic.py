"""Which matrix product a run uses on this processor: measured once per machine, so that runs are alike."""

from __future__ import annotations

import json
import os
import platform
import time
from dataclasses import dataclass
from pathlib import Path

import torch

from spafit.training import kernels
from spafit.training.device import usable_cores

TOKENS = 512  # rows of the products that are timed: a batch of sixteen sentences
MARGIN = 1.1  # oneDNN has to be this much faster than what PyTorch does by itself


@dataclass(frozen=True)
class Rates:
    """Billions of floating-point operations a second that products of a model's shapes reach on the CPU."""

    torch: float
    onednn: float
    bf16: float

    @property
    def fp32(self) -> float:
        """The better one in fp32."""
        return max(self.torch, self.onednn)


def measured_rates(width: int, inner: int, folder: Path) -> Rates:
    """Return the rates for products of (512 x width) and (width x inner); measured in about 50 ms, then remembered.

    Remembering keeps two runs of one machine on the same arithmetic, whatever else it was doing while measuring.
    """
    file = folder / "products.json"
    key = f"{_processor()}|{torch.__version__}|{usable_cores()}|{width}x{inner}"
    try:
        known = json.loads(file.read_text("utf-8"))
        return Rates(**known[key])
    except (OSError, ValueError, KeyError, TypeError):
        pass
    rates = measure_rates(width, inner)
    _remember(file, key, rates)
    return rates


def _remember(file: Path, key: str, rates: Rates) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        try:
            known = json.loads(file.read_text("utf-8"))
        except (OSError, ValueError):
            known = {}
        known = dict(list(known.items())[-49:]) if isinstance(known, dict) else {}
        known[key] = rates.__dict__
        scratch = file.with_suffix(f".{os.getpid()}.part")
        scratch.write_text(json.dumps(known, indent=1), "utf-8")
        scratch.replace(file)
    except OSError:
        pass  # measured again next time


def measure_rates(width: int, inner: int) -> Rates:
    """Time the products now: the best of five short series each."""
    x, weight = torch.randn(TOKENS, width), torch.randn(inner, width)
    work = 2 * TOKENS * width * inner
    repeats = max(1, min(10, int(2e9 / work)))

    def rate(product: kernels.Product) -> float:
        best = float("inf")
        with torch.inference_mode():
            product(x, weight, None)
            for _ in range(5):
                start = time.perf_counter()
                for _ in range(repeats):
                    product(x, weight, None)
                best = min(best, time.perf_counter() - start)
        return work * repeats / best / 1e9

    plain = rate(kernels.torch_product)
    if not kernels.has_onednn():
        return Rates(plain, 0.0, 0.0)
    bf16 = rate(kernels.bf16_product) if torch.ops.mkldnn._is_mkldnn_bf16_supported() else 0.0
    return Rates(plain, rate(kernels.onednn_product), bf16)


def _processor() -> str:
    try:
        with Path("/proc/cpuinfo").open(encoding="utf-8") as file:
            facts = dict(line.split(":", 1) for line in file if ":" in line)
        return "|".join(
            value.strip() for name, value in facts.items() if name.strip() in ("model name", "model", "cpu family")
        )
    except OSError:
        return platform.processor() or platform.machine()

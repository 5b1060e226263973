"""Which matrix product a run uses on this processor: measured once per machine, so that runs are alike."""

from __future__ import annotations

import json
import platform
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from spafit.errors import SpafitError
from spafit.files import write_whole
from spafit.machine import usable_cores
from spafit.training.accelerated import kernels

TOKENS = 512  # rows of the products that are timed: a batch of sixteen sentences
ONEDNN_MARGIN = 1.1  # oneDNN has to be this much faster alone: whole steps lose some of it (docs/performance.md)
WEIGHT_MARGIN = 1.25  # for gradients of weights it has to be this much faster
BF16_MARGIN = 1.3  # bf16 has to be this much faster than fp32: less would be lost again around the products
BF16_WIDTH = 256  # and layers this wide: below, little of a step's time goes to products


@dataclass(frozen=True)
class Rates:
    """Billions of floating-point operations a second that products of a model's shapes reach on the CPU."""

    torch: float
    onednn: float
    bf16: float
    torch_weight: float  # of a weight's gradient
    onednn_weight: float

    @property
    def takes_onednn(self) -> bool:
        """Whether fp32 products go to oneDNN."""
        return self.onednn > ONEDNN_MARGIN * self.torch

    @property
    def onednn_pays_for_weights(self) -> bool:
        """Whether oneDNN also computes the gradients of weights: it takes memory and time for each new batch shape."""
        return self.onednn_weight > WEIGHT_MARGIN * self.torch_weight

    @property
    def fp32(self) -> float:
        """That of the one taken in fp32."""
        return self.onednn if self.takes_onednn else self.torch


def bf16_pays(width: int, rates: Rates) -> bool:
    """Whether "auto" takes bf16 products on a CPU for a model with hidden states `width` wide.

    That it costs no accuracy was measured over seeds (docs/performance.md, benchmarks/precision.py).
    """
    return width >= BF16_WIDTH and rates.bf16 >= BF16_MARGIN * rates.fp32


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
        try:
            known = json.loads(file.read_text("utf-8"))
        except (OSError, ValueError):
            known = {}
        known = dict(list(known.items())[-49:]) if isinstance(known, dict) else {}
        known[key] = rates.__dict__
        write_whole(file, json.dumps(known, indent=1).encode())
    except SpafitError:
        pass  # measured again next time


def measure_rates(width: int, inner: int) -> Rates:
    """Time the products now, by turns, so that other work on the machine slows all of them: the best of five each."""
    x, weight, gradient = torch.randn(TOKENS, width), torch.randn(inner, width), torch.randn(TOKENS, inner)
    work = 2 * TOKENS * width * inner
    repeats = max(1, min(10, int(2e9 / work)))
    products: dict[str, Callable[[], object]] = {
        "torch": lambda: kernels.torch_product(x, weight, None),
        "torch_weight": lambda: kernels.torch_weight(gradient, x),
    }
    if kernels.has_onednn():
        products["onednn"] = lambda: kernels.onednn_product(x, weight, None)
        products["onednn_weight"] = lambda: kernels.onednn_weight(gradient, x)
        if torch.ops.mkldnn._is_mkldnn_bf16_supported():
            products["bf16"] = lambda: kernels.bf16_product(x, weight, None)
    fastest = dict.fromkeys(products, float("inf"))
    with torch.inference_mode():
        for product in products.values():
            product()
        for _ in range(5):
            for name, product in products.items():
                start = time.perf_counter()
                for _ in range(repeats):
                    product()
                fastest[name] = min(fastest[name], time.perf_counter() - start)
    rates = {name: work * repeats / seconds / 1e9 for name, seconds in fastest.items()}
    return Rates(**dict.fromkeys(("onednn", "onednn_weight", "bf16"), 0.0) | rates)


def _processor() -> str:
    try:
        with Path("/proc/cpuinfo").open(encoding="utf-8") as file:
            facts = dict(line.split(":", 1) for line in file if ":" in line)
        return "|".join(
            value.strip() for name, value in facts.items() if name.strip() in ("model name", "model", "cpu family")
        )
    except OSError:
        return platform.processor() or platform.machine()

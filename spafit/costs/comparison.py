"""SPAFIT beside the methods it is measured against."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from spafit.costs.memory import checkpoint_bytes, optimizer_bytes
from spafit.counting import count
from spafit.models.anatomy import Anatomy
from spafit.stratification import LoraSettings, Method, Stratification, preset


@dataclass(frozen=True, slots=True)
class Comparison:
    """One method: what it trains and what that takes. ``optimizer`` and ``checkpoint`` are bytes."""

    method: str
    name: str
    trainable: int
    total: int
    percent: float
    optimizer: int
    checkpoint: int

    def to_dict(self) -> dict[str, Any]:
        """Return the line as JSON types."""
        return asdict(self)


def compare(
    anatomy: Anatomy,
    stratification: Stratification | None = None,
    *,
    lora: LoraSettings | None = None,
    optimizer: str = "adamw",
) -> list[Comparison]:
    """Return one line each for SPAFIT, full fine-tuning, BitFit, LoRA and the linear probe.

    Args:
        stratification: what stands in SPAFIT's line; SPAFIT with boundaries at thirds when left out. It may be any.
        lora: settings of the LoRA line; those of ``stratification`` when left out.
    """
    chosen = stratification or preset(Method.SPAFIT, anatomy.num_layers, lora=lora)
    lora = lora or chosen.lora
    points = [(Method.SPAFIT, chosen)]
    points += [(m, preset(m, anatomy.num_layers, lora=lora)) for m in Method if m is not Method.SPAFIT]
    lines = []
    for method, point in points:
        counts = count(anatomy, point)
        lines.append(
            Comparison(
                method.value,
                point.name,
                counts.trainable,
                counts.total,
                counts.percent,
                optimizer_bytes(anatomy, point, optimizer),
                checkpoint_bytes(anatomy, point),
            )
        )
    return lines

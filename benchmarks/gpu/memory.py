"""The most memory that a step holds, beside what costs.training_memory says."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from typing import Any

from benchmarks.gpu.material import Material
from benchmarks.gpu.result import Check
from benchmarks.memory_estimate import Setting, measure

SETTINGS = (
    Setting("minilm-l6", "SPAFIT-2-4", 16, 128, "bf16"),
    Setting("minilm-l6", "Full", 64, 128, "bf16"),
    Setting("bert-base-uncased", "SPAFIT-4-8", 32, 128, "bf16"),
    Setting("bert-base-uncased", "LoRA", 32, 128),
    Setting("bert-large-uncased", "SPAFIT-8-16", 32, 128, "bf16"),
    Setting("bert-large-uncased", "Full", 16, 128, "bf16"),
    Setting("roberta-base", "BitFit", 32, 128, "bf16", checkpointing=True),
    Setting("gpt2", "LoRA", 16, 256, "bf16"),
)
TINY = (Setting("bert-tiny", "LoRA", 2, 16),)


def peaks(given: Material) -> Iterator[tuple[str, Check]]:
    """Each setting's peak and estimate."""
    for setting in TINY if given.tiny else SETTINGS:
        yield setting.label, lambda setting=setting: peak(setting, given.device)


def peak(setting: Setting, device: str) -> dict[str, Any]:
    """Measure with nothing left over from another setting."""
    gc.collect()
    found = measure(setting, device)
    return {key: found[key] for key in ("measured", "estimated", "error_percent")}

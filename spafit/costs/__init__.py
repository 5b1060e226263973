"""What a stratification costs to train: memory of a step, FLOPs, optimizer state, checkpoints (estimates; no torch)."""

from spafit.costs.compute import Flops, RowFlops, flops
from spafit.costs.memory import (
    OPTIMIZERS,
    Memory,
    Moment,
    checkpoint_bytes,
    optimizer_bytes,
    training_memory,
)
from spafit.costs.rows import DEVICES, PRECISIONS, lowest_trained

__all__ = [
    "DEVICES",
    "OPTIMIZERS",
    "PRECISIONS",
    "Flops",
    "Memory",
    "Moment",
    "RowFlops",
    "checkpoint_bytes",
    "flops",
    "lowest_trained",
    "optimizer_bytes",
    "training_memory",
]

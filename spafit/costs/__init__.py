"""What a stratification costs to train: memory of a step, FLOPs, optimizer state, checkpoints (estimates; no torch)."""

from spafit.costs.comparison import Comparison, compare
from spafit.costs.compute import Flops, RowFlops, flops
from spafit.costs.memory import (
    OPTIMIZERS,
    PRECISIONS,
    Memory,
    Moment,
    checkpoint_bytes,
    full_checkpoint_bytes,
    optimizer_bytes,
    training_memory,
)
from spafit.costs.rows import lowest_trained

__all__ = [
    "OPTIMIZERS",
    "PRECISIONS",
    "Comparison",
    "Flops",
    "Memory",
    "Moment",
    "RowFlops",
    "checkpoint_bytes",
    "compare",
    "flops",
    "full_checkpoint_bytes",
    "lowest_trained",
    "optimizer_bytes",
    "training_memory",
]

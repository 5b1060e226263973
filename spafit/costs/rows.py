"""The rows of a model, bottom up, with what each costs in a training step."""

from __future__ import annotations

from dataclasses import dataclass

from spafit.costs import layers
from spafit.costs.modules import Step
from spafit.costs.replay import Totals
from spafit.errors import SpafitError
from spafit.models.anatomy import Anatomy
from spafit.models.families import BY_KEY
from spafit.plan import check, decide, prefix_depth
from spafit.quantities import whole_number
from spafit.stratification import Recipe, Stratification

DEVICES = ("cpu", "cuda")
PRECISIONS = ("fp32", "bf16")
MAX_BATCH = 65_536
MAX_LENGTH = 1_048_576


class CostError(SpafitError):
    """A setting whose cost cannot be estimated, said in one sentence."""


@dataclass(frozen=True, slots=True)
class RowCost:
    """What the embeddings ("embeddings"), a layer ("layer", with its 1-based number) or the head ("head") cost."""

    row: str
    layer: int | None
    totals: Totals
    cached: bool
    """Whether its output comes from the prefix cache, so that it is not computed."""

    @property
    def label(self) -> str:
        """How the row is called: ``embeddings``, ``layer 5``, ``head``."""
        return self.row if self.layer is None else f"layer {self.layer}"


def make_step(batch: int, length: int, precision: str, device: str) -> Step:
    """Return the step these settings mean; raises `CostError` when one is out of range."""
    for value, what, most in ((batch, "batch size", MAX_BATCH), (length, "length", MAX_LENGTH)):
        whole_number(value, f"The {what}", 1, most, CostError)
    for value, what, allowed in ((precision, "precision", PRECISIONS), (device, "device", DEVICES)):
        if value not in allowed:
            raise CostError(f"The {what} is {value!r} but must be one of {', '.join(allowed)}.")
    return Step(batch, length, precision == "bf16", device)


def row_costs(anatomy: Anatomy, stratification: Stratification, step: Step, prefix_cached: bool) -> list[RowCost]:
    """Return the cost of every row, embeddings first, head last. Layers that are alike are computed once."""
    check(anatomy, stratification)
    skipped = prefix_depth(anatomy, stratification) if prefix_cached else 0
    below = layers.embeddings(anatomy, stratification, step)
    rows = [RowCost("embeddings", None, below, skipped > 0)]
    shared = (t for t in anatomy.embeddings if t.name.startswith(BY_KEY[anatomy.family].blueprint.shared_positions))
    positions_grad = any(decide(tensor, stratification).trained for tensor in shared)
    known: dict[tuple[int, Recipe, bool, int], Totals] = {}
    for index, recipe in enumerate(stratification.layer_recipes()):
        key = (anatomy.layer_kinds[index], recipe, below.output_grad, below.output_width)
        if key not in known:
            known[key] = layers.layer(anatomy, index, recipe, stratification.lora, step, below, positions_grad)
        below = known[key]
        rows.append(RowCost("layer", index + 1, below, index < skipped))
    rows.append(RowCost("head", None, layers.head(anatomy, stratification, step, below), False))
    return rows


def lowest_trained(anatomy: Anatomy, stratification: Stratification) -> int | None:
    """Return the lowest row in which something trains, where the backward pass ends.

    0 stands for the embeddings, 1 to L for the layers, L + 1 for the head; None when nothing trains at all. Above 0 it
    is one more than `spafit.plan.prefix_depth`.
    """
    if any(decide(tensor, stratification).trained for tensor in anatomy.embeddings):
        return 0
    depth = prefix_depth(anatomy, stratification)
    if depth == anatomy.num_layers and not any(decide(t, stratification).trained for t in anatomy.head):
        return None
    return depth + 1

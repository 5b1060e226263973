"""The modules of a row, each written onto a tape with what trains in it."""

from __future__ import annotations

from dataclasses import dataclass

from spafit.costs.tape import FULL, Tape, Value
from spafit.models.anatomy import Anatomy, Tensor
from spafit.models.families import BY_KEY
from spafit.plan import Decision
from spafit.stratification import Role


@dataclass(frozen=True, slots=True)
class Step:
    """What one training step processes: ``batch`` texts of ``length`` tokens, in bf16 autocast or fp32, and where."""

    batch: int
    length: int
    half: bool
    device: str

    @property
    def tokens(self) -> int:
        """Tokens in the batch, padding included."""
        return self.batch * self.length


class Modules:
    """The modules of one row by path, below ``prefix``, and the tape that they are written onto."""

    def __init__(
        self, anatomy: Anatomy, step: Step, rank: int, decisions: dict[Tensor, Decision], prefix: str = ""
    ) -> None:
        self.anatomy, self.step, self.rank, self.decisions = anatomy, step, rank, decisions
        self.blueprint = BY_KEY[anatomy.family].blueprint
        self.tape = Tape(half=step.half, cuda=step.device == "cuda")
        self.tensors: dict[str, list[Tensor]] = {}
        for tensor in decisions:
            self.tensors.setdefault(tensor.module.removeprefix(prefix), []).append(tensor)

    def of(self, role: Role) -> list[str]:
        """Paths of the modules with a weight of this role."""
        return [path for path, tensors in self.tensors.items() if role in tensors[0].roles]

    def linear(self, x: Value, path: str, *, again: bool = False) -> Value:
        """Write a linear map with its LoRA adapter, if it has one; ``again`` when the row has used it before."""
        weight = next(t for t in self.tensors[path] if t.kind == "weight")
        bias = sum(t.size for t in self.tensors[path] if t.kind == "bias" and self.decisions[t].trained)
        decision = self.decisions[weight]
        rank = self.rank if decision.lora else 0
        return self.tape.linear(
            x, weight.fan, weight_trained=decision.trained, trained_bias=bias, rank=rank, again=again
        )

    def optional(self, x: Value, path: str) -> Value:
        """Write a linear map that only some models of the family have."""
        return self.linear(x, path) if path in self.tensors else x

    def norm(self, x: Value, path: str, rows: int) -> Value:
        """Write a LayerNorm, or an RMSNorm as its four operations."""
        tape = self.tape
        trained = sum(t.size for t in self.tensors.get(path, ()) if self.decisions[t].trained)
        if path not in self.tensors and not self.blueprint.rms:
            return x  # ModernBERT's first layer has none
        if not self.blueprint.rms:
            return tape.layer_norm(x, rows, trained)
        given = x.width
        x = tape.cast(x, FULL)
        squares = tape.pointwise(x)
        deviation = tape.operation(squares, count=rows, width=FULL, keep_output=True)
        unit = tape.multiply(x, deviation)
        if self.blueprint.norm_scales_first:
            return tape.cast(self._scaled(unit, trained), given)
        return self._scaled(tape.cast(unit, given), trained)

    def _scaled(self, unit: Value, trained: int) -> Value:
        keep = (unit,) if trained else ()
        return self.tape.operation(unit, count=unit.count, width=FULL, keep=keep, parameters=trained)

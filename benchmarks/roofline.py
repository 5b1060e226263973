"""How near training comes to what the processor's matrix products allow.

    python -m benchmarks.roofline [--steps 60]

The FLOPs that a step needs, divided by its time and by the rate at which fp32 products run alone in the same process.
Needed are, for every layer above the cached prefix, one product per matrix forwards, one backwards where something
below trains, and one more where the matrix trains; of the last layer beyond keys and values only what concerns the
token that the head reads. That is less than the layer's full count, which is recorded too. Padding is not needed.

Two shares: of the rate of the widest product (512 x width x inner), and of the rates of the shapes that occur, small
ones included. The rate is measured before and after every ten steps, because a machine that others share does not keep
one; shares are the median over these blocks. Each setting trains in what "auto" takes here, and in fp32 too if that
differs.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from dataclasses import dataclass
from typing import Any

import spafit.training.loop  # noqa: F401 - before torch: it sets how OpenMP's threads wait
from benchmarks.ready import ready_trainer
from benchmarks.reporting import machine, save, table
from spafit.models.registry import BUNDLED
from spafit.stratification import Role, parse_name
from spafit.training.config import RunSpec, TrainSettings

NAMES = ("SPAFIT-2-4", "SPAFIT-4-5", "LoRA", "BitFit", "Full")
WARM_UP = 20
BLOCK = 10  # steps between two measurements of the rate


@dataclass(frozen=True)
class Multiplication:
    """rows x inner times inner x columns, `count` times; "weight": for a weight's gradient, "many": a batch of them."""

    kind: str
    rows: float
    inner: int
    columns: float
    count: float = 1.0

    @property
    def flops(self) -> float:
        return 2 * self.rows * self.inner * self.columns * self.count


def needed(run: Any, step: int, whole_last_layer: bool) -> list[Multiplication]:
    """Return a step's matrix products, without padding: weights, LoRA adapters, and attention's two products."""
    import numpy as np

    from spafit.plan import decide
    from spafit.training.accelerated.fast_path import TOKENWISE

    lengths = run.data.train.lengths[np.concatenate(run.order.parts(step))].astype(np.float64)
    tokens, texts, mean = lengths.sum(), float(len(lengths)), lengths.mean()
    square = float(np.sqrt(np.mean(lengths**2)))
    rank = run.spec.stratification.lora.rank
    made = []
    # Whether something below trains, so that gradients must go further down.
    reached = any(decide(tensor, run.spec.stratification).trained for tensor in run.anatomy.embeddings)
    for number, layer in enumerate(run.anatomy.layers):
        if number < run.engine.cached_layers:
            continue
        last = number == run.anatomy.num_layers - 1 and not whole_last_layer
        decisions = {tensor.name: decide(tensor, run.spec.stratification) for tensor in layer}
        trains = any(d.trained or d.lora for d in decisions.values())
        for tensor in layer:
            if len(tensor.shape) != 2:
                continue
            one_token = last and bool(tensor.roles) and TOKENWISE.issuperset(tensor.roles)
            rows = texts if one_token else tokens
            decision, (inner, columns) = decisions[tensor.name], tensor.fan
            # Query, key and value of the lowest trained layer pass nothing further down.
            entry = {Role.QUERY, Role.KEY, Role.VALUE}.intersection(tensor.roles)
            backwards = reached or (trains and not entry)
            made.append(Multiplication("wide", rows, inner, columns))
            if backwards:
                made.append(Multiplication("wide", rows, columns, inner))
            if decision.trained:
                made.append(Multiplication("weight", rows, inner, columns))
            if decision.lora:
                made.append(Multiplication("wide", rows, inner, rank, 2 + backwards))
                made.append(Multiplication("wide", rows, columns, rank, 2 + backwards))
        reached = reached or trains
        heads, width = run.anatomy.num_heads, run.anatomy.head_dim
        # A text of n tokens has n x n scores, so the root of the mean square stands for all; one token's are n.
        queries, keys = (1.0, mean) if last else (square, square)
        made.append(Multiplication("many", queries, width, keys, 2 * texts * heads * (1 + 2 * reached)))
    return made


class Rates:
    """The fp32 rate of each shape of product, measured when it is first asked for; rows to the nearest 32."""

    def __init__(self, run: Any) -> None:
        self.products = run.engine.products
        self.known: dict[tuple[str, int, int, int, int], float] = {}

    def __call__(self, one: Multiplication) -> float:
        """Floating-point operations a second."""
        rows = max(1, round(one.rows)) if one.kind == "many" or one.rows < 32 else round(one.rows / 32) * 32
        batch = max(1, round(one.count)) if one.kind == "many" else 1
        shape = (one.kind, rows, one.inner, round(one.columns), batch)
        if shape not in self.known:
            self.known[shape] = self._measure(*shape)
        return self.known[shape]

    def _measure(self, kind: str, rows: int, inner: int, columns: int, batch: int) -> float:
        import torch

        if kind == "many":
            x, y = torch.randn(batch, rows, inner), torch.randn(batch, inner, columns)

            def multiply() -> object:
                return torch.bmm(x, y)
        elif kind == "weight":
            x, y = torch.randn(rows, columns), torch.randn(rows, inner)

            def multiply() -> object:
                return self.products.weight(x, y)
        else:
            x, y = torch.randn(rows, inner), torch.randn(columns, inner)

            def multiply() -> object:
                return self.products.forward(x, y, None)

        work = 2 * rows * inner * columns * batch
        repeats = max(1, min(20, int(1e9 / work)))
        best = float("inf")
        with torch.inference_mode():
            multiply()
            for _ in range(3):
                start = time.perf_counter()
                for _ in range(repeats):
                    multiply()
                best = min(best, time.perf_counter() - start)
        return work * repeats / best


def measure(name: str, precision: str, steps: int) -> dict[str, Any]:
    """Train some steps and set their time against the needed FLOPs and the rates."""
    from spafit.training.accelerated.arithmetic import measure_rates

    settings = TrainSettings(prefix_cache="on", precision=precision)
    spec = RunSpec(BUNDLED, "rotten-tomatoes", parse_name(name, 6), settings)
    run = ready_trainer(spec)
    for _ in run.fill_prefix(run.feed):
        pass
    run.mode(True)
    for _ in range(WARM_UP):
        run.optimizer_step(1e-4)
    times, shares, measured, rates = [], [], [], Rates(run)
    flops = whole = 0.0
    for _ in range(max(1, steps // BLOCK)):
        before = measure_rates(run.anatomy.hidden_size, run.anatomy.intermediate_size)
        first, seconds = run.step, 0.0
        for _ in range(BLOCK):
            start = time.perf_counter()
            run.optimizer_step(1e-4)
            times.append(time.perf_counter() - start)
            seconds += times[-1]
        after = measure_rates(run.anatomy.hidden_size, run.anatomy.intermediate_size)
        strict = [one for step in range(first, first + BLOCK) for one in needed(run, step, False)]
        flops += sum(one.flops for one in strict)
        whole += sum(one.flops for step in range(first, first + BLOCK) for one in needed(run, step, True))
        measured.append((before.fp32 + after.fp32) / 2)
        ideal = sum(one.flops for one in strict) / (measured[-1] * 1e9)
        shares.append((ideal / seconds, sum(one.flops / rates(one) for one in strict) / seconds))
    used = run.engine.precision
    run.engine.restore()
    by_rate, by_shape = zip(*shares, strict=True)
    return {
        "precision": used,
        "steps": len(times),
        "milliseconds_per_step": round(statistics.mean(times) * 1e3, 1),
        "median_milliseconds": round(statistics.median(times) * 1e3, 1),
        "gigaflops_needed_per_step": round(flops / len(times) / 1e9, 2),
        "gigaflops_with_whole_last_layer": round(whole / len(times) / 1e9, 2),
        "fp32_rate": round(statistics.median(measured), 1),
        "fp32_rate_from_to": [round(min(measured), 1), round(max(measured), 1)],
        "share_of_fp32_roofline": round(statistics.median(by_rate), 3),
        "share_of_fp32_roofline_from_to": [round(min(by_rate), 3), round(max(by_rate), 3)],
        "share_of_fp32_roofline_by_shape": round(statistics.median(by_shape), 3),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=60)
    options = parser.parse_args()
    facts = machine()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["SPAFIT_HOME"] = folder
        results = {}
        for name in NAMES:
            row = measure(name, "auto", options.steps)
            results[name] = row
            if row["precision"] != "fp32":
                results[f"{name}, fp32"] = measure(name, "fp32", options.steps)
    rows = [
        (
            name,
            row["precision"],
            row["milliseconds_per_step"],
            row["median_milliseconds"],
            row["gigaflops_needed_per_step"],
            row["fp32_rate"],
            "{:.0%} ({:.0%} to {:.0%})".format(row["share_of_fp32_roofline"], *row["share_of_fp32_roofline_from_to"]),
            f"{row['share_of_fp32_roofline_by_shape']:.0%}",
        )
        for name, row in results.items()
    ]
    head = ("setting", "took", "ms/step", "median", "GFLOP/step", "fp32 GF/s", "of the rate", "of the shapes' rates")
    table(head, rows)
    save("roofline", facts, {"settings": results})


if __name__ == "__main__":
    main()

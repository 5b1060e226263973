"""How near training comes to what the processor's matrix products allow.

    python -m benchmarks.roofline [--steps 60]

The FLOPs that a step needs, divided by its time and by the rate that matrix products of the same shapes reach alone, in
the same process. Two rates: PyTorch's own fp32 product, and the product that the run uses. Needed are, for every layer
above the cached prefix, one product per matrix forwards, one backwards where something below trains, and one more where
the matrix trains; of the last layer beyond keys and values only what concerns the token that the head reads. That is
less than the layer's full count, which is shown beside it.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from typing import Any

import spafit.training.loop  # noqa: F401 - before torch: it sets how OpenMP's threads wait
from benchmarks.reporting import machine, save, table
from spafit.models import BUNDLED
from spafit.stratification import Role, parse_name
from spafit.training.config import RunSpec, TrainSettings

NAMES = ("SPAFIT-2-4", "SPAFIT-4-5", "LoRA", "BitFit", "Full")
WARM_UP = 20


def needed(run: Any, step: int, whole_last_layer: bool) -> float:
    """The FLOPs of a step's matrix products, without padding: weights, LoRA pairs, and attention's two products."""
    import numpy as np

    from spafit.plan import decide
    from spafit.training.fastpath import TOKENWISE

    lengths = run.data.train.lengths[run.plan.rows(step)].astype(np.float64)
    tokens, squares, texts = lengths.sum(), (lengths**2).sum(), float(len(lengths))
    first = run.engine.cached_layers  # layers below are replayed
    rank = run.spec.stratification.lora.rank
    total = 0.0
    # Whether something below trains, so that gradients must go further down.
    reached = any(decide(tensor, run.spec.stratification).trained for tensor in run.anatomy.embeddings)
    for number, layer in enumerate(run.anatomy.layers):
        if number < first:
            continue
        last = number == run.anatomy.num_layers - 1 and not whole_last_layer
        decisions = {tensor.name: decide(tensor, run.spec.stratification) for tensor in layer}
        trains = any(d.trained or d.lora for d in decisions.values())
        for tensor in layer:
            if len(tensor.shape) != 2:
                continue
            one_token = last and bool(tensor.roles) and TOKENWISE.issuperset(tensor.roles)
            count = texts if one_token else tokens
            decision = decisions[tensor.name]
            # Query, key and value of the lowest trained layer pass nothing further down.
            entry = {Role.QUERY, Role.KEY, Role.VALUE}.intersection(tensor.roles)
            backwards = reached or (trains and not entry)
            products = 1 + backwards + decision.trained
            total += 2 * count * tensor.size * products
            if decision.lora:
                total += 2 * count * rank * sum(tensor.fan) * (2 + backwards)
        reached = reached or trains
        width = run.anatomy.num_heads * run.anatomy.head_dim
        total += 2 * 2 * width * (tokens if last else squares) * (1 + 2 * reached)
    return total


def measure(name: str, steps: int) -> dict[str, Any]:
    """Train some steps and set their time against the needed FLOPs and the rates."""
    from spafit.training.arithmetic import measure_rates
    from spafit.training.run import Run
    from spafit.training.timeline import Timeline

    settings = TrainSettings(prefix_cache="on")
    spec = RunSpec(BUNDLED, "rotten-tomatoes", parse_name(name, 6), settings)
    run = Run(spec, lambda: False, None, Timeline(time.perf_counter))
    for _ in run.prepare():
        pass
    for _ in run.fill_prefix():
        pass
    rates = measure_rates(run.anatomy.hidden_size, run.anatomy.intermediate_size)
    run.mode(True)
    for _ in range(WARM_UP):
        run.optimizer_step(1e-4)
    first = run.step
    start = time.perf_counter()
    for _ in range(steps):
        run.optimizer_step(1e-4)
    seconds = time.perf_counter() - start
    after = measure_rates(run.anatomy.hidden_size, run.anatomy.intermediate_size)
    strict = sum(needed(run, step, False) for step in range(first, first + steps))
    whole = sum(needed(run, step, True) for step in range(first, first + steps))
    torch_rate, used_rate = (rates.torch + after.torch) / 2, (rates.fp32 + after.fp32) / 2
    run.engine.restore()
    return {
        "milliseconds_per_step": round(seconds / steps * 1e3, 1),
        "gigaflops_needed_per_step": round(strict / steps / 1e9, 2),
        "gigaflops_with_whole_last_layer": round(whole / steps / 1e9, 2),
        "torch_rate": round(torch_rate, 1),
        "used_rate": round(used_rate, 1),
        "share_of_torch_roofline": round(strict / seconds / torch_rate / 1e9, 3),
        "share_of_used_roofline": round(strict / seconds / used_rate / 1e9, 3),
        "share_of_used_roofline_whole_last_layer": round(whole / seconds / used_rate / 1e9, 3),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=60)
    options = parser.parse_args()
    facts = machine()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["SPAFIT_HOME"] = folder
        results = {name: measure(name, options.steps) for name in NAMES}
    rows = [
        (
            name,
            row["milliseconds_per_step"],
            row["gigaflops_needed_per_step"],
            row["torch_rate"],
            row["used_rate"],
            f"{row['share_of_torch_roofline']:.0%}",
            f"{row['share_of_used_roofline']:.0%}",
        )
        for name, row in results.items()
    ]
    table(("setting", "ms/step", "GFLOP/step", "PyTorch GF/s", "used GF/s", "of PyTorch's", "of the used"), rows)
    save("roofline", facts, {"settings": results})


if __name__ == "__main__":
    main()

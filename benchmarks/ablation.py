"""What each technique of the engine saves by itself, and what the whole loses without it, in milliseconds a step.

    python -m benchmarks.ablation [--steps 60] [--names SPAFIT-2-4 SPAFIT-4-5] [--repeats 3]

A step is timed with nothing switched on (random batches with padding, PyTorch's own products, attention and dropout,
every layer computed), with each technique alone, with all, and with all but each. Variants alternate, each in a fresh
process and over the same batches. What counts is the processor's time, of all cores together, which other work on the
machine disturbs less than the clock's; of the repeats the least. bf16 products are a variant of their own where
"auto" would take them. Only for CPUs.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any
from unittest import mock

import spafit.training.loop  # noqa: F401 - before torch: it sets how OpenMP's threads wait
from benchmarks.ready import ready_trainer
from benchmarks.reporting import machine, save, table
from spafit.models.registry import BUNDLED
from spafit.stratification import parse_name
from spafit.training.config import RunSpec, TrainSettings

TECHNIQUES = ("prefix", "flat batches", "bf16 products", "one token", "dropout masks", "oneDNN products")
WARM_UP = 10
WIDTH, INNER = 384, 1536  # of the bundled model


@contextlib.contextmanager
def only(switched_on: set[str]) -> Iterator[dict[str, Any]]:
    """Switch on these techniques of the engine alone; yield the settings that belong to them."""
    import torch
    from torch import nn

    from spafit.training import engine
    from spafit.training.accelerated import attention, fast_path

    def torch_mask(shape: Any, probability: float) -> torch.Tensor:
        return torch.empty(tuple(shape)).bernoulli_(1.0 - probability)

    def plain_dropout(module: nn.Dropout) -> None:
        return None  # the module keeps its own

    def no_onednn(*sizes: Any) -> Any:
        rates = measured(*sizes)
        return type(rates)(**(rates.__dict__ | {"onednn": 0.0, "onednn_weight": 0.0}))

    measured = engine.measured_rates
    off = {
        "flat batches": [mock.patch.object(engine, "flat_layers_agree", lambda *_: False)],
        "one token": [mock.patch.object(engine, "find_one_token", lambda *_: None)],
        "dropout masks": [
            mock.patch.object(attention, "dropout_mask", torch_mask),
            mock.patch.object(fast_path, "_dropout", plain_dropout),
        ],
        "oneDNN products": [mock.patch.object(engine, "measured_rates", no_onednn)],
    }
    with contextlib.ExitStack() as stack:
        for name, patches in off.items():
            if name not in switched_on:
                for patch in patches:
                    stack.enter_context(patch)
        yield {
            "prefix_cache": "on" if "prefix" in switched_on else "off",
            "precision": "bf16" if "bf16 products" in switched_on else "fp32",
        }


def measure(name: str, switched_on: list[str], steps: int) -> dict[str, Any]:
    """Return the processor's milliseconds a step, and the median step's by the clock."""
    import torch

    with only(set(switched_on)) as settings:
        trainer = ready_trainer(RunSpec(BUNDLED, "rotten-tomatoes", parse_name(name, 6), TrainSettings(**settings)))
        for _ in trainer.fill_prefix(trainer.feed):
            pass
        torch.manual_seed(0)
        trainer.mode(True)
        for _ in range(WARM_UP):
            trainer.optimizer_step(1e-4)
        times = []
        busy = time.process_time()
        for _ in range(steps):
            start = time.perf_counter()
            trainer.optimizer_step(1e-4)
            times.append((time.perf_counter() - start) * 1e3)
        busy = (time.process_time() - busy) / steps * 1e3
        precision = trainer.engine.precision
        trainer.engine.restore()
    return {"processor": round(busy, 1), "median": round(statistics.median(times), 1), "precision": precision}


def variants(with_bf16: bool) -> dict[str, list[str]]:
    """Return what is switched on in each variant, by its name."""
    used = [name for name in TECHNIQUES if with_bf16 or name != "bf16 products"]
    found = {"nothing": [], "all": used}
    for name in used:
        found[f"only {name}"] = [name]
        found[f"all but {name}"] = [other for other in used if other != name]
    return found


def in_a_process(name: str, switched_on: list[str], steps: int) -> dict[str, Any]:
    """`measure` in a fresh process."""
    job = json.dumps([name, switched_on, steps])
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.ablation", "--job", job], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"{job} failed:\n{done.stderr[-3000:]}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--names", nargs="*", default=["SPAFIT-2-4", "SPAFIT-4-5", "Full"])
    parser.add_argument("--job", help="for the processes that this one starts")
    options = parser.parse_args()
    if options.job:
        print(json.dumps(measure(*json.loads(options.job))))
        return
    facts = machine()
    from spafit.training.accelerated.arithmetic import bf16_pays, measure_rates

    with_bf16 = bf16_pays(WIDTH, measure_rates(WIDTH, INNER))
    results: dict[str, Any] = {}
    for name in options.names:
        times: dict[str, list[dict[str, Any]]] = {variant: [] for variant in variants(with_bf16)}
        for _ in range(options.repeats):
            for variant, switched_on in variants(with_bf16).items():
                times[variant].append(in_a_process(name, switched_on, options.steps))
        milliseconds = {variant: min(one["processor"] for one in made) for variant, made in times.items()}
        results[name] = {"processor_milliseconds": milliseconds, "each": times}
        print(f"\n{name} on {facts['hardware'].get('cpu')}, {facts['hardware'].get('cores')} cores")
        nothing, everything = milliseconds["nothing"], milliseconds["all"]
        rows = [("all", f"{everything:.1f}", f"{1 - everything / nothing:.0%}", "")]
        for technique in TECHNIQUES:
            if f"only {technique}" in milliseconds:
                alone, without = milliseconds[f"only {technique}"], milliseconds[f"all but {technique}"]
                rows.append(
                    (technique, f"{alone:.1f}", f"{1 - alone / nothing:.0%}", f"{without / everything - 1:+.0%}")
                )
        table(("technique", "processor ms alone", f"saved of {nothing:.1f} ms", "whole without it"), rows)
        save("ablation", facts, {"settings": results})


if __name__ == "__main__":
    main()

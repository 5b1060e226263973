"""Time of a training step against N1, on a 24-layer model with random weights, beside the predicted line.

    python -m benchmarks.prefix_scaling [--steps 12] [--width 256]

A step costs a part that every pass has, and one share for each layer above the cached prefix. The line is drawn through
N1 = 0 and N1 = 20; the other points show how straight it is. Beside each: the time to compute the prefix once.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import spafit.training.loop  # noqa: F401 - before torch: it sets how OpenMP's threads wait
from benchmarks.ready import ready_trainer
from benchmarks.reporting import machine, save, table
from spafit.models.registry import bundled_folder
from spafit.stratification import Method, preset
from spafit.training.config import RunSpec, TrainSettings

LAYERS = 24
POINTS = (0, 4, 8, 12, 16, 20)
WARM_UP = 8


def make_model(folder: Path, width: int) -> Path:
    """Return a BERT of 24 layers with random weights and the bundled tokenizer."""
    import torch
    from transformers import AutoConfig, AutoModelForSequenceClassification

    bundled = bundled_folder()
    assert bundled is not None
    shutil.copytree(bundled, folder, ignore=shutil.ignore_patterns("*.safetensors", "1_Pooling", "*.md"))
    sizes = {"hidden_size": width, "num_attention_heads": width // 32, "intermediate_size": 4 * width}
    config = json.loads((folder / "config.json").read_text("utf-8")) | sizes | {"num_hidden_layers": LAYERS}
    (folder / "config.json").write_text(json.dumps(config), "utf-8")
    torch.manual_seed(0)
    AutoModelForSequenceClassification.from_config(AutoConfig.from_pretrained(folder)).save_pretrained(folder)
    return folder


def measure(model: Path, n1: int, steps: int) -> dict[str, float]:
    """Milliseconds of the median step, and seconds to compute the prefix of 1,000 sentences."""
    strat = preset(Method.SPAFIT, LAYERS, n1, max(n1, 20))
    spec = RunSpec(str(model), "rotten-tomatoes", strat, TrainSettings(train_samples=1000, prefix_cache="on"))
    run = ready_trainer(spec)
    start = time.perf_counter()
    for _ in run.fill_prefix(run.feed):
        pass
    prefix = time.perf_counter() - start
    run.mode(True)
    times = []
    for step in range(WARM_UP + steps):
        start = time.perf_counter()
        run.optimizer_step(1e-4)
        if step >= WARM_UP:  # per token: batches differ in length
            times.append((time.perf_counter() - start) / run.order.positions(step))
    run.engine.restore()
    return {"prefix_seconds": prefix, "milliseconds": statistics.median(times) * 430 * 1e3}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--width", type=int, default=256)
    options = parser.parse_args()
    facts = machine()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["SPAFIT_HOME"] = str(Path(folder) / "home")
        model = make_model(Path(folder) / "model", options.width)
        points = {n1: measure(model, n1, options.steps) for n1 in POINTS}
    slope = (points[0]["milliseconds"] - points[POINTS[-1]]["milliseconds"]) / POINTS[-1]
    rows, results = [], []
    for n1, point in points.items():
        line = points[0]["milliseconds"] - slope * n1
        share = point["milliseconds"] / line
        rows.append(
            (n1, f"{point['milliseconds']:.1f}", f"{line:.1f}", f"{share:.2f}", f"{point['prefix_seconds']:.2f}")
        )
        results.append(
            {"n1": n1, "predicted_milliseconds": round(line, 2)} | {k: round(v, 3) for k, v in point.items()}
        )
    table(("N1", "ms per step of 430 tokens", "line", "share", "prefix, s"), rows)
    extra: dict[str, Any] = {"layers": LAYERS, "width": options.width, "milliseconds_per_layer": round(slope, 2)}
    save("prefix_scaling", facts, extra | {"points": results})


if __name__ == "__main__":
    main()

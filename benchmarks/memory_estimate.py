"""Estimated against measured peak memory of one training step, each setting in a process of its own.

    python benchmarks/memory_estimate.py [--only TEXT] [--json FILE]

On the CPU the measure is PyTorch's own account of its memory: the profiler reports every allocation and release of the
CPU allocator, kernels' temporaries included, so the running sum is exact to the byte and owes nothing to what else
lives in the process. The growth of the resident set since before the model was built (VmHWM, reset before the measured
step) stands beside it as a check from outside, with the C library told to hand freed memory back; it has the libraries'
own memory on top. Where a CUDA device is there, `torch.cuda.max_memory_allocated` measures the same settings on it.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))
RESULT = ROOT / "benchmarks" / "results" / "memory_estimate.json"
SEED = 0


@dataclass(frozen=True)
class Setting:
    """One training step to measure. ``model`` is a catalogue key; weights are random but for the bundled model."""

    model: str
    stratification: str
    batch: int
    length: int
    precision: str = "fp32"
    checkpointing: bool = False

    @property
    def label(self) -> str:
        """The setting in one line."""
        extra = " checkpointing" if self.checkpointing else ""
        return f"{self.model} {self.stratification} {self.batch}x{self.length} {self.precision}{extra}"


SETTINGS = (
    Setting("minilm-l6", "SPAFIT-2-4", 16, 128),
    Setting("minilm-l6", "SPAFIT-4-5", 64, 64),
    Setting("minilm-l6", "Full", 16, 128),
    Setting("minilm-l6", "BitFit", 32, 128, "bf16"),
    Setting("minilm-l6", "LoRA", 16, 256, checkpointing=True),
    Setting("minilm-l6", "Probe", 32, 256),
    Setting("bert-base-uncased", "SPAFIT-4-8", 8, 128),
    Setting("bert-base-uncased", "Full", 4, 64),
    Setting("bert-base-uncased", "LoRA", 4, 512, "bf16", checkpointing=True),
    Setting("bert-base-uncased", "SPAFIT-8-10", 16, 128, checkpointing=True),
    Setting("roberta-base", "BitFit", 8, 128),
    Setting("distilbert-base-uncased", "LoRA", 16, 128, "bf16"),
    Setting("electra-small", "SPAFIT-6-9", 32, 128),
    Setting("mpnet-base", "SPAFIT-4-8", 8, 128),
    Setting("deberta-v3-small", "SPAFIT-2-4", 8, 128),
    Setting("modernbert-base", "LoRA", 8, 256),
    Setting("gpt2", "SPAFIT-4-8", 8, 128),
    Setting("gpt2", "Full", 2, 64),
    Setting("opt-125m", "SPAFIT-4-8", 8, 256),
    Setting("smollm2-135m", "LoRA", 8, 128),
    Setting("smollm2-135m", "SPAFIT-10-20", 4, 512, "bf16"),
    Setting("qwen3-0.6b", "LoRA+rank=16", 2, 128),
    Setting("qwen2.5-0.5b", "BitFit", 2, 256, checkpointing=True),
)


def build(setting: Setting) -> tuple[Any, Any, Any]:
    """Return (model, anatomy, stratification), the model as it trains."""
    import torch
    from transformers import AutoModelForSequenceClassification

    from spafit import adapt
    from spafit.models import registry
    from spafit.models.build import transformers_config
    from spafit.models.load import load_anatomy
    from spafit.stratification import parse_name
    from spafit.training.loading import load_model

    torch.manual_seed(SEED)
    described = load_anatomy(setting.model)
    stratification = parse_name(setting.stratification, described.num_layers)
    folder = registry.bundled_folder() if setting.model == registry.BUNDLED else None
    if folder is not None:
        model, described = load_model(folder, described, seed=SEED)
    else:
        config = transformers_config(registry.config_of(registry.get_model(setting.model)), described.num_labels)
        config.pad_token_id = config.pad_token_id if config.pad_token_id is not None else 0
        model = AutoModelForSequenceClassification.from_config(config)
    for parameter in model.parameters():  # out of the mapped file, into the allocator that is being watched
        parameter.data = parameter.data.clone()
    adapt.apply(model, described, stratification)
    model.config.use_cache = False  # decoders would store keys and values for generating text
    if setting.checkpointing:
        model.activation_checkpointing_enable({"use_reentrant": False})
        model.disable_input_require_grads()  # else gradients pass through every frozen layer, down to the embeddings
    return model.train(), described, stratification


def measure(setting: Setting, device: str) -> dict[str, Any]:
    """Build the model and measure its second training step, by which the optimizer's state exists."""
    import torch
    from torch.profiler import ProfilerActivity, profile, record_function

    from spafit import costs

    build(Setting("bert-tiny", "LoRA", 1, 1))  # loads the libraries, so that they are not counted as the model's memory
    with profile(activities=[ProfilerActivity.CPU], profile_memory=device == "cpu") as profiler:
        outside = resident()
        model, anatomy, stratification = build(setting)
        model.to(device)
        trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
        optimizer = torch.optim.AdamW(trained, lr=1e-4, fused=True)
        batch = make_batch(setting, model.config, device)

        def step() -> None:
            with torch.autocast(device, torch.bfloat16, enabled=setting.precision == "bf16"):
                loss = model(**batch).loss
            loss.backward()
            torch.nn.utils.clip_grad_norm_(trained, 1.0)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)

        step()
        reset_peak(device)
        with record_function("measured step"):
            step()
        outside = peak_resident() - outside
    measured = allocated_peak(profiler) if device == "cpu" else torch.cuda.max_memory_allocated()
    estimate = costs.training_memory(
        anatomy,
        stratification,
        batch=setting.batch,
        length=setting.length,
        precision=setting.precision,
        optimizer="adamw",
        checkpointing=setting.checkpointing,
        device=device,
    )
    return asdict(setting) | {
        "device": device,
        "measured": measured,
        "estimated": estimate.total,
        "error_percent": 100 * (estimate.total / measured - 1),
        "resident": outside,
        "peak": asdict(estimate.peak),
        "resting": estimate.weights + estimate.optimizer,
    }


def make_batch(setting: Setting, config: Any, device: str) -> dict[str, Any]:
    """Return random tokens; the last text is one token shorter, so that there is padding, as in every real batch."""
    import torch

    generator = torch.Generator().manual_seed(SEED)
    shape = (setting.batch, setting.length)
    tokens = torch.randint(4, min(config.vocab_size, 30000), shape, generator=generator)
    mask = torch.ones_like(tokens)
    mask[-1, -1] = 0
    tokens[-1, -1] = config.pad_token_id
    labels = torch.arange(setting.batch) % 2
    return {name: t.to(device) for name, t in (("input_ids", tokens), ("attention_mask", mask), ("labels", labels))}


def allocated_peak(profiler: Any) -> int:
    """Return the most bytes held by CPU tensors during the measured step, summing every allocation since the start."""
    events = profiler.profiler.kineto_results.events()
    (window,) = [event for event in events if event.name() == "measured step"]
    start, end = window.start_ns(), window.start_ns() + window.duration_ns()
    held = peak = 0
    for event in sorted((e for e in events if e.name() == "[memory]"), key=lambda e: e.start_ns()):
        held += event.nbytes()
        if start <= event.start_ns() <= end:
            peak = max(peak, held)
    return peak


def reset_peak(device: str) -> None:
    """Start the peaks that the system and CUDA keep anew."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    if device == "cuda":
        import torch

        torch.cuda.reset_peak_memory_stats()


def _status(key: str) -> int:
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(key))


def resident() -> int:
    """Bytes of the process in memory."""
    return _status("VmRSS")


def peak_resident() -> int:
    """Most bytes of the process in memory since `reset_peak`."""
    return _status("VmHWM")


def machine() -> dict[str, Any]:
    """Return what the figures were measured on."""
    import torch
    import transformers

    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    from benchmarks.reporting import commit
    from spafit.machine import usable_cores

    return {
        "cpu": next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), "unknown"),
        "cores": usable_cores(),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "commit": commit(),
        "seed": SEED,
        "date": datetime.now(UTC).date().isoformat(),
    }


def measure_apart(setting: Setting, device: str) -> dict[str, Any]:
    """Measure in a fresh process, so that nothing is left over from another setting."""
    command = [sys.executable, "-W", "ignore", __file__, "--child", json.dumps(asdict(setting)), "--device", device]
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "MALLOC_MMAP_THRESHOLD_": "65536"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if done.returncode:
        raise SystemExit(f"{setting.label} failed:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    """Measure every setting, print the table, write the results."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--only", default="", help="measure only settings whose line contains this text")
    parser.add_argument("--json", type=Path, help="write results here (default when nothing is left out: results/)")
    parser.add_argument("--device", choices=("cpu", "cuda"), help="default: cuda where there is one")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        print(json.dumps(measure(Setting(**json.loads(given.child)), given.device)))
        return
    about = machine()
    device = given.device or ("cuda" if about["gpu"] else "cpu")
    print(f"{'setting':62} {'measured':>10} {'estimate':>10} {'error':>7} {'resident':>9}   peak at")
    rows = []
    for setting in SETTINGS:
        if given.only not in setting.label:
            continue
        row = measure_apart(setting, device)
        rows.append(row)
        sizes = f"{row['measured'] / 1e6:7.0f} MB {row['estimated'] / 1e6:7.0f} MB"
        line = f"{setting.label:62} {sizes} {row['error_percent']:+6.1f}% {row['resident'] / 1e6:6.0f} MB"
        print(f"{line}   {row['peak']['name']}", flush=True)
    if not rows:
        raise SystemExit(f"No setting contains {given.only!r}.")
    errors = [abs(row["error_percent"]) for row in rows]
    # What a step adds to weights and optimizer state, which are known exactly: the part that is really estimated.
    added = [100 * abs(row["estimated"] - row["measured"]) / max(row["measured"] - row["resting"], 1) for row in rows]
    summary = {
        "settings": len(rows),
        "median_error_percent": statistics.median(errors),
        "largest_error_percent": max(errors),
        "median_error_of_what_the_step_adds_percent": statistics.median(added),
    }
    print(*(f"{key.replace('_', ' ')}: {value:.2f}" for key, value in summary.items()), sep="\n")
    target = given.json or (RESULT if len(rows) == len(SETTINGS) else None)
    if target:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(json.dumps({"machine": about, "summary": summary, "rows": rows}, indent=1) + "\n")
        print(f"written: {target}")


if __name__ == "__main__":
    main()

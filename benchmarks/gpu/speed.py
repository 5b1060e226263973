"""Steps a second beside transformers' Trainer with peft, and where ours spends them.

All contenders take the same steps over the same batches: spafit draws an epoch's order as Trainer does with that seed.
Loading the model and tokenizing come before the clock starts; the frozen prefix and compiling come after.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator
from typing import Any

from benchmarks.gpu.material import Material
from benchmarks.gpu.result import Check, Skipped
from benchmarks.gpu.runs import spec, synchronize, timed
from benchmarks.ready import ready_trainer
from spafit.training.config import RunSpec

SIDE = {"cuda": 8192, "cpu": 256}
"""Of the square matrices by whose product the card's bf16 rate is measured."""
WARM_UP = 5
PROFILED = 10


def rate(given: Material) -> Iterator[tuple[str, Check]]:
    """Measure the bf16 rate that the shares are of."""
    yield "bf16 product", lambda: bf16_rate(given)


def bf16_rate(given: Material) -> dict[str, Any]:
    """Floating-point operations a second of one large bf16 product."""
    import torch

    side = SIDE[given.device]
    x, y = (torch.randn(side, side, device=given.device).to(torch.bfloat16) for _ in range(2))
    for _ in range(3):
        torch.mm(x, y)
    with timed(given.device) as seconds:
        for _ in range(10):
            torch.mm(x, y)
    return {"side": side, "flops_per_second": 10 * 2 * side**3 / seconds[0]}


def contest(given: Material, *, name: str, large: bool, batch: int, steps: int) -> Iterator[tuple[str, Check]]:
    """One setting, by every contender."""
    run = spec(given, name, large=large, batch_size=batch, max_steps=steps, eval_every=steps)
    yield "ours", lambda: ours(given, run)
    yield "ours, launched", lambda: ours(given, run, recorded=False)
    yield "Trainer", lambda: theirs(given, run, compiled=False)
    yield "Trainer, compiled", lambda: theirs(given, run, compiled=True)


def ours(given: Material, run: RunSpec, *, recorded: bool = True) -> dict[str, Any]:
    """Train with spafit, steps recorded and replayed or each launched; ten more steps are profiled.

    The steps a second are those of the second half: until then every size of batch has been recorded.
    """
    if not recorded and given.device != "cuda":
        raise Skipped("steps are recorded on a card only")
    trainer = ready_trainer(run)
    with timed(given.device) as prefix:
        for _ in trainer.fill_prefix(trainer.feed):
            pass
    if recorded:
        trainer.record_steps()
    trainer.mode(True)
    warm = trainer.steps.total // 2
    with timed(given.device) as first:
        for _ in range(warm):
            trainer.optimizer_step(1e-4)
    rest = trainer.steps.total - warm
    with timed(given.device) as seconds:
        for _ in range(rest):
            trainer.optimizer_step(1e-4)
    lengths = [len(rows) for rows in trainer.order.parts(0)]
    flops = flops_of_a_step(trainer, sum(lengths))
    found = {
        "precision": trainer.engine.precision,
        "cached_layers": trainer.engine.cached_layers,
        "recorded": trainer.recorded is not None,
        "attention_in_one_kernel": trainer.engine.flat is not None and trainer.engine.flat.causal is not None,
        "prefix_seconds": prefix[0],
        "seconds": prefix[0] + first[0] + seconds[0],
        "steps_per_second": rest / seconds[0],
        "flops_per_step": flops,
        "flops_per_second": flops * rest / seconds[0],
        "profile": profiled(given, trainer),
    }
    trainer.recorded = None
    trainer.engine.restore()
    return found


def flops_of_a_step(trainer: Any, texts: int) -> float:
    """Return what the matrix products of a step need for texts of the mean length, above the cached prefix."""
    from spafit import costs

    mean = max(1, round(float(trainer.data.train.lengths.mean())))
    cached = trainer.engine.cached_layers > 0
    step = costs.flops(trainer.anatomy, trainer.spec.stratification, batch=texts, length=mean, prefix_cached=cached)
    return float(step.total)


def profiled(given: Material, trainer: Any) -> dict[str, Any]:
    """Where ten steps go: kernels by time, how many, and how long the card had nothing to do."""
    from torch.profiler import ProfilerActivity, profile

    on_card = given.device == "cuda"
    activities = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if on_card else [])]
    with timed(given.device) as seconds, profile(activities=activities) as profiler:
        for _ in range(PROFILED):
            trainer.optimizer_step(1e-4)
        synchronize(given.device)
    spans, kernels = [], Counter()
    for event in profiler.events():
        if event.device_type.name != ("CUDA" if on_card else "CPU"):
            continue
        spans.append((event.time_range.start, event.time_range.end))
        kernels[event.name] += event.time_range.end - event.time_range.start if on_card else event.self_cpu_time_total
    busy = covered(spans)
    begin, end = min((start for start, _ in spans), default=0.0), max((stop for _, stop in spans), default=0.0)
    return {
        "steps": PROFILED,
        "seconds": seconds[0],
        "events": len(spans),
        "busy_share": busy / (end - begin) if end > begin else None,
        "gaps_milliseconds_per_step": (end - begin - busy) / 1e3 / PROFILED,
        "longest": {name[:80]: micro / 1e3 / PROFILED for name, micro in kernels.most_common(12)},
    }


def covered(spans: list[tuple[float, float]]) -> float:
    """Return how much time intervals cover together, overlaps once."""
    total, reached = 0.0, float("-inf")
    for start, end in sorted(spans):
        total += max(0.0, end - max(start, reached))
        reached = max(reached, end)
    return total


def theirs(given: Material, run: RunSpec, *, compiled: bool) -> dict[str, Any]:
    """Train with transformers' Trainer and peft, in bf16 on a card."""
    from transformers import AutoTokenizer, DataCollatorWithPadding, Trainer, TrainerCallback, TrainingArguments
    from transformers import set_seed as seed_everything

    from spafit.models.registry import weights_folder
    from spafit.tasks import get_task, load
    from spafit.training.preparation import describe_model, prepare_model

    if compiled and given.device != "cuda":
        raise Skipped("compiling is measured on a card")
    settings, task = run.settings, get_task(run.task)
    folder = weights_folder(run.model, allow_download=False)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    examples = load(task, "train", limit=settings.train_samples, seed=settings.seed)
    encoded = tokenizer(examples.text, truncation=True, max_length=settings.max_length)
    rows = [
        {**{key: values[i] for key, values in encoded.items()}, "labels": int(examples.labels[i])}
        for i in range(len(examples))
    ]
    model = prepare_model(run, folder, describe_model(run, folder, task.num_labels), task).model
    seed_everything(settings.seed)
    passed: list[float] = []

    class Clock(TrainerCallback):
        def on_step_end(self, *_given: Any, **_more: Any) -> None:
            if len(passed) < WARM_UP:  # the rest is not held up
                synchronize(given.device)
                passed.append(_now())

    with tempfile.TemporaryDirectory() as scratch:
        arguments = TrainingArguments(
            scratch,
            max_steps=settings.max_steps,
            per_device_train_batch_size=settings.batch_size,
            learning_rate=run.learning_rate,
            weight_decay=settings.weight_decay,
            save_strategy="no",
            report_to=[],
            disable_tqdm=True,
            use_cpu=given.device == "cpu",
            seed=settings.seed,
            bf16=given.device == "cuda",
            torch_compile=compiled,
        )
        trainer = Trainer(
            model,
            arguments,
            data_collator=DataCollatorWithPadding(tokenizer),
            train_dataset=rows,
            callbacks=[Clock()],
        )
        with timed(given.device) as seconds:
            start = _now()
            trainer.train()
    warm = min(WARM_UP, settings.max_steps - 1)
    steady = start + seconds[0] - passed[warm - 1]
    return {"seconds": seconds[0], "steps_per_second": (settings.max_steps - warm) / steady}


def _now() -> float:
    import time

    return time.perf_counter()

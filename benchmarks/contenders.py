"""One training, by transformers' Trainer with peft or by spafit, in a process of its own; prints its figures as JSON.

    python -m benchmarks.contenders '{"who": "trainer", "name": "SPAFIT-2-4", "seed": 0}'

Both train the same tensors of the same model on the same examples, with the same batch size, peak learning rate,
warm-up, weight decay and number of evaluations. `seconds` runs from the launch of training, with the model loaded and
the texts tokenised, to the end of the last evaluation; `processor_seconds` are those of all cores together, which other
work on the machine disturbs less. The test score comes after that, in fp32, and is not timed.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from spafit.models.build import build_anatomy
from spafit.models.registry import BUNDLED, weights_folder
from spafit.stratification import Stratification, parse_name
from spafit.training.config import RunSpec, TrainSettings
from spafit.training.rates import default_learning_rate

TASK = "rotten-tomatoes"
LAYERS = 6


def settings_of(job: dict[str, Any]) -> tuple[Stratification, TrainSettings]:
    """Return the run that a job describes: two epochs of 2,000 sentences, evaluated after each on 500, unless told else

    Both contenders get the same rate: the one asked for, else the recorded default.
    """
    strat = parse_name(job["name"], LAYERS)
    steps = job.get("max_steps")
    usual = TrainSettings(train_samples=job.get("examples", 2000), max_steps=steps)
    total = usual.expected_steps() or 1
    settings = replace(
        usual,
        seed=job.get("seed", 0),
        learning_rate=job.get("learning_rate") or default_learning_rate(strat, total),
        eval_every=steps or -(-total // 2),
        prefix_cache=job.get("prefix_cache", "auto"),
        precision=job.get("precision", "auto"),
    )
    return strat, settings


def run_trainer(job: dict[str, Any]) -> dict[str, Any]:
    """Train with transformers' Trainer; `grouped` and `bf16` switch its length grouping and bf16 autocast on."""
    import numpy as np
    import torch
    from transformers import AutoTokenizer, DataCollatorWithPadding, Trainer, TrainingArguments, set_seed

    from spafit import adapt, tasks
    from spafit.tasks.metrics import compute
    from spafit.training.loading import load_model

    strat, settings = settings_of(job)
    folder = weights_folder(BUNDLED, allow_download=True)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    task = tasks.get_task(TASK)

    def dataset(split: str, limit: int | None = None) -> list[dict[str, Any]]:
        examples = tasks.load(task, split, limit=limit, seed=settings.seed)
        encoded = tokenizer(examples.text, truncation=True, max_length=settings.max_length)
        return [
            {**{name: values[i] for name, values in encoded.items()}, "labels": int(examples.labels[i])}
            for i in range(len(examples))
        ]

    described = build_anatomy(folder)
    model, described = load_model(folder, described, seed=settings.seed)
    adapt.apply(model, described, strat)
    set_seed(settings.seed)
    train, validation, test = dataset("train", settings.train_samples), dataset("validation", 500), dataset("test")

    def metrics(output: Any) -> dict[str, float]:
        return compute(("accuracy",), output.predictions, output.label_ids)

    with tempfile.TemporaryDirectory() as scratch:
        total = settings.expected_steps() or 1
        arguments = TrainingArguments(
            scratch,
            num_train_epochs=2,
            max_steps=settings.max_steps or -1,
            per_device_train_batch_size=settings.batch_size,
            learning_rate=settings.learning_rate or 0.0,
            warmup_steps=round(total * settings.warmup),
            weight_decay=settings.weight_decay,
            eval_strategy="steps",
            eval_steps=settings.eval_every,
            save_strategy="no",
            report_to=[],
            disable_tqdm=True,
            use_cpu=True,
            seed=settings.seed,
            bf16=bool(job.get("bf16")),
            train_sampling_strategy="group_by_length" if job.get("grouped") else "random",
        )
        trainer = Trainer(
            model,
            arguments,
            data_collator=DataCollatorWithPadding(tokenizer),
            train_dataset=train,  # ty: ignore[invalid-argument-type]
            eval_dataset=validation,  # ty: ignore[invalid-argument-type]
            compute_metrics=metrics,
        )
        start, busy = time.perf_counter(), time.process_time()
        trainer.train()
        seconds, busy = time.perf_counter() - start, time.process_time() - busy
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        arguments.bf16 = False
        model.float().eval()
        logits = []
        with torch.inference_mode():
            for i in range(0, len(test), 64):
                rows = [{k: v for k, v in row.items() if k != "labels"} for row in test[i : i + 64]]
                logits.append(model(**tokenizer.pad(rows, return_tensors="pt")).logits.numpy())
        labels = np.array([row["labels"] for row in test])
    return {
        "seconds": seconds,
        "processor_seconds": busy,
        "peak": peak,
        "test": compute(("accuracy",), np.concatenate(logits), labels)["accuracy"],
    }


def run_ours(job: dict[str, Any]) -> dict[str, Any]:
    """Train with spafit; the phases before training are left out of `seconds`, computing the prefix is in it."""
    from spafit import tasks
    from spafit.training.events import Evaluated, Finished, Phase, Started, Step
    from spafit.training.loop import train

    strat, settings = settings_of(job)
    task = tasks.get_task(job.get("task", TASK))
    launched, seconds, peak, began, busy = None, 0.0, 0, 0.0, 0.0
    started, test, left = None, None, None
    for event in train(RunSpec(BUNDLED, task.key, strat, settings)):
        if isinstance(event, Phase) and event.name in ("prefix", "training") and launched is None:
            launched, began = event.seconds, time.process_time()
        elif isinstance(event, Started):
            started = event
        elif isinstance(event, Step) and left is None and started and event.step >= started.total_steps / 10:
            left = (event.seconds, event.remaining)
        elif isinstance(event, Evaluated):
            seconds = event.seconds - (launched or 0.0)
            busy = time.process_time() - began
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        elif isinstance(event, Finished):
            test = event
    assert started is not None and test is not None and left is not None
    return {
        "seconds": seconds,
        "processor_seconds": busy,
        "peak": peak,
        "test": test.metrics[task.metric],
        "precision": started.precision,
        "timeline": dict(test.timeline),
        "padding": test.padding,
        "decisions": started.decisions,
        "total_seconds": test.seconds,
        "remaining_after_tenth": left[1],
        "truly_remaining": test.seconds - left[0],
    }


def measure(job: dict[str, Any], home: Path) -> dict[str, Any]:
    """Run a job in a fresh process with `home` as SPAFIT_HOME; returns what it printed last."""
    environment = os.environ | {
        "SPAFIT_HOME": str(home),
        "HF_HUB_OFFLINE": "1",
        "TOKENIZERS_PARALLELISM": "false",
        # For both alike: without it a busy machine slows either down many times over.
        "GOMP_SPINCOUNT": "1000",
    }
    command = [sys.executable, "-m", "benchmarks.contenders", json.dumps(job)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if done.returncode:
        raise SystemExit(f"{job} failed:\n{done.stderr[-3000:]}")
    return json.loads(done.stdout.strip().splitlines()[-1])


if __name__ == "__main__":
    description = json.loads(sys.argv[1])
    result = run_trainer(description) if description["who"] == "trainer" else run_ours(description)
    print(json.dumps(result))

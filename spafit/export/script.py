"""A Python script for exactly one setting: plain PyTorch, transformers and peft, without this package."""

from __future__ import annotations

import pprint
from collections.abc import Mapping
from dataclasses import dataclass

from spafit.counting import count
from spafit.models.anatomy import Anatomy, Tensor
from spafit.plan import check, decide
from spafit.stratification import Stratification


@dataclass(frozen=True)
class ScriptSettings:
    """What the script trains with beside the setting; the same defaults as a run."""

    learning_rate: float
    batch_size: int = 16
    max_length: int = 128
    epochs: int = 2
    seed: int = 0


def python_script(model: str, anatomy: Anatomy, stratification: Stratification, settings: ScriptSettings) -> str:
    """Return a script that fine-tunes ``model`` (a Hub id or folder) under this stratification and checks its counts.

    Raises:
        StratificationError: the stratification does not fit the model.
    """
    check(anatomy, stratification)
    counts = count(anatomy, stratification)
    decisions = {tensor: decide(tensor, stratification) for tensor in anatomy.tensors}
    trained = {tensor: tensor.name for tensor, decision in decisions.items() if decision.trained}
    adapted = {tensor: tensor.module for tensor, decision in decisions.items() if decision.lora}
    lora = stratification.lora
    fan = "\n        fan_in_fan_out=True," if any(tensor.transposed for tensor in adapted) else ""
    title = f"{stratification.name} on {anatomy.name}: {counts.trainable:,} of {counts.total:,} parameters train."
    return _TEMPLATE.format(
        title=_one_line(title),
        model=model,
        num_labels=anatomy.num_labels,
        layers=anatomy.layers_path,
        strata=_strata(stratification),
        trained=_in_layers(anatomy, trained),
        outside=pprint.pformat([name for tensor, name in trained.items() if tensor.layer is None], width=110),
        adapted=_in_layers(anatomy, adapted),
        rank=lora.rank,
        alpha=lora.alpha,
        dropout=lora.dropout,
        fan=fan,
        trainable=counts.trainable,
        total=counts.total,
        learning_rate=settings.learning_rate,
        batch_size=settings.batch_size,
        max_length=settings.max_length,
        epochs=settings.epochs,
        seed=settings.seed,
    )


def _one_line(text: str) -> str:
    """Text from a configuration, safe inside a docstring."""
    return " ".join(text.replace("\\", "/").replace('"', "'").split())


def _strata(stratification: Stratification) -> str:
    """Return the strata as comment lines, one for each that has layers."""
    return "\n".join(
        f"# {s.span.replace('–', ' to ')}: {s.recipe.description.meaning}" for s in stratification.strata() if s.size
    )


def _in_layers(anatomy: Anatomy, chosen: Mapping[Tensor, str]) -> str:
    """Return an expression for full names inside the layers: one comprehension for layers that are alike."""
    names: dict[int, tuple[str, ...]] = {}
    for tensor, name in chosen.items():
        if tensor.layer is not None:
            prefix = f"{anatomy.layers_path}.{tensor.layer - 1}."
            names[tensor.layer] = (*names.get(tensor.layer, ()), name.removeprefix(prefix))
    parts = []
    for first, last, inside in _runs(names):
        listed = pprint.pformat(inside, width=100, compact=True).replace("\n", "\n    ")
        places = f"for i in range({first - 1}, {last})\n    for name in {listed}"
        parts.append(f'[\n    f"{{LAYERS}}.{{i}}.{{name}}"\n    {places}\n]')
    return " + ".join(parts) or "[]"


def _runs(modules: dict[int, tuple[str, ...]]) -> list[tuple[int, int, tuple[str, ...]]]:
    """Consecutive layers with the same modules, as (first, last, modules)."""
    runs: list[tuple[int, int, tuple[str, ...]]] = []
    for layer, names in modules.items():
        if runs and runs[-1][1] == layer - 1 and runs[-1][2] == names:
            runs[-1] = (runs[-1][0], layer, names)
        else:
            runs.append((layer, layer, names))
    return runs


_TEMPLATE = '''"""{title}

Needs torch, transformers and peft. As it is, it trains on a few sentences, to try it out; with your own data:

    python finetune.py --data train.tsv        # one example a line: text, a tab, the label's number
"""

import argparse
import random
from pathlib import Path

import peft
import torch
from safetensors.torch import save_file
from transformers import AutoModelForSequenceClassification, AutoTokenizer

MODEL = {model!r}
NUM_LABELS = {num_labels}  # 1 predicts a number instead of a class
LEARNING_RATE, WEIGHT_DECAY, WARMUP = {learning_rate!r}, 0.01, 0.1
BATCH_SIZE, MAX_LENGTH, EPOCHS, SEED = {batch_size}, {max_length}, {epochs}, {seed}

LAYERS = "{layers}"
{strata}
TRAINED = {trained}  # inside the layers
ALSO_TRAINED = {outside}  # below and above the layers
ADAPTED = {adapted}  # matrices with a LoRA adapter

EXAMPLES = [
    ("a gripping, generous and funny film", 1),
    ("one of the year's best performances", 1),
    ("warm, clever and beautifully shot", 1),
    ("i laughed all the way home", 1),
    ("a dull script and a duller hero", 0),
    ("two hours that feel like four", 0),
    ("loud, long and empty", 0),
    ("the jokes were old the first time", 0),
]


def trains(name):
    """Whether a parameter trains: LoRA adapters, and what is listed above. peft puts base_layer into adapted names."""
    return ".lora_" in name or name.replace(".base_layer.", ".") in (*TRAINED, *ALSO_TRAINED)


def stratify(model):
    """Put in the LoRA adapters and decide what trains."""
    if ADAPTED:
        config = peft.LoraConfig(
            r={rank}, lora_alpha={alpha!r}, lora_dropout={dropout!r}, target_modules=ADAPTED, bias="none",{fan}
        )
        model = peft.inject_adapter_in_model(config, model)
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(trains(name))
    return model


def training_mode(model):
    """Dropout only where something trains."""
    model.train()
    for layer in model.get_submodule(LAYERS):
        if not any(parameter.requires_grad for parameter in layer.parameters()):
            layer.eval()
    base = LAYERS.split(".")[0] + "."
    if not any(name.startswith(base) and not name.startswith(LAYERS) for name in ALSO_TRAINED if "pooler" not in name):
        for name, module in model.named_modules():
            if isinstance(module, torch.nn.Dropout) and name.startswith(base) and not name.startswith(LAYERS + "."):
                module.eval()


def learning_rate(step, steps):
    """Linear warm-up, then linear decay to 0."""
    rising = round(WARMUP * steps)
    share = (step + 1) / (rising + 1) if step < rising else (steps - step) / max(1, steps - rising)
    return LEARNING_RATE * share


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--model", default=MODEL, help="a Hub id or a folder")
    options.add_argument("--data", type=Path, help="lines of text, a tab, the label's number")
    options = options.parse_args()
    examples = EXAMPLES
    if options.data:
        number = float if NUM_LABELS == 1 else int
        lines = [line.split("\\t") for line in options.data.read_text(encoding="utf-8").splitlines() if line.strip()]
        examples = [(text, number(label)) for text, label in lines]

    torch.manual_seed(SEED)
    model = AutoModelForSequenceClassification.from_pretrained(
        options.model, num_labels=NUM_LABELS, dtype=torch.float32, use_safetensors=True
    )
    tokenizer = AutoTokenizer.from_pretrained(options.model)
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    model.config.pad_token_id = tokenizer.pad_token_id  # a decoder's head reads the last token before the padding
    model = stratify(model)

    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    trainable = sum(parameter.numel() for parameter in trained)
    total = sum(parameter.numel() for parameter in model.parameters())
    print(f"trainable {{trainable:,}} of {{total:,}} ({{100 * trainable / total:.4g}} %)")
    assert (trainable, total) == ({trainable}, {total}), "this is not the model that the script was made for"

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model.to(device)
    optimizer = torch.optim.AdamW(
        [
            {{"params": [p for p in trained if p.ndim >= 2], "weight_decay": WEIGHT_DECAY}},
            {{"params": [p for p in trained if p.ndim < 2], "weight_decay": 0.0}},
        ],
        lr=LEARNING_RATE,
    )
    torch.manual_seed(SEED)
    random.seed(SEED)
    training_mode(model)
    steps = EPOCHS * -(-len(examples) // BATCH_SIZE)
    step = 0
    for _ in range(EPOCHS):
        random.shuffle(examples)
        for start in range(0, len(examples), BATCH_SIZE):
            texts, labels = zip(*examples[start : start + BATCH_SIZE])
            batch = tokenizer(list(texts), truncation=True, max_length=MAX_LENGTH, padding=True, return_tensors="pt")
            loss = model(**batch.to(device), labels=torch.tensor(labels, device=device)).loss
            loss.backward()
            torch.nn.utils.clip_grad_norm_(trained, 1.0)
            for group in optimizer.param_groups:
                group["lr"] = learning_rate(step, steps)
            optimizer.step()
            optimizer.zero_grad()
            step += 1
            print(f"step {{step}} of {{steps}}: loss {{loss.item():.6f}}")
    values = {{name: p.detach().cpu().contiguous() for name, p in model.named_parameters() if p.requires_grad}}
    save_file(values, "trained.safetensors")
    print(f"the {{len(values)}} trained tensors are in trained.safetensors")


if __name__ == "__main__":
    main()
'''

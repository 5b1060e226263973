"""A Python script that does one run: plain PyTorch, transformers and peft, without this package.

`finetune.py` beside this file is the script, with values of its own; here they are replaced by a run's.
"""

from __future__ import annotations

import json
import pprint
import re
from collections.abc import Mapping
from importlib import resources
from typing import Any

from spafit import provenance
from spafit.access import shared
from spafit.counting import count
from spafit.export.head import head_modules, whole_weights
from spafit.models.anatomy import Anatomy, Tensor
from spafit.models.load import load_anatomy
from spafit.models.registry import Model, get_model
from spafit.plan import check, decide
from spafit.stratification import Stratification
from spafit.tasks import Task, get_task
from spafit.training.config import SETTINGS, RunSpec

LEFT_OUT = ("prefix_cache",)
"""Settings that change how long a run takes and not what it does; the script computes every layer every time."""
UNKNOWN_MODEL = "path/to/your/model"
_BLOCK = re.compile(r"# What this script is about.*# End of what this script is about\.\n", re.DOTALL)


def python_script(spec: RunSpec, anatomy: Anatomy, task: Task | None = None) -> str:
    """Return a script that does a run: the same stratification, settings, new head and order of batches.

    Args:
        spec: the run.
        anatomy: of its model, with as many labels as the task has.
        task: what it learns; None leaves the classes unnamed.

    Raises:
        StratificationError: the stratification does not fit the model.
        SpafitError: there is no such model any more.
    """
    check(anatomy, spec.stratification)
    counts = count(anatomy, spec.stratification)
    title = f"{spec.stratification.name} on {anatomy.name}: {counts.trainable:,} of {counts.total:,} parameters train."
    text = resources.files("spafit.export").joinpath("finetune.py").read_text(encoding="utf-8")
    lines = _model(get_model(spec.model)) + _task(task, anatomy.num_labels) + _settings(spec, anatomy)
    lines += _stratification(spec.stratification, anatomy)
    lines += [f"COUNTS = ({counts.trainable}, {counts.total})  # trainable, total"]
    block = "# The run.\n" + "\n".join(lines) + "\n"
    return _BLOCK.sub(lambda _found: block, text).replace("TITLE", _one_line(title), 1)


def script_of(spec: RunSpec) -> str:
    """Return the script of a run as it is stored; see `python_script`.

    Raises:
        SpafitError: its model or its task is gone.
    """
    task = get_task(spec.task)
    return python_script(spec, load_anatomy(spec.model, num_labels=task.num_labels), task)


def _model(model: Model) -> list[str]:
    named = model.hub_id or (str(model.path) if model.path and not shared() else UNKNOWN_MODEL)
    package = provenance.asset(model.key).module if model.source == "bundled" else ""
    return [
        f"MODEL = {named!r}  # a Hub id or a folder",
        f"PACKAGE = {package!r}  # an installed Python package that carries the model; empty: none",
    ]


def _task(task: Task | None, num_labels: int) -> list[str]:
    if task is not None:
        labels, metrics = task.labels, task.metrics
    else:
        labels = tuple(str(number) for number in range(num_labels)) if num_labels > 1 else ()
        metrics = ("accuracy",) if labels else ("pearson",)
    return [_assigned("LABELS", labels), _assigned("METRICS", metrics)]


def _settings(spec: RunSpec, anatomy: Anatomy) -> list[str]:
    """Every setting under its name, as the run has it."""
    values = spec.resolved().settings.to_dict()
    values["max_length"] = min(values["max_length"], anatomy.max_length)
    return [
        f"{name.upper()} = {values[name]!r}  # {setting.label}"
        for name, setting in SETTINGS.items()
        if name not in LEFT_OUT
    ]


def _stratification(stratification: Stratification, anatomy: Anatomy) -> list[str]:
    decisions = {tensor: decide(tensor, stratification) for tensor in anatomy.tensors}
    trained = {tensor: tensor.name for tensor, decision in decisions.items() if decision.trained}
    adapted = {tensor: tensor.module for tensor, decision in decisions.items() if decision.lora}
    outside = [name for tensor, name in trained.items() if tensor.layer is None]
    lora = {
        "r": stratification.lora.rank,
        "lora_alpha": stratification.lora.alpha,
        "lora_dropout": stratification.lora.dropout,
        "fan_in_fan_out": any(tensor.transposed for tensor in adapted),
    }
    return [
        f'LAYERS = "{anatomy.layers_path}"',
        *(
            f"# {s.span.replace('–', ' to ')}: {s.recipe.description.meaning}"
            for s in stratification.strata()
            if s.size
        ),
        f"TRAINED = {_in_layers(anatomy, trained)}  # inside the layers",
        f"{_assigned('ALSO_TRAINED', outside)}  # below and above the layers",
        f"EMBEDDINGS_TRAIN = {not trained.keys().isdisjoint(anatomy.embeddings)}  # are the embeddings among them",
        f"ADAPTED = {_in_layers(anatomy, adapted)}  # matrices with a LoRA adapter",
        _assigned("LORA", lora),
        f"{_assigned('NEW_HEAD', head_modules(anatomy, stratification))}  # what an adapter has to carry along",
        _assigned("NEW_TENSORS", [tensor.name for tensor in anatomy.head if tensor.fresh]),
        f"WHOLE_WEIGHTS = {bool(whole_weights(anatomy, stratification))}  # outside the head, which no adapter holds",
        _assigned("STRATIFICATION", json.loads(stratification.to_json())),
    ]


def _assigned(name: str, value: Any) -> str:
    return f"{name} = {pprint.pformat(value, width=100, sort_dicts=False)}"


def _one_line(text: str) -> str:
    """Text from a configuration, safe inside a docstring."""
    return " ".join(text.replace("\\", "/").replace('"', "'").split())


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

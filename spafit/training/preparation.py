"""From a specification to a model and its data, ready to train."""

from __future__ import annotations

import functools
from collections.abc import Generator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from torch import nn
from transformers import PreTrainedModel

from spafit import adapt, tasks
from spafit.models import registry
from spafit.models.anatomy import Anatomy
from spafit.models.build import build_anatomy
from spafit.tasks import Task
from spafit.tasks.tokens import Encoded, tokenize
from spafit.training.config import RunSpec
from spafit.training.device import choose_device, prepare_cpu
from spafit.training.events import AutomaticChoice, Phase
from spafit.training.failures import TrainingFailed
from spafit.training.kept import Kept
from spafit.training.loading import Loaded, load
from spafit.training.timeline import Timeline


@dataclass(frozen=True)
class Prepared:
    """All that training starts from: the stratified model on its device, and the tokenised data that it can take."""

    spec: RunSpec
    folder: Path  # with the model's weights
    device: torch.device
    data: Data
    model: PreTrainedModel
    anatomy: Anatomy
    choices: tuple[AutomaticChoice, ...]  # made on the way


def prepare(spec: RunSpec, timeline: Timeline, kept: Kept | None = None) -> Generator[Phase, None, Prepared]:
    """Load, read and check everything that a run needs, and tell which phase begins.

    Args:
        spec: of the run.
        timeline: of its phases.
        kept: what earlier runs of this process have left, and this one leaves for later ones.

    Raises:
        SpafitError: something is missing, damaged or does not fit.
    """
    device = choose_device(spec.settings.device)
    if device.type == "cpu":
        prepare_cpu()
    folder = registry.weights_folder(spec.model, allow_download=True)
    task = tasks.get_task(spec.task)
    described = describe_model(spec, folder, task.num_labels)
    max_length = min(spec.settings.max_length, described.max_length)
    yield timeline.enter("data")
    kept = kept or Kept()
    settings = spec.settings
    drawn = (settings.train_samples, settings.eval_samples, settings.seed, max_length)
    read = functools.partial(prepare_data, spec, folder, max_length)
    data = kept.splits((task.key, tasks.content_digest(task), folder, *drawn), read)
    choices = _data_choices(task)
    if max_length < spec.settings.max_length:
        choices.append(AutomaticChoice("Max sequence length", f"{max_length} tokens", "the most this model takes"))
    yield timeline.enter("model")
    loaded = prepare_model(spec, folder, described, task, kept)
    model, anatomy = loaded.model, loaded.anatomy
    choices += loaded.choices
    data = fit_data(data, model, spec.model)
    choices += _padding_choices(data, model)
    model.to(device)
    if spec.settings.checkpointing:
        model.activation_checkpointing_enable({"use_reentrant": False})
        # It also lets the embeddings' output require gradients, which would then pass through every frozen layer.
        model.disable_input_require_grads()
    return Prepared(spec, folder, device, data, model, anatomy, tuple(choices))


@dataclass(frozen=True)
class Data:
    """The tokenised splits of a task."""

    task: Task
    train: Encoded
    validation: Encoded
    test: Encoded
    live: Encoded  # the part of the validation split that live evaluations use
    further_tests: dict[str, Encoded] = field(default_factory=dict)  # the task's `extra_tests`

    @property
    def final(self) -> dict[str, Encoded]:
        """What the final evaluation looks at, by the name of the part."""
        return {"validation": self.validation, "test": self.test, **self.further_tests}

    @property
    def regression(self) -> bool:
        """Whether the labels are numbers instead of classes."""
        return self.task.num_labels == 1


def prepare_data(spec: RunSpec, folder: Path, max_length: int) -> Data:
    """Read and tokenise the splits with the tokenizer in the model's folder, cut to `max_length` tokens.

    Raises:
        SpafitError: unknown task, unreadable data, or nothing to learn from it.
    """
    settings = spec.settings
    task = tasks.get_task(spec.task)
    cache = tasks.token_cache(task)

    def read(split: str, limit: int | None = None) -> Encoded:
        examples = tasks.load(task, split, limit=limit, seed=settings.seed)
        return tokenize(examples, folder, max_length, cache)

    train = read("train", settings.train_samples)
    if len(train) < 2 or len(np.unique(train.labels)) < 2:
        raise TrainingFailed(
            f"The training examples of {task.name} all have the same label, so there is nothing to learn."
            if len(train)
            else f"{task.name} has no training examples."
        )
    validation = read("validation")
    live = subset(validation, _live_rows(validation, settings.eval_samples, settings.seed))
    return Data(task, train, validation, read("test"), live, {part: read(part) for part in task.extra_tests})


def _data_choices(task: Task) -> list[AutomaticChoice]:
    """Where the data of a task was found and what of it could not be used."""
    found = [] if task.source == "bundled" else [AutomaticChoice(task.name, f"the data is {task.where}")]
    left_out = tasks.preparation(task).remark.removesuffix(".")
    return [*found, AutomaticChoice(*left_out.split(": ", 1))] if left_out else found


def fit_data(data: Data, model: PreTrainedModel, called: str) -> Data:
    """Return the data as the model can take it: no token types where it has none, and only tokens that it knows.

    Decoders learn here what their texts are padded with: their head reads the last token before that.

    Raises:
        TrainingFailed: the tokenizer in the model's folder gives tokens or types that the model has no embedding for.
    """
    parts = {"train": data.train, "live": data.live, **data.final}
    rows = model.get_input_embeddings().get_parameter("weight").shape[0]
    _check_numbers("token numbers", max(max(int(p.input_ids.max()), p.pad_id) for p in parts.values()), rows, called)
    model.config.pad_token_id = data.train.pad_id
    types = getattr(model.config, "type_vocab_size", None) or 0
    if types > 1:
        highest = max((int(p.token_type_ids.max()) for p in parts.values() if p.token_type_ids is not None), default=0)
        _check_numbers("token types", highest, types, called)
        return data
    # Some tokenizers give types to models that have none; GPT-2 would even take them for words.
    fitted = {name: replace(part, token_type_ids=None) for name, part in parts.items()}
    train, live, validation, test = (fitted.pop(name) for name in ("train", "live", "validation", "test"))
    return replace(data, train=train, live=live, validation=validation, test=test, further_tests=fitted)


def _padding_choices(data: Data, model: PreTrainedModel) -> list[AutomaticChoice]:
    """Say so where texts are padded with what else ends them: their tokenizer has no padding token."""
    ends, pad = model.config.eos_token_id, data.train.pad_id
    if pad not in (ends if isinstance(ends, list) else [ends]):
        return []
    return [AutomaticChoice("Padding token", f"the end-of-text token ({pad})", "the tokenizer names no other")]


def _check_numbers(what: str, highest: int, rows: int, called: str) -> None:
    if highest >= rows:
        raise TrainingFailed(
            f"The tokenizer of {called} gives {what} up to {highest:,} but the model's embedding of them has {rows:,} "
            "rows, so it belongs to another model: its own has to lie beside its weights."
        )


def subset(encoded: Encoded, rows: np.ndarray) -> Encoded:
    """Return the examples in `rows`, in that order, as a split of their own."""
    places = np.concatenate([np.arange(encoded.offsets[i], encoded.offsets[i + 1]) for i in rows])
    types = encoded.token_type_ids
    return replace(
        encoded,
        input_ids=encoded.input_ids[places],
        offsets=np.concatenate(([0], np.cumsum(encoded.lengths[rows]))),
        token_type_ids=None if types is None else types[places],
        labels=encoded.labels[rows],
    )


def _live_rows(validation: Encoded, limit: int | None, seed: int) -> np.ndarray:
    """Choose validation rows for the live points, seeded, stratified by label where there are classes."""
    count = len(validation)
    if limit is None or limit >= count:
        return np.arange(count)
    shuffled = np.random.default_rng((seed, 1)).permutation(count)
    if validation.labels.dtype.kind == "f":
        return np.sort(shuffled[:limit])
    # Taking the examples of each class at even strides keeps the classes' shares to within one example.
    order = shuffled[np.argsort(validation.labels[shuffled], kind="stable")]
    return np.sort(order[np.linspace(0, count, limit, endpoint=False).astype(int)])


def describe_model(spec: RunSpec, folder: Path, num_labels: int) -> Anatomy:
    """Return the model's anatomy, once it is sure that the stratification fits it; nothing is loaded yet.

    Raises:
        SpafitError: the model is not supported, or the stratification is for another depth.
    """
    described = build_anatomy(folder, num_labels=num_labels, name=spec.model)
    if spec.stratification.num_layers != described.num_layers:
        raise TrainingFailed(
            f"The stratification is for {spec.stratification.num_layers} layers but {spec.model} has "
            f"{described.num_layers}."
        )
    return described


def prepare_model(spec: RunSpec, folder: Path, described: Anatomy, task: Task, kept: Kept | None = None) -> Loaded:
    """Load the model and apply the stratification (on the CPU, in fp32).

    Raises:
        SpafitError: weights that cannot be used.
    """
    keep = spec.settings.head_weights == "kept"
    seed = spec.settings.seed
    read = functools.partial(load, folder, described, seed=seed, keep_head=keep, labels=task.labels)
    loaded = (
        read() if kept is None else kept.model((_state_of(folder), task.key, described.num_labels, seed, keep), read)
    )
    adapt.apply(loaded.model, loaded.anatomy, spec.stratification)
    loaded.model.config.use_cache = False  # decoders would keep keys and values for a next token that never comes
    if not any(p.requires_grad for p in loaded.model.parameters()):
        raise TrainingFailed(f"Nothing trains under {spec.stratification.name}: every part of the model is frozen.")
    return loaded


def _state_of(folder: Path) -> tuple[tuple[str, int, int], ...]:
    """Return what tells a model's folder from what was there before."""
    files = sorted(path for path in folder.iterdir() if path.is_file())
    return tuple((str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in files)


def set_mode(model: PreTrainedModel, described: Anatomy, training: bool, frozen_dropout: bool) -> None:
    """Put the model in training or evaluation mode; what trains nothing keeps no dropout unless `frozen_dropout`."""
    model.train(training)
    if not training or frozen_dropout:
        return
    trained = {adapt.parameter_name(name) for name, p in model.named_parameters() if p.requires_grad}
    for number, layer in enumerate(model.get_submodule(described.layers_path).children()):
        if not any(name.startswith(f"{described.layers_path}.{number}.") for name in trained):
            layer.eval()
    if not any(tensor.name in trained for tensor in described.embeddings):
        base = described.layers_path.partition(".")[0]
        for path, module in model.named_modules():
            inside_layers = path.startswith(f"{described.layers_path}.")
            if isinstance(module, nn.Dropout) and path.startswith(f"{base}.") and not inside_layers:
                module.eval()

"""The advisors that look at the pretrained model and a sample of the task: a score per layer, high means adapt.

For a process of its own: ``spafit.helper.call("spafit.advice.measured:measure", {...})``.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from statistics import fmean
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from spafit import tasks
from spafit.errors import SpafitError
from spafit.models import registry
from spafit.models.anatomy import Anatomy
from spafit.models.build import build_anatomy
from spafit.tasks.tokens import Encoded, tokenize
from spafit.training.accelerated.fast_path import find_one_token
from spafit.training.batches import collate, fixed_batches
from spafit.training.evaluation import loss_of
from spafit.training.loading import load_model

EXAMPLES = 256
MAX_LENGTH = 128
SAME_INPUT = "Layer 1 is left out: the head reads the first token, whose input there is the same in every text."
NO_MATRICES = "This model keeps its weights in no linear modules that PEFT's search looks at."
CONSTANT = 1e-12

Scores = list[float | None]


class AdviceError(SpafitError):
    """An advisor cannot score this model."""


@dataclass(frozen=True)
class Sample:
    """A pretrained model with a fresh head, in evaluation mode, and some training texts of a task."""

    model: nn.Module
    anatomy: Anatomy
    texts: Encoded

    def batches(self) -> Iterator[dict[str, Tensor]]:
        """Yield the texts, in the same batches every time."""
        for rows in fixed_batches(self.texts.lengths, self.texts.max_length):
            batch = {name: torch.from_numpy(array) for name, array in collate(self.texts, rows).items()}
            if not getattr(self.model.config, "type_vocab_size", None):
                batch.pop("token_type_ids", None)
            yield batch

    @property
    def layers(self) -> list[nn.Module]:
        """The model's layers, layer 1 first."""
        return list(self.model.get_submodule(self.anatomy.layers_path).children())


def measure(model: str, task: str, examples: int = EXAMPLES, max_length: int = MAX_LENGTH) -> dict[str, Any]:
    """Ask every measured advisor; returns JSON types: key -> "scores" (layer 1 first), "seconds" and "remark".

    Raises:
        SpafitError: the model or the data cannot be used. An advisor that cannot score the model says so in its remark.
    """
    sample = take_sample(model, task, examples, max_length)
    asked: dict[str, Callable[[Sample], tuple[Scores, str]]] = {
        "cka": cka_scores,
        "gradient": gradient_scores,
        "kappa": kappa_scores,
    }
    answers = {}
    for key, advise in asked.items():
        start = time.perf_counter()
        try:
            scores, remark = advise(sample)
        except AdviceError as error:
            scores, remark = [], str(error)
        answers[key] = {"scores": scores, "seconds": time.perf_counter() - start, "remark": remark}
    return answers


def take_sample(model: str, task: str, examples: int = EXAMPLES, max_length: int = MAX_LENGTH) -> Sample:
    """Load a model on the CPU in fp32 and a stratified choice of a task's training texts."""
    posed = tasks.get_task(task)
    folder = registry.weights_folder(model, allow_download=False)
    described = build_anatomy(folder, num_labels=posed.num_labels, name=model)
    loaded, anatomy = load_model(folder, described, seed=0)
    loaded.eval()
    chosen = tasks.load(posed, "train", limit=examples, seed=0)
    return Sample(loaded, anatomy, tokenize(chosen, folder, min(max_length, anatomy.max_length), None))


def cka_scores(sample: Sample) -> tuple[Scores, str]:
    """Score each layer by 1 - CKA of its input and output at the token that the head reads (the mean where several)."""
    place = _place(sample)
    entering: list[list[Tensor]] = [[] for _ in sample.layers]
    leaving: list[list[Tensor]] = [[] for _ in sample.layers]
    with torch.inference_mode(), _Watched(sample.layers) as watched:
        for batch in sample.batches():
            inputs = {name: tensor for name, tensor in batch.items() if name != "labels"}
            sample.model(**inputs)
            for number, (before, after) in enumerate(watched.states):
                entering[number].append(_at(place, before, inputs["attention_mask"]))
                leaving[number].append(_at(place, after, inputs["attention_mask"]))
    scores: Scores = []
    for before, after in zip(entering, leaving, strict=True):
        similarity = linear_cka(torch.cat(before), torch.cat(after))
        scores.append(None if similarity is None else 1.0 - similarity)
    return scores, SAME_INPUT if place == "first" and scores[0] is None else ""


def linear_cka(first: Tensor, second: Tensor) -> float | None:
    """Return linear CKA (Kornblith et al. 2019) of two sets of states of the same texts; None if one is constant."""
    first, second = (states.double() - states.double().mean(0) for states in (first, second))
    scales = [float(torch.linalg.matrix_norm(states.T @ states)) for states in (first, second)]
    size = float(max(states.abs().max() for states in (first, second)))
    if min(scales) <= CONSTANT * max(1.0, size**2):
        return None
    return float(torch.linalg.matrix_norm(first.T @ second) ** 2 / (scales[0] * scales[1]))


def gradient_scores(sample: Sample) -> tuple[Scores, str]:
    """Score each layer by the norm of the mean loss's gradient over the norm of its weights (biases and norms too)."""
    model, count = sample.model, len(sample.texts)
    model.zero_grad(set_to_none=True)
    for batch in sample.batches():
        labels = batch.pop("labels")
        (loss_of(model(**batch).logits, labels, "sum") / count).backward()
    scores: Scores = []
    for layer in sample.layers:
        weights = list(layer.parameters())
        gradient = sum(float(p.grad.square().sum()) for p in weights if p.grad is not None)
        size = sum(float(p.detach().square().sum()) for p in weights)
        scores.append((gradient / size) ** 0.5 if size else None)
    model.zero_grad(set_to_none=True)
    return scores, ""


def kappa_scores(sample: Sample) -> tuple[Scores, str]:
    """Score each layer by the mean rank of its matrices in PEFT's order, well-conditioned ones first."""
    from peft import find_kappa_target_modules

    inside = nn.ModuleDict({str(number): layer for number, layer in enumerate(sample.layers)})
    ordered = find_kappa_target_modules(inside, top_p=1.0, show_progress=False)["target_modules"] or []
    ranks: list[list[float]] = [[] for _ in sample.layers]
    for rank, name in enumerate(ordered):
        ranks[int(name.partition(".")[0])].append(1 - rank / len(ordered))
    if not ordered:
        raise AdviceError(NO_MATRICES)
    return [fmean(found) if found else None for found in ranks], ""


def _place(sample: Sample) -> str:
    """Which token the head reads: "first", "last", or "all" where it reads several."""
    order = np.argsort(sample.texts.lengths, kind="stable")
    two = {name: torch.from_numpy(array) for name, array in collate(sample.texts, order[[-1, 0]]).items()}
    inputs = {name: two[name] for name in ("input_ids", "attention_mask")}
    found = find_one_token(sample.model, sample.anatomy, inputs)
    return "all" if found is None else found.place


def _at(place: str, states: Tensor, mask: Tensor) -> Tensor:
    """Return the states that the head reads, one row a text."""
    if place == "first":
        return states[:, 0]
    if place == "last":
        return states[torch.arange(len(states)), mask.sum(1) - 1]
    weights = mask.unsqueeze(-1).to(states.dtype)
    return (states * weights).sum(1) / weights.sum(1)


class _Watched:
    """Keeps what went into each layer and came out of it in the latest forward pass."""

    def __init__(self, layers: list[nn.Module]) -> None:
        self.states: list[tuple[Tensor, Tensor]] = [(torch.empty(0), torch.empty(0))] * len(layers)
        self._layers = layers

    def __enter__(self) -> _Watched:
        self._handles = [
            layer.register_forward_hook(self._keep(number), with_kwargs=True)
            for number, layer in enumerate(self._layers)
        ]
        return self

    def __exit__(self, *_: object) -> None:
        for handle in self._handles:
            handle.remove()

    def _keep(self, number: int) -> Callable[..., None]:
        def keep(_module: nn.Module, args: Any, named: dict[str, Any], output: Any) -> None:
            before = args[0] if args else named["hidden_states"]
            self.states[number] = (before, output if isinstance(output, Tensor) else output[0])

        return keep

"""Loads a pretrained model for training: fp32, safetensors only, everything used but its head, which is new."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spafit.models.anatomy import Anatomy
from spafit.models.heads import class_names, head_labels, not_kept
from spafit.models.weights import WeightsError, check_weights
from spafit.tasks.tokens import padding_id
from spafit.training.events import AutomaticChoice

if TYPE_CHECKING:
    from transformers import PreTrainedModel

BUFFERS = ("position_ids", "masked_bias", "inv_freq")
"""What names end with of tensors that nobody trains: older releases stored them, newer ones compute them."""


@dataclass(frozen=True)
class Loaded:
    """A model in fp32 on the CPU, the anatomy that fits it, and what was chosen on the way."""

    model: PreTrainedModel
    anatomy: Anatomy
    choices: tuple[AutomaticChoice, ...]


def load_model(folder: Path, anatomy: Anatomy, *, seed: int) -> tuple[PreTrainedModel, Anatomy]:
    """Load a model with a new head, as `load` does; return it and the anatomy that fits it."""
    loaded = load(folder, anatomy, seed=seed)
    return loaded.model, loaded.anatomy


def load(folder: Path, anatomy: Anatomy, *, seed: int, keep_head: bool = False, labels: Sequence[str] = ()) -> Loaded:
    """Load a sequence-classification model with `anatomy.num_labels` outputs (1: regression).

    Args:
        folder: with config.json and safetensors weights.
        anatomy: what the configuration describes; a checkpoint that lacks its pooler gets one with a fresh pooler.
        seed: from which the head is drawn; the same with a checkpoint that has a head and with one that has none.
        keep_head: take the checkpoint's own head, whose classes have to be `labels`, in that order.
        labels: class names of the task; none for regression.

    Raises:
        WeightsError: no safetensors, damaged ones, tensors missing beyond the head, others that the model has no place
            for, shapes that differ, numbers that are not finite, or no head of these classes where it shall be kept.
    """
    import torch

    check_weights(folder)
    torch.manual_seed(seed)
    model, info = _from_pretrained(folder, anatomy.num_labels)
    absent = set(info["missing_keys"]) | {key if isinstance(key, str) else key[0] for key in info["mismatched_keys"]}
    fitting = _fitting(anatomy, absent, folder)
    left = [key for key in sorted(info["unexpected_keys"]) if not key.endswith(BUFFERS)]
    _refuse_unused_body(left, fitting, folder)
    own_head = {tensor.name for tensor in anatomy.tensors if tensor.fresh} - absent
    if keep_head:
        if problem := not_kept(folder, anatomy, labels):
            raise WeightsError(problem)
    elif own_head:
        _draw_again(model, own_head | {tensor.name for tensor in fitting.tensors if tensor.fresh}, seed)
    _check_finite(model, folder)
    if model.config.pad_token_id is None:  # decoders: the last token that is not padding is classified
        model.config.pad_token_id = padding_id(model.config)
    choices = [*_head_choices(folder, own_head, keep_head, left), *_pooler_choices(anatomy, fitting)]
    return Loaded(model, fitting, tuple(choices))


def _from_pretrained(folder: Path, num_labels: int) -> tuple[PreTrainedModel, dict[str, Any]]:
    """Return the model and what transformers says about tensors that it missed or could not use."""
    import torch
    from transformers import AutoModelForSequenceClassification
    from transformers.utils import logging

    verbosity, progress = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()  # the report of absent tensors is read instead of printed
    logging.disable_progress_bar()
    try:
        return AutoModelForSequenceClassification.from_pretrained(
            folder,
            num_labels=num_labels,
            dtype=torch.float32,
            use_safetensors=True,
            local_files_only=True,
            trust_remote_code=False,
            ignore_mismatched_sizes=True,
            output_loading_info=True,
        )
    except (OSError, ValueError, RuntimeError, KeyError) as error:
        raise WeightsError(f"The model in {folder} cannot be loaded: {_first_sentence(error)}") from error
    finally:
        logging.set_verbosity(verbosity)
        if progress:
            logging.enable_progress_bar()


def _fitting(anatomy: Anatomy, absent: set[str], folder: Path) -> Anatomy:
    for candidate in (anatomy, anatomy.with_fresh_pooler()):
        fresh = {tensor.name for tensor in candidate.tensors if tensor.fresh}
        missing = sorted(absent.intersection(anatomy.by_name) - fresh)
        if not missing:
            return candidate
    raise WeightsError(
        f"The weights in {folder} lack {_first(missing)}, or hold it in another shape, so they are not those of the "
        f"{anatomy.family} model that its config.json describes."
    )


def _refuse_unused_body(left: Sequence[str], anatomy: Anatomy, folder: Path) -> None:
    """Refuse weights with tensors of embeddings or layers that the model has no place for: it would be another one."""
    base = anatomy.layers_path.partition(".")[0]
    body, head = (
        {tensor.name.removeprefix(f"{base}.").partition(".")[0] for tensor in tensors}
        for tensors in ((t for t in anatomy.tensors if t.row != "head"), anatomy.head)
    )
    unused = []
    for key in left:
        inside = key.removeprefix(f"{base}.")
        part = inside.partition(".")[0]
        if part in body or (inside != key and part not in {*head, "pooler"}):
            unused.append(key)
    if unused:
        raise WeightsError(
            f"The weights in {folder} hold {_first(unused)}, for which the {anatomy.family} model that its config.json "
            "describes has no place, so another model would be trained under its name."
        )


def _draw_again(model: PreTrainedModel, names: Collection[str], seed: int) -> None:
    """Draw these parameters as if the checkpoint had lacked them, by the model's own rule for new ones."""
    import torch

    mark = "_is_hf_initialized"  # by which transformers knows what a checkpoint has filled
    for name, parameter in model.named_parameters():
        setattr(parameter, mark, name not in names)
    for path, module in model.named_modules():
        if not path or any(name.startswith(f"{path}.") for name in names):
            setattr(module, mark, False)
    torch.manual_seed(seed)
    model.initialize_weights()
    for parameter in model.parameters():
        delattr(parameter, mark)


def _head_choices(folder: Path, own_head: set[str], kept: bool, left: Sequence[str]) -> list[AutomaticChoice]:
    """Say what became of the checkpoint's own head, and of heads for other purposes."""
    choices = []
    if own_head:
        named = head_labels(folder)
        own = f"the checkpoint's own has the classes {class_names(named)}" if named else "the checkpoint has its own"
        how = "as asked" if kept else f"{own}, and is kept only when asked for"
        choices.append(AutomaticChoice("Head", "the checkpoint's own" if kept else "new", how))
    if left:
        parts = Counter(key.partition(".")[0] for key in left)
        listed = ", ".join(f"{part} ({count})" for part, count in parts.items())
        choices.append(AutomaticChoice("Tensors not used", listed, "heads for other purposes that the checkpoint has"))
    return choices


def _pooler_choices(anatomy: Anatomy, fitting: Anatomy) -> list[AutomaticChoice]:
    if fitting is anatomy:
        return []
    return [AutomaticChoice("Pooler", "new, trained as the head is", "the checkpoint was saved without it")]


def _check_finite(model: PreTrainedModel, folder: Path) -> None:
    """Refuse weights that hold NaN or infinity: training would seem to diverge at its first step."""
    # A sum is finite unless a number in it is not, or is near the end of fp32's range; only then each one is looked at.
    tensors = ((name, parameter.detach()) for name, parameter in model.named_parameters())
    broken = [name for name, tensor in tensors if not (tensor.sum().isfinite() or tensor.isfinite().all())]
    if broken:
        raise WeightsError(
            f"The weights in {folder} hold NaN or infinity in {_first(broken)}, so nothing can be learned from them: "
            "get the checkpoint again, or take one from before its training diverged."
        )


def _first(names: Sequence[str]) -> str:
    return names[0] + (f" and {len(names) - 1} more" if len(names) > 1 else "")


def _first_sentence(error: BaseException) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return text.split(". ")[0].rstrip(".")[:300] + "."

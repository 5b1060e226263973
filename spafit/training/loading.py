"""Loads a pretrained model for training: fp32, safetensors only, and nothing missing but the fresh head."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from spafit.models.anatomy import Anatomy
from spafit.models.weights import WeightsError, check_weights
from spafit.tasks.tokens import padding_id

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def load_model(folder: Path, anatomy: Anatomy, *, seed: int) -> tuple[PreTrainedModel, Anatomy]:
    """Load a sequence-classification model with `anatomy.num_labels` outputs (1: regression) in fp32 on the CPU.

    The fresh head is drawn from `seed`. Returns the model and the anatomy that fits it: the one given, or, when the
    checkpoint was saved without its pooler, the same with a fresh pooler.

    Raises:
        WeightsError: no safetensors, damaged ones, tensors missing beyond the fresh head, shapes that differ,
            or numbers that are not finite.
    """
    import torch
    from transformers import AutoModelForSequenceClassification
    from transformers.utils import logging

    check_weights(folder)
    torch.manual_seed(seed)
    verbosity, progress = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()  # the report of absent tensors is read below instead of printed
    logging.disable_progress_bar()
    try:
        model, info = AutoModelForSequenceClassification.from_pretrained(
            folder,
            num_labels=anatomy.num_labels,
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
    absent = set(info["missing_keys"]) | {key if isinstance(key, str) else key[0] for key in info["mismatched_keys"]}
    anatomy = _fitting(anatomy, absent, folder)
    _check_finite(model, folder)
    if model.config.pad_token_id is None:  # decoders: the last token that is not padding is classified
        model.config.pad_token_id = padding_id(model.config)
    return model, anatomy


def _fitting(anatomy: Anatomy, absent: set[str], folder: Path) -> Anatomy:
    for candidate in (anatomy, anatomy.with_fresh_pooler()):
        fresh = {tensor.name for tensor in candidate.tensors if tensor.fresh}
        missing = sorted(absent.intersection(anatomy.by_name) - fresh)
        if not missing:
            return candidate
    more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
    raise WeightsError(
        f"The weights in {folder} lack {missing[0]}{more}, or hold it in another shape, so they are not those of the "
        f"{anatomy.family} model that its config.json describes."
    )


def _check_finite(model: PreTrainedModel, folder: Path) -> None:
    """Refuse weights that hold NaN or infinity: training would seem to diverge at its first step."""
    # A sum is finite unless a number in it is not, or is near the end of fp32's range; only then each one is looked at.
    tensors = ((name, parameter.detach()) for name, parameter in model.named_parameters())
    broken = [name for name, tensor in tensors if not (tensor.sum().isfinite() or tensor.isfinite().all())]
    if broken:
        more = f" and {len(broken) - 1} more" if len(broken) > 1 else ""
        raise WeightsError(
            f"The weights in {folder} hold NaN or infinity in {broken[0]}{more}, so nothing can be learned from them: "
            "get the checkpoint again, or take one from before its training diverged."
        )


def _first_sentence(error: BaseException) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return text.split(". ")[0].rstrip(".")[:300] + "."

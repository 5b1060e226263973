"""Loads a pretrained model for training: fp32, safetensors only, and nothing missing but the fresh head."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import TYPE_CHECKING

from spafit.anatomy import Anatomy
from spafit.errors import SpafitError

if TYPE_CHECKING:
    from transformers import PreTrainedModel


class LoadingError(SpafitError):
    """The weights cannot be used: absent, damaged, or not those of the model that config.json describes."""


def load_model(folder: Path, anatomy: Anatomy, *, seed: int) -> tuple[PreTrainedModel, Anatomy]:
    """Load a sequence-classification model with `anatomy.num_labels` outputs (1: regression) in fp32 on the CPU.

    The fresh head is drawn from `seed`. Returns the model and the anatomy that fits it: the one given, or, when the
    checkpoint was saved without its pooler, the same with a fresh pooler.

    Raises:
        LoadingError: no safetensors, damaged ones, tensors missing beyond the fresh head, or shapes that differ.
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
        raise LoadingError(f"The model in {folder} cannot be loaded: {_first_sentence(error)}") from error
    finally:
        logging.set_verbosity(verbosity)
        if progress:
            logging.enable_progress_bar()
    absent = set(info["missing_keys"]) | {key if isinstance(key, str) else key[0] for key in info["mismatched_keys"]}
    anatomy = _fitting(anatomy, absent, folder)
    if model.config.pad_token_id is None:  # decoders: the last token that is not padding is classified
        eos = model.config.eos_token_id
        model.config.pad_token_id = eos[0] if isinstance(eos, list) else (eos or 0)
    return model, anatomy


def _fitting(anatomy: Anatomy, absent: set[str], folder: Path) -> Anatomy:
    for candidate in (anatomy, anatomy.with_fresh_pooler()):
        fresh = {tensor.name for tensor in candidate.tensors if tensor.fresh}
        missing = sorted(absent.intersection(anatomy.by_name) - fresh)
        if not missing:
            return candidate
    more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
    raise LoadingError(
        f"The weights in {folder} lack {missing[0]}{more}, or hold it in another shape, so they are not those of the "
        f"{anatomy.family} model that its config.json describes."
    )


def check_weights(folder: Path) -> list[Path]:
    """Return the safetensors files of a model folder after reading their headers, which costs microseconds.

    A header is: its length as 8 little-endian bytes, then JSON that names every tensor's type, shape and byte range.

    Raises:
        LoadingError: there are none, one is missing from the index, or one is cut short or damaged.
    """
    index = folder / "model.safetensors.index.json"
    if index.is_file():
        try:
            names = set(json.loads(index.read_text("utf-8"))["weight_map"].values())
        except (ValueError, KeyError, AttributeError, TypeError) as error:
            raise LoadingError(f"{index} is not a valid index of safetensors files.") from error
        if any(not isinstance(name, str) or Path(name).name != name for name in names):
            raise LoadingError(f"{index} names files outside its folder.")
        files = [folder / name for name in sorted(names)]
    else:
        files = [folder / "model.safetensors"]
    for file in files:
        if not file.is_file():
            hint = " (pickled .bin weights are not read: they can run code)" if any(folder.glob("*.bin")) else ""
            raise LoadingError(f"{folder} has no {file.name}{hint}.")
        _check_header(file)
    return files


def _check_header(file: Path) -> None:
    size = file.stat().st_size
    damaged = LoadingError(f"{file} is damaged: it is not a complete safetensors file.")
    with file.open("rb") as stream:
        start = stream.read(8)
        if len(start) < 8:
            raise damaged
        (length,) = struct.unpack("<Q", start)
        if not 2 <= length <= min(size - 8, 100_000_000):
            raise damaged
        try:
            header = json.loads(stream.read(length))
            ends = [entry["data_offsets"][1] for name, entry in header.items() if name != "__metadata__"]
            complete = max(ends, default=0) == size - 8 - length
        except (ValueError, KeyError, IndexError, TypeError, AttributeError):
            raise damaged from None
    if not complete:
        raise damaged


def _first_sentence(error: BaseException) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return text.split(". ")[0].rstrip(".")[:300] + "."

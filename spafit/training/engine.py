"""The model and whatever makes it fast on this device; everything that was put in comes out again.

An `Engine` gives logits for batches. What it chose by itself, and why, is in `choices`.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

import torch
from torch import Tensor
from transformers import PreTrainedModel

from spafit.models.anatomy import Anatomy
from spafit.tasks.tokens import padding_id
from spafit.training.accelerated import kernels
from spafit.training.accelerated.arithmetic import bf16_pays, measured_rates
from spafit.training.accelerated.bf16 import FrozenBf16Weights
from spafit.training.accelerated.fast_path import FastPath, OneToken, find_one_token
from spafit.training.batches import Batch
from spafit.training.config import TrainSettings
from spafit.training.events import AutomaticChoice
from spafit.training.prefix.replay import Replay

FORWARD_OVERHEAD = 1.6  # of a forward pass over its matrix products alone
FP32_SLOWNESS = 1.3  # of a CPU that is fast in bf16: whole runs took 1.2 to 1.4 times as long (benchmarks/precision.py)
ASSUMED_RATE = {"cuda": 20_000.0, "mps": 1_000.0}  # billions of operations a second, for predictions only


class Engine:
    """A model on its device, in the precision and with the shortcuts chosen for it."""

    def __init__(
        self, model: PreTrainedModel, anatomy: Anatomy, settings: TrainSettings, device: torch.device, cache: Path
    ) -> None:
        self.model = model
        self.anatomy = anatomy
        self.settings = settings
        self.device = device
        self.choices: list[AutomaticChoice] = []
        self.one_token: OneToken | None = None
        self.fast: FastPath | None = None
        self.bf16_weights: FrozenBf16Weights | None = None
        self.replay: Replay | None = None
        self.precision = "fp32"
        self.products = kernels.TORCH  # in fp32
        self.library = "torch"  # that computes them forwards
        self.rate = ASSUMED_RATE.get(device.type, 100.0)
        model.eval()
        if device.type == "cpu":
            self._choose_kernels(cache)
        elif device.type == "cuda":
            self._choose_cuda_precision()

    @property
    def cached_layers(self) -> int:
        """Layers that are replayed instead of computed."""
        return self.replay.depth if self.replay is not None else 0

    @property
    def fp32_slowness(self) -> float:
        """How many times as long the final evaluation, in fp32, takes over the same texts as a live one."""
        return FP32_SLOWNESS if self.device.type == "cpu" and self.precision == "bf16" else 1.0

    @property
    def arithmetic(self) -> str:
        """What makes two computations of the same states differ in their last bits."""
        return f"{self.device.type} {self.precision} {self.library} {torch.get_num_threads()}"

    def _chose(self, subject: str, choice: str, reason: str) -> None:
        self.choices.append(AutomaticChoice(subject, choice, reason))

    def _choose_kernels(self, cache: Path) -> None:
        rates = measured_rates(self.anatomy.hidden_size, self.anatomy.intermediate_size, cache)
        self.rate = rates.fp32
        if rates.takes_onednn:
            self.products = kernels.ONEDNN_THROUGHOUT if rates.onednn_pays_for_weights else kernels.ONEDNN
            self.library = "onednn"
            times = rates.onednn / rates.torch
            self._chose("Matrix products", "oneDNN", f"{times:.1f} times PyTorch's own rate on this processor")
        wanted = self.settings.precision
        if wanted == "bf16" and not rates.bf16:
            self._chose("Precision", "fp32", "this processor has no bf16 products")
        elif wanted == "bf16" or (wanted == "auto" and bf16_pays(self.anatomy.hidden_size, rates)):
            self.precision, self.rate = "bf16", rates.bf16
            times = rates.bf16 / rates.fp32
            reason = f"{times:.1f} times the rate of fp32 on this processor"
            self._chose("Precision", "bf16 matrix products in the layers, everything else in fp32", reason)
        self.one_token = find_one_token(self.model, self.anatomy, self.two_examples())
        if self.one_token is not None:
            chosen = f"computed for each text's {self.one_token.place} token only"
            self._chose("Last layer", chosen, "the head reads no other")
        self._install_fast_path()

    def _install_fast_path(self) -> None:
        rounded = self.anatomy.layers_path if self.precision == "bf16" else None
        self.fast = FastPath(self.model, self.products, self.one_token, bf16_layers=rounded).install()

    def _choose_cuda_precision(self) -> None:
        wanted = self.settings.precision
        if wanted == "bf16" or (wanted == "auto" and torch.cuda.is_bf16_supported(including_emulation=False)):
            self.precision = "bf16"
            self.bf16_weights = FrozenBf16Weights(self.model)
            chosen = "bf16 matrix products (autocast), parameters and optimizer in fp32"
            self._chose("Precision", chosen, "this GPU computes them fast")

    def logits(self, batch: Batch) -> Tensor:
        """Return the model's outputs for a batch, in the model's current mode."""
        if self.replay is not None and batch.states is not None:
            tokens = batch.inputs["input_ids"].shape[1]
            self.replay.states = batch.states.expand(-1, tokens, -1)  # of the head's token alone, if that is kept
        self.focus(batch)
        with self.autocast():
            return self.model(**batch.inputs).logits

    def focus(self, batch: Batch | None) -> None:
        """Compute of the last layer only what the head reads of this batch; None: everything."""
        if self.fast is None or self.one_token is None:
            return
        if batch is None:
            self.fast.focus(None)
        else:
            self.fast.focus(batch.tokens_at(self.one_token.place), batch.inputs["input_ids"].shape[1])

    def autocast(self) -> contextlib.AbstractContextManager[object]:
        if self.device.type == "cuda" and self.precision == "bf16":
            return torch.autocast("cuda", dtype=torch.bfloat16)
        return contextlib.nullcontext()

    @property
    def forward_seconds(self) -> float:
        """A guess of the seconds that a token costs in one layer, forwards, by its products and the processor."""
        matrices = sum(t.size for layer in self.anatomy.layers for t in layer if len(t.shape) == 2)
        return FORWARD_OVERHEAD * 2 * matrices / self.anatomy.num_layers / (self.rate * 1e9)

    def only_full_fp32(self) -> None:
        """From here on the whole model is computed, in fp32, whatever was done while training."""
        if self.replay is not None:
            self.replay.remove()
            self.replay = None
        half, self.precision = self.precision == "bf16", "fp32"
        if self.fast is not None and half:
            self.fast.remove()
            self._install_fast_path()
        if self.bf16_weights is not None:
            self.bf16_weights.remove()
            self.bf16_weights = None

    def restore(self) -> None:
        """Take everything out again: the model as it was loaded, with what it has learned."""
        self.only_full_fp32()
        if self.fast is not None:
            self.fast.remove()
            self.fast = None

    def two_examples(self) -> dict[str, Tensor]:
        """Two made-up inputs of different length, padded on the right."""
        padding = padding_id(self.model.config)
        length = min(8, self.anatomy.max_length)
        ids = torch.arange(2 * length).view(2, length) % (self.anatomy.vocab_size - 1)
        ids += ids >= padding  # every number but the padding's
        mask = torch.ones_like(ids)
        mask[1, length // 2 :] = 0
        ids[mask == 0] = padding
        return {"input_ids": ids.to(self.device), "attention_mask": mask.to(self.device)}

"""The model and whatever makes it fast on this device; everything that was put in comes out again.

An `Engine` gives logits for batches. What it decided, and why, is in `decisions`.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from transformers import PreTrainedModel

from spafit.models.anatomy import Anatomy
from spafit.tasks.tokens import Encoded, padding_id
from spafit.training.accelerated import kernels
from spafit.training.accelerated.arithmetic import bf16_pays, measured_rates
from spafit.training.accelerated.bf16 import FrozenBf16Weights
from spafit.training.accelerated.fast_path import FastPath, OneToken, find_one_token
from spafit.training.batches import Batch, Feed
from spafit.training.config import TrainSettings
from spafit.training.device import available_memory, give_memory_back
from spafit.training.evaluation import Stopped, fixed_batches
from spafit.training.prefix.choice import PrefixChoice, PrefixFacts, choose_prefix
from spafit.training.prefix.replay import Replay
from spafit.training.prefix.store import States, StateStore, states_key

FORWARD_OVERHEAD = 1.6  # of a forward pass over its matrix products alone
MEMORY_SHARE = 4  # states may take 1 / MEMORY_SHARE of the memory that is free
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
        self.store = StateStore(cache / "prefix")
        self.decisions: list[str] = []
        self.one_token: OneToken | None = None
        self.fast: FastPath | None = None
        self.bf16_weights: FrozenBf16Weights | None = None
        self.replay: Replay | None = None
        self.choice: PrefixChoice | None = None
        self.precision = "fp32"
        self.products = kernels.TORCH  # in fp32
        self.library = "torch"  # that computes them forwards
        self.stored = False  # all states are on the disk
        self.only_head_token = False  # states are kept for one token of each text
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

    def _choose_kernels(self, cache: Path) -> None:
        rates = measured_rates(self.anatomy.hidden_size, self.anatomy.intermediate_size, cache)
        self.rate = rates.fp32
        if rates.takes_onednn:
            self.products = kernels.ONEDNN_THROUGHOUT if rates.onednn_pays_for_weights else kernels.ONEDNN
            self.library = "onednn"
            times = rates.onednn / rates.torch
            self.decisions.append(f"Matrix products by oneDNN: {times:.1f} times PyTorch's own rate on this processor.")
        wanted = self.settings.precision
        if wanted == "bf16" and not rates.bf16:
            self.decisions.append("fp32: this processor has no bf16 products.")
        elif wanted == "bf16" or (wanted == "auto" and bf16_pays(self.anatomy.hidden_size, rates)):
            self.precision, self.rate = "bf16", rates.bf16
            self.decisions.append(
                f"bf16 matrix products in the layers: {rates.bf16 / rates.fp32:.1f} times the rate of fp32 on this "
                "processor; everything else in fp32."
            )
        self.one_token = find_one_token(self.model, self.anatomy, self._two_examples())
        if self.one_token is not None:
            self.decisions.append(
                f"Last layer computed for each text's {self.one_token.place} token only, the one the head reads."
            )
        self._install_fast_path()

    def _install_fast_path(self) -> None:
        rounded = self.anatomy.layers_path if self.precision == "bf16" else None
        self.fast = FastPath(self.model, self.products, self.one_token, bf16_layers=rounded).install()

    def _choose_cuda_precision(self) -> None:
        wanted = self.settings.precision
        if wanted == "bf16" or (wanted == "auto" and torch.cuda.is_bf16_supported(including_emulation=False)):
            self.precision = "bf16"
            self.bf16_weights = FrozenBf16Weights(self.model)
            self.decisions.append("bf16 matrix products (autocast); parameters and optimizer in fp32.")

    def logits(self, batch: Batch) -> Tensor:
        """Return the model's outputs for a batch, in the model's current mode."""
        if self.replay is not None and batch.states is not None:
            tokens = batch.inputs["input_ids"].shape[1]
            self.replay.states = batch.states.expand(-1, tokens, -1) if self.only_head_token else batch.states
        self._focus(batch)
        with self._autocast():
            return self.model(**batch.inputs).logits

    def _focus(self, batch: Batch | None) -> None:
        """Compute of the last layer only what the head reads of this batch; None: everything."""
        if self.fast is None or self.one_token is None:
            return
        if batch is None:
            self.fast.focus(None)
        else:
            self.fast.focus(batch.tokens_at(self.one_token.place), batch.inputs["input_ids"].shape[1])

    def _autocast(self) -> contextlib.AbstractContextManager[object]:
        if self.device.type == "cuda" and self.precision == "bf16":
            return torch.autocast("cuda", dtype=torch.bfloat16)
        return contextlib.nullcontext()

    def choose_prefix(self, depth: int, weights: str, needs: dict[str, tuple[Encoded, float]]) -> PrefixChoice:
        """Decide whether the lowest `depth` layers are cached.

        Args:
            depth: layers with nothing trained at or below.
            weights: digest of the model's weights.
            needs: split -> its examples, and how many times the run passes over them.
        """
        self.depth, self.weights = depth, weights
        self.only_head_token = depth == self.anatomy.num_layers and self.one_token is not None
        tokens = {name: len(encoded.input_ids) for name, (encoded, _) in needs.items()}
        per_token = depth * self.forward_seconds
        size = sum(4 * rows * width for rows, width in (self._shape(encoded) for encoded, _ in needs.values()))
        facts = PrefixFacts(
            depth=depth,
            size=size,
            compute_seconds=per_token * sum(tokens.values()),
            recompute_seconds=per_token * sum(tokens[name] * passes for name, (_, passes) in needs.items()),
            memory=available_memory() // MEMORY_SHARE,
            disk=self.store.room_for(size),
            stored=all(self.store.has(self._key(encoded)) for encoded, _ in needs.values()),
        )
        self.stored = facts.stored
        self.choice = choose_prefix(self.settings.prefix_cache, self.settings.frozen_dropout, facts)
        if self.choice.sentence:
            self.decisions.append(self.choice.sentence)
        if self.choice.use:
            self.replay = Replay(self.model, self.anatomy.layers_path, depth)
            self.replay.learn_shape(self._two_examples())
        return self.choice

    def _key(self, encoded: Encoded) -> str:
        kept = "head token" if self.only_head_token else "all tokens"
        return states_key(self.weights, encoded, self.depth, f"{self.arithmetic} {kept}")

    def _shape(self, encoded: Encoded) -> tuple[int, int]:
        """Rows and columns of a split's states: all tokens, or above layer L only the one that the head reads."""
        rows = len(encoded) if self.only_head_token else len(encoded.input_ids)
        return rows, self.anatomy.hidden_size

    @property
    def forward_seconds(self) -> float:
        """A guess of the seconds that a token costs in one layer, forwards, by its products and the processor."""
        matrices = sum(t.size for layer in self.anatomy.layers for t in layer if len(t.shape) == 2)
        return FORWARD_OVERHEAD * 2 * matrices / self.anatomy.num_layers / (self.rate * 1e9)

    def fill(self, feed: Feed, should_stop: Callable[[], bool]) -> float | None:
        """Give a feed the states of its examples; raises `Stopped`.

        Returns:
            The seconds that computing them has taken; None where they were found.
        """
        if self.replay is None or self.choice is None or feed.states is not None:
            return None
        seconds = None
        encoded = feed.encoded
        shape = self._shape(encoded)
        array = None
        if not self.choice.on_disk:
            array, seconds = self._record(encoded, should_stop)
        else:
            key = self._key(encoded)
            with self.store.computing(key, should_stop) as mine:
                if not mine:
                    raise Stopped
                array = self.store.load(key, shape, self.choice.in_memory)
                if array is None:
                    array, seconds = self._record(encoded, should_stop)
                    self.store.save(key, array)
                    if (
                        not self.choice.in_memory
                        and (mapped := self.store.load(key, shape, in_memory=False)) is not None
                    ):
                        array = mapped
        assert array is not None
        packed = torch.from_numpy(array)
        if self.device.type == "cuda" and packed.nbytes < torch.cuda.mem_get_info(self.device)[0] // MEMORY_SHARE:
            packed = packed.to(self.device)
        feed.states = States(packed, np.arange(len(encoded) + 1) if self.only_head_token else encoded.offsets)
        self.replay.install()
        give_memory_back()
        return seconds

    def _record(self, encoded: Encoded, should_stop: Callable[[], bool]) -> tuple[np.ndarray, float]:
        """Compute the states of all examples, in `fixed_batches`; returns them and the seconds that took."""
        assert self.replay is not None
        start = time.perf_counter()
        packed = np.empty(self._shape(encoded), np.float32)
        feed = Feed(encoded, self.device)
        mode = self.model.training
        self.model.eval()
        with self.replay.aside(), torch.inference_mode(), self._autocast():
            for rows in fixed_batches(encoded.lengths, encoded.max_length):
                if should_stop():
                    raise Stopped
                batch = feed.batch(rows)
                self._focus(batch if self.only_head_token else None)
                states = self.replay.record(batch.inputs).float().cpu().numpy()
                if self.only_head_token and self.one_token is not None:
                    packed[rows] = states[np.arange(len(rows)), batch.tokens_at(self.one_token.place).numpy()]
                    continue
                inside = np.arange(states.shape[1]) < batch.lengths[:, None]
                places = (encoded.offsets[rows][:, None] + np.arange(states.shape[1]))[inside]
                packed[places] = states[inside]
        self.model.train(mode)
        return packed, time.perf_counter() - start

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

    def _two_examples(self) -> dict[str, Tensor]:
        """Two made-up inputs of different length, padded on the right."""
        padding = padding_id(self.model.config)
        length = min(8, self.anatomy.max_length)
        ids = torch.arange(2 * length).view(2, length) % (self.anatomy.vocab_size - 1)
        ids += ids >= padding  # every number but the padding's
        mask = torch.ones_like(ids)
        mask[1, length // 2 :] = 0
        ids[mask == 0] = padding
        return {"input_ids": ids.to(self.device), "attention_mask": mask.to(self.device)}

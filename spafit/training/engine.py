"""The model and whatever makes it fast on this device; everything that was put in comes out again.

An `Engine` gives logits for batches. What it chose by itself, and why, is in `choices`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Sequence
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
from spafit.training.accelerated.flat import FlatLayers, flat_layers_agree
from spafit.training.accelerated.graphs import MOST_SIZES, RecordedSteps, Recorder, Take
from spafit.training.accelerated.layout import flat_tokens
from spafit.training.accelerated.one_kernel import Patterns
from spafit.training.batches import Batch, Feed
from spafit.training.config import TrainSettings
from spafit.training.events import AutomaticChoice
from spafit.training.prefix.replay import Replay, hidden_states

FORWARD_OVERHEAD = 1.6  # of a forward pass over its matrix products alone
FP32_SLOWNESS = 1.3  # of a CPU that is fast in bf16: whole runs took 1.2 to 1.4 times as long (benchmarks/precision.py)
WORTH_RECORDING = 3 * MOST_SIZES  # steps: a recorded one saves less than it costs to record a size used twice
ONE_KERNEL_TOLERANCE = 0.05  # of the largest value of the states, in bf16
ASSUMED_RATE = {"cpu": 100.0, "cuda": 20_000.0, "mps": 1_000.0}  # billions of operations a second, for predictions only


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
        self.flat: FlatLayers | None = None
        self.bf16_weights: FrozenBf16Weights | None = None
        self.replay: Replay | None = None
        self.precision = "fp32"
        self.products = kernels.TORCH  # in fp32
        self.library = "torch"  # that computes them forwards
        self.rate = ASSUMED_RATE[device.type]
        model.eval()
        probe = self.probe()
        self.unpadded = flat_layers_agree(model, anatomy.layers_path, probe.inputs, probe.layout)
        if device.type == "cpu":
            self.one_token = find_one_token(model, anatomy, probe.inputs)
        self._choose_layout()
        if device.type == "cpu":
            self._choose_kernels(cache)
        elif device.type == "cuda":
            self._choose_cuda_precision()
            self._choose_one_kernel()

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

    def _choose_layout(self) -> None:
        """Lay tokens out flat in this model's layers, if they then still compute the same."""
        if self.unpadded:
            self.flat = FlatLayers(self.model, self.anatomy.layers_path).install()
            self._chose("Padding", "none in the layers", "attention is computed for each text by itself")
        else:
            self._chose("Padding", "to the longest text of a batch", "this model's layers cannot do without")
        if self.one_token is not None:
            chosen = f"computed for each text's {self.one_token.place} token only"
            self._chose("Last layer", chosen, "the head reads no other")

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

    def _choose_one_kernel(self) -> None:
        """Compute attention of all texts at once, where a kernel does what this model's attention does."""
        if self.flat is None or self.precision != "bf16":
            return
        seen = self.flat.seen = Patterns()
        with torch.no_grad(), self.autocast():
            self.model(**self.begin(self.probe([min(self.settings.max_length, self.anatomy.max_length)])))
        self.flat.seen = None
        probe = self.probe()
        expected = self._states_of(probe)
        self.flat.causal = seen.all_known()
        try:
            apart = (self._states_of(probe) - expected).abs().max()
        except (RuntimeError, AttributeError):  # another release's kernel
            apart = torch.tensor(torch.inf)
        if self.flat.causal is None or not apart <= ONE_KERNEL_TOLERANCE * expected.abs().max():
            self.flat.causal = None
            return
        self._chose("Attention", "one kernel for all texts of a batch", "in bf16 PyTorch has one for this model")

    def _states_of(self, batch: Batch) -> Tensor:
        """Return what leaves layer L for the texts of a batch, padding left out, in fp32."""
        *_, last = self.model.get_submodule(self.anatomy.layers_path).children()
        with torch.no_grad(), self.autocast():
            states = hidden_states(self.model, last, self.begin(batch))
        return states[batch.inputs["attention_mask"].bool()].float()

    def records(self, steps: int) -> bool:
        """Whether a run of so many steps records and replays them: where that can be, and pays."""
        one_batch = self.settings.accumulation == 1 and not self.settings.checkpointing
        return one_batch and self.flat is not None and self.flat.causal is not None and steps >= WORTH_RECORDING

    def recorded_steps(self, feed: Feed, steps: int, take: Take) -> RecordedSteps | None:
        """Return what takes steps that are recorded; None where they are not, or the prefix's states are elsewhere."""
        if not self.records(steps) or (feed.states is not None and feed.states.packed.device != self.device):
            return None
        return RecordedSteps(feed, self.settings.batch_size, take, Recorder())

    def logits(self, batch: Batch) -> Tensor:
        """Return the model's outputs for a batch, in the model's current mode."""
        inputs = self.begin(batch)
        if self.replay is not None and batch.states is not None:
            self.replay.states = self._replayed(batch, batch.states)
        with self.autocast():
            return self.model(**inputs).logits

    def prefix_states(self, batch: Batch) -> Tensor:
        """Compute what leaves the frozen prefix: a row per token as laid out flat, or per text (`only_head_token`)."""
        assert self.replay is not None
        inputs = self.begin(batch, whole=not self.only_head_token)
        with self.autocast():
            states = self.replay.record(inputs)
        layout = batch.layout
        if self.only_head_token and self.one_token is not None:
            return states[torch.arange(len(states), device=states.device), batch.tokens_at(self.one_token.place)]
        if states.shape[1] == layout.tokens:
            return states[0, : layout.filled]
        return states.flatten(0, 1).index_select(0, layout.into_flat[: layout.filled])

    def _replayed(self, batch: Batch, states: Tensor) -> Tensor:
        """Return stored states in the form in which the model's next part takes them: flat, or padded."""
        layout = batch.layout
        if self.only_head_token:
            return states[:, None].expand(-1, layout.width, -1)
        if self.flat is not None and self.cached_layers < self.anatomy.num_layers:
            return states[None]
        return states.index_select(0, layout.into_padded).view(len(layout.lengths), layout.width, -1)

    @property
    def only_head_token(self) -> bool:
        """Whether all layers are replayed, and of each text only the token that the head reads."""
        return self.cached_layers == self.anatomy.num_layers and self.one_token is not None

    def begin(self, batch: Batch, whole: bool = False) -> dict[str, Tensor]:
        """Prepare for a batch, and return its inputs; `whole`: every token of the last layer is wanted."""
        layout = batch.layout
        single = None if whole or self.one_token is None else batch.tokens_at(self.one_token.place)
        if self.flat is not None:
            self.flat.begin(layout, single)
        if self.fast is None:
            return batch.inputs
        if single is None:
            self.fast.focus(None)
        elif self.flat is not None:
            self.fast.focus(layout.rows_of(single), (1, layout.tokens))
        else:
            texts = len(layout.lengths)
            self.fast.focus(torch.arange(texts) * layout.width + single, (texts, layout.width))
        return batch.inputs

    def autocast(self) -> contextlib.AbstractContextManager[object]:
        if self.device.type == "cuda" and self.precision == "bf16":
            return torch.autocast("cuda", dtype=torch.bfloat16, cache_enabled=False)  # no recorded step has another's
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
        if self.flat is not None:
            self.flat.causal = None

    def restore(self) -> None:
        """Take everything out again: the model as it was loaded, with what it has learned."""
        self.only_full_fp32()
        if self.fast is not None:
            self.fast.remove()
            self.fast = None
        if self.flat is not None:
            self.flat.remove()
            self.flat = None

    def probe(self, lengths: Sequence[int] = ()) -> Batch:
        """Made-up texts of these lengths, by default two different ones, padded on the right."""
        padding = padding_id(self.model.config)
        length = min(8, self.anatomy.max_length)
        lengths = lengths or (length, length // 2)
        ids = np.arange(sum(lengths), dtype=np.int32) % (self.anatomy.vocab_size - 1)
        ids += ids >= padding  # every number but the padding's
        offsets = np.cumsum([0, *lengths])
        encoded = Encoded(ids, offsets, None, np.zeros(len(lengths), np.int64), 0, max(lengths), padding)
        return Feed(encoded, self.device).batch(np.arange(len(lengths)))

    def computed(self, encoded: Encoded, batches: Iterable[np.ndarray]) -> int:
        """Tokens that are computed for these batches of a split, dummies or padding included."""
        lengths = encoded.lengths
        if self.unpadded:
            return sum(flat_tokens(int(lengths[rows].sum())) for rows in batches)
        return sum(len(rows) * int(lengths[rows].max()) for rows in batches)

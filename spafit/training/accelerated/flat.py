"""A model's layers computed on a flat sequence of tokens, without padding, by the layers' own code.

A batch enters the model padded, as ever. At the first layer its hidden states are laid out flat (1, tokens, width),
and with them whatever else has a value for each token, such as rotary tables; after layer L they are padded again, or
only the one token of each text that the head reads is given back. In between everything that works token by token
does so on the flat sequence; attention, through transformers' registry, stays within each text.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from transformers.masking_utils import ALL_MASK_ATTENTION_FUNCTIONS, sdpa_mask
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

from spafit.training.accelerated.attention import NAME, OWNER, attention
from spafit.training.accelerated.gathers import Reorder, Select
from spafit.training.accelerated.layout import Layout
from spafit.training.accelerated.one_kernel import Patterns
from spafit.training.prefix.replay import hidden_states

TOLERANCE = 1e-3  # of the largest value of the states, in fp32


class FlatLayers:
    """The flat path installed in one model; `remove` leaves the model as it was found.

    Call `begin` before each forward pass.
    """

    def __init__(self, model: nn.Module, layers_path: str) -> None:
        self.model = model
        self.layout: Layout | None = None
        self.tokens: Tensor | None = None
        self.seen: Patterns | None = None
        self.causal: dict[nn.Module, bool] | None = None
        self.ends: Tensor | None = None
        self._layers = list(model.get_submodule(layers_path).children())
        self._last = set(self._layers[-1].modules())
        self._handles: list[Any] = []
        self._config: Any = model.config
        self._attention = self._config._attn_implementation

    def install(self) -> FlatLayers:
        """Put the hooks and the attention in place, and return itself."""
        for layer in self._layers:
            self._handles.append(layer.register_forward_pre_hook(self._enter, with_kwargs=True))
            for module in layer.modules():
                module.__dict__[OWNER] = self
        self._handles.append(self._layers[-1].register_forward_hook(self._leave))
        ALL_ATTENTION_FUNCTIONS.register(NAME, attention)
        ALL_MASK_ATTENTION_FUNCTIONS.register(NAME, mask_to_add)
        self._config._attn_implementation = NAME
        return self

    def remove(self) -> None:
        """Take them out again."""
        for handle in self._handles:
            handle.remove()
        self._handles.clear()
        for layer in self._layers:
            for module in layer.modules():
                module.__dict__.pop(OWNER, None)
        self._config._attn_implementation = self._attention

    def begin(self, layout: Layout, tokens: Tensor | None = None) -> None:
        """Say how the next batch is laid out and, where the head reads one token of each text, its place there."""
        self.layout, self.tokens = layout, tokens
        self.ends = layout.ends.int() if self.causal is not None else None

    def tokens_for(self, module: nn.Module) -> Tensor | None:
        """Place of the one token of each text for which an attention module is needed; None: all are."""
        return self.tokens if module in self._last else None

    def _enter(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, Any]:
        return self._flat(args), {name: self._flat(value) for name, value in kwargs.items()}

    def _flat(self, value: Any) -> Any:
        """Return a layer's argument with its tokens laid out flat, if it has tokens; masks keep their four axes."""
        if isinstance(value, tuple):
            return tuple(self._flat(entry) for entry in value)
        layout = self.layout
        assert layout is not None
        if not isinstance(value, Tensor) or value.dim() not in (2, 3) or value.shape[1] != layout.width:
            return value
        texts = len(layout.lengths)
        if value.shape[0] == texts:
            rows = value.reshape(texts * layout.width, *value.shape[2:])
            return Reorder.apply(rows, layout.into_flat, layout.into_padded, layout.tokens)[None]
        return value.index_select(1, layout.positions) if value.shape[0] == 1 else value  # 1: alike for all texts

    def _leave(self, module: nn.Module, args: Any, output: Any) -> Any:
        states = self._padded(output[0] if isinstance(output, tuple) else output)
        return (states, *output[1:]) if isinstance(output, tuple) else states

    def _padded(self, states: Tensor) -> Tensor:
        layout = self.layout
        assert layout is not None
        shape = (len(layout.lengths), layout.width, states.shape[-1])
        if self.tokens is None:
            return Reorder.apply(states[0], layout.into_padded, layout.back, len(layout.into_padded)).view(shape)
        return Select.apply(states[0], layout.rows_of(self.tokens))[:, None].expand(shape)


def mask_to_add(*args: Any, dtype: torch.dtype = torch.float32, **kwargs: Any) -> Tensor | None:
    """Return transformers' mask as what is added to scores: 0, or the least number there is.

    As its own function for that, which in older releases copies a number to the device, and so cannot be recorded.
    """
    kwargs["allow_is_causal_skip"] = False
    mask = sdpa_mask(*args, **kwargs)
    if mask is None:
        return None
    return torch.zeros_like(mask, dtype=dtype).masked_fill_(~mask, torch.finfo(dtype).min)


def flat_layers_agree(model: nn.Module, layers_path: str, inputs: dict[str, Tensor], layout: Layout) -> bool:
    """Whether a model's layers compute the same states flat as padded, for a few texts of different lengths."""
    *_, last = model.get_submodule(layers_path).children()
    inside = inputs["attention_mask"].bool()
    flat = FlatLayers(model, layers_path)
    with torch.no_grad():
        expected = hidden_states(model, last, inputs)[inside]
        flat.install().begin(layout)
        try:
            found = hidden_states(model, last, inputs)[inside]
        except Exception:  # whatever a layer raises that is given what it was not written for
            return False
        finally:
            flat.remove()
    return bool((found - expected).abs().max() <= TOLERANCE * expected.abs().max())

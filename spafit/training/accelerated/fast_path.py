"""Puts the CPU kernels into a model for as long as it trains, without touching its parameters or their names.

A module's forward function is replaced on the instance and put back by `remove`. Modules of other kinds, and families
with attention code of their own, keep what they have: the fast path is then a little less fast, never different.

In the last layer only the tokens that the head reads are computed beyond keys and values: everything after attention
works token by token, so the others change nothing (see `find_one_token`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from transformers.integrations.sdpa_attention import repeat_kv
from transformers.masking_utils import ALL_MASK_ATTENTION_FUNCTIONS, eager_mask
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS
from transformers.pytorch_utils import Conv1D

from spafit.models.anatomy import Anatomy
from spafit.stratification import Role
from spafit.training.accelerated.kernels import BF16, Attention, Dropout, Linear, Products, dropout_mask
from spafit.training.prefix.replay import first_of

if TYPE_CHECKING:
    from peft.tuners.lora.layer import Linear as LoraLinear

ATTENTION = "spafit"
OWNER = "_spafit_path"  # where a module of the last layer finds the `FastPath` it belongs to
TOKENWISE = {Role.QUERY, Role.ATTENTION_OUTPUT, Role.FFN_IN, Role.FFN_OUT}
"""What a layer computes for each token on its own, once keys and values are there."""


def attention(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    dropout: float = 0.0,
    scaling: float | None = None,
    softcap: float | None = None,
    **kwargs: Any,
) -> tuple[Tensor, None]:
    """Attention as transformers' eager functions compute it; returns (batch, token, head, width) and no weights."""
    groups = query.shape[1] // key.shape[1]
    key, value = repeat_kv(key, groups), repeat_kv(value, groups)
    scale = query.shape[-1] ** -0.5 if scaling is None else scaling
    batch, heads, tokens = query.shape[:3]
    path: FastPath | None = module.__dict__.get(OWNER)
    single = path.tokens if path is not None else None
    if single is not None:
        each = torch.arange(batch)
        query = query[each, :, single].unsqueeze(2)
        attention_mask = None if attention_mask is None else attention_mask[each, :, single].unsqueeze(2)
    drop = None
    if dropout > 0.0:
        drop = dropout_mask((batch * heads, query.shape[2], key.shape[2]), dropout)
    output = Attention.apply(query, key, value, attention_mask, drop, 1.0 / (1.0 - dropout), scale, softcap)
    output = output.transpose(1, 2)
    return (output.contiguous() if single is None else output.expand(-1, tokens, -1, -1)), None


@dataclass(frozen=True)
class OneToken:
    """Where the head reads a single token of layer L, and the modules there that need to see no other."""

    place: str  # "first", or "last" before the padding
    layer: str
    modules: frozenset[str]
    queries: frozenset[str]  # those of them that are divided into heads


def find_one_token(model: nn.Module, anatomy: Anatomy, inputs: dict[str, Tensor]) -> OneToken | None:
    """Return which token of layer L the head reads, or None when it reads several.

    Found by asking: the gradient of the outputs at the last layer's hidden states is zero for every token not read. Of
    the layer's modules those count that see the tokens once; DeBERTa also projects positions with its query matrix.
    `inputs` are two examples of different length, padded on the right; the model is in evaluation mode.
    """
    cut: list[Tensor] = []
    calls: Counter[str] = Counter()
    tokens = inputs["input_ids"].numel()

    def keep(module: nn.Module, args: Any, output: Any) -> Any:
        leaf = first_of(output).detach().requires_grad_()
        cut.append(leaf)
        return (leaf, *output[1:]) if isinstance(output, tuple) else leaf

    def count(path: str) -> Callable[..., None]:
        def hook(module: nn.Module, args: Any) -> None:
            calls[path] += 1 if args[0].shape[:-1].numel() == tokens else 2

        return hook

    wanted = {t.module for t in anatomy.layers[-1] if t.roles and TOKENWISE.issuperset(t.roles)}
    handles = [model.get_submodule(path).register_forward_pre_hook(count(path)) for path in wanted]
    layer = f"{anatomy.layers_path}.{anatomy.num_layers - 1}"
    handles.append(model.get_submodule(layer).register_forward_hook(keep))
    try:
        with torch.enable_grad():
            logits = model(**inputs).logits
            weights = torch.arange(1, logits.numel() + 1, device=logits.device).view_as(logits)
            (gradient,) = torch.autograd.grad((logits * weights).sum(), cut)
    finally:
        for handle in handles:
            handle.remove()
    read = gradient.abs().sum(-1) > 0
    lengths = inputs["attention_mask"].sum(1)
    positions = torch.arange(read.shape[1], device=read.device)
    modules = frozenset(path for path in wanted if calls[path] == 1)
    for place, token in (("first", torch.zeros_like(lengths)), ("last", lengths - 1)):
        if not (read & (positions != token[:, None])).any():
            queries = frozenset(t.module for t in anatomy.layers[-1] if Role.QUERY in t.roles)
            return OneToken(place, layer, modules, modules & queries)
    return None


class FastPath:
    """The kernels installed in one model on the CPU; `remove` leaves the model as it was found.

    With `one_token`, tell `focus` before each forward pass which tokens the head reads; otherwise all are computed.
    Modules below the path `bf16_layers` round the arguments of their products to bf16; embeddings and head never do.
    """

    def __init__(
        self, model: nn.Module, products: Products, one_token: OneToken | None = None, *, bf16_layers: str | None = None
    ) -> None:
        self.model = model
        self.products = products
        self.bf16_layers = bf16_layers
        self.tokens: Tensor | None = None
        self._rows: Tensor | None = None  # the same tokens as places in the batch laid out flat
        self._patched: list[nn.Module] = []
        self._config: Any = getattr(model, "config", None)
        self._attention = getattr(self._config, "_attn_implementation", None)
        self._one_token = one_token

    def install(self) -> FastPath:
        """Replace what can be replaced, and return itself."""
        from peft.tuners.lora.layer import Linear as LoraLinear

        inside: set[nn.Module] = set()
        for path, module in self.model.named_modules():
            if module in inside:
                continue
            forward: Callable[[Tensor], Tensor] | None = None
            if isinstance(module, LoraLinear):
                if _fusable(module):
                    forward = self._lora(path, module)
                    inside.update(m for m in module.modules() if m is not module)
            elif isinstance(module, (nn.Linear, Conv1D)) and type(module) in (nn.Linear, Conv1D):
                forward = self._linear(path, module)
            elif type(module) is nn.Dropout:
                forward = _dropout(module)
            if forward is not None:
                module.forward = self._focused(path, forward)
                self._patched.append(module)
        if self._one_token is not None:
            for module in self.model.get_submodule(self._one_token.layer).modules():
                module.__dict__[OWNER] = self
        if self._attention in ("sdpa", "eager"):
            ALL_ATTENTION_FUNCTIONS.register(ATTENTION, attention)
            ALL_MASK_ATTENTION_FUNCTIONS.register(ATTENTION, eager_mask)
            self._config._attn_implementation = ATTENTION
        return self

    def remove(self) -> None:
        """Put the model's own functions back."""
        for module in self._patched:
            module.__dict__.pop("forward", None)
        self._patched.clear()
        if self._one_token is not None:
            for module in self.model.get_submodule(self._one_token.layer).modules():
                module.__dict__.pop(OWNER, None)
        if self._config is not None and self._config._attn_implementation == ATTENTION:
            self._config._attn_implementation = self._attention

    def focus(self, tokens: Tensor | None, width: int = 0) -> None:
        """Say which token of each example the head reads, in a batch `width` tokens wide; None: every one."""
        self.tokens = tokens
        self._rows = None if tokens is None else torch.arange(len(tokens)) * width + tokens

    def _products_of(self, path: str) -> Products:
        """How the module at `path` multiplies."""
        inside = self.bf16_layers is not None and path.startswith(f"{self.bf16_layers}.")
        return BF16 if inside else self.products

    def _linear(self, path: str, module: nn.Linear | Conv1D) -> Callable[[Tensor], Tensor]:
        products = self._products_of(path)
        matrix = _matrix_of(module, products)

        def forward(x: Tensor) -> Tensor:
            return Linear.apply(x, matrix(), module.bias, None, None, 1.0, products)

        return forward

    def _lora(self, path: str, module: LoraLinear) -> Callable[[Tensor], Tensor]:
        products = self._products_of(path)
        adapter = module.active_adapters[0]
        base, a, b = module.base_layer, module.lora_A[adapter], module.lora_B[adapter]
        assert isinstance(base, (nn.Linear, Conv1D))
        matrix, scale = _matrix_of(base, products), module.scaling[adapter]

        def forward(x: Tensor) -> Tensor:
            return Linear.apply(x, matrix(), base.bias, a.weight, b.weight, scale, products)

        return forward

    def _focused(self, path: str, dense: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
        """Compute `dense` only for the tokens in focus, where that is all that matters.

        What comes back has one token per example, which adding the residual spreads over all; only the sum at the
        token in focus is then right, and only that one is read. A query, which is divided into heads before anything is
        added to it, and OPT, which lays tokens out flat, get zeros for the other tokens instead.
        """
        if self._one_token is None or path not in self._one_token.modules:
            return dense
        keep_shape = path in self._one_token.queries

        def forward(x: Tensor) -> Tensor:
            if self._rows is None or (x.dim() == 3 and x.shape[1] == 1):
                return dense(x)
            some = dense(x.reshape(-1, x.shape[-1]).index_select(0, self._rows))
            if x.dim() == 3 and not keep_shape:
                return some.unsqueeze(1)
            every = some.new_zeros(x.numel() // x.shape[-1], some.shape[-1])
            return every.index_copy(0, self._rows, some).view(*x.shape[:-1], -1)

        return forward


def _matrix_of(module: nn.Linear | Conv1D, products: Products) -> Callable[[], Tensor]:
    """A linear module's weight as (out x in), rounded once and for all where it is frozen and products are bf16.

    GPT-2's Conv1D stores it the other way round.
    """

    def matrix() -> Tensor:
        return module.weight.t() if isinstance(module, Conv1D) else module.weight

    if products is not BF16 or module.weight.requires_grad:
        return matrix
    rounded = matrix().detach().bfloat16()
    return lambda: rounded


def _dropout(module: nn.Dropout) -> Callable[[Tensor], Tensor]:
    def forward(x: Tensor) -> Tensor:
        if not module.training or module.p == 0.0:
            return x
        return Dropout.apply(x, dropout_mask(x.shape, module.p), 1.0 / (1.0 - module.p))

    return forward


def _fusable(module: LoraLinear) -> bool:
    """Whether a LoRA module is the plain one: one adapter, not merged, no dropout on its input, no variant."""
    adapters = module.active_adapters
    return (
        len(adapters) == 1
        and not module.merged
        and not module.disable_adapters
        and not module.lora_variant
        and isinstance(module.lora_dropout[adapters[0]], nn.Identity)
        and type(module.base_layer) in (nn.Linear, Conv1D)
        and module.lora_B[adapters[0]].bias is None
    )

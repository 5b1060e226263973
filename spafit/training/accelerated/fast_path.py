"""Puts the CPU kernels into a model for as long as it trains, without touching its parameters or their names.

A module's forward function is replaced on the instance and put back by `remove`. Modules of other kinds keep what they
have: the fast path is then a little less fast, never different.

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
from transformers.pytorch_utils import Conv1D

from spafit.models.anatomy import Anatomy
from spafit.stratification import Role
from spafit.training.accelerated.gathers import Select, Spread
from spafit.training.accelerated.kernels import BF16, Dropout, Linear, Products, dropout_mask
from spafit.training.prefix.replay import first_of

if TYPE_CHECKING:
    from peft.tuners.lora.layer import Linear as LoraLinear

TOKENWISE = {Role.QUERY, Role.ATTENTION_OUTPUT, Role.FFN_IN, Role.FFN_OUT}
"""What a layer computes for each token on its own, once keys and values are there."""


@dataclass(frozen=True)
class OneToken:
    """Where the head reads a single token of layer L, and the modules there that need to see no other."""

    place: str  # "first", or "last" before the padding
    layer: str
    modules: frozenset[str]
    inner: frozenset[str]  # those of them whose output goes to another of them, token by token


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
            inner = frozenset(t.module for t in anatomy.layers[-1] if Role.FFN_IN in t.roles)
            return OneToken(place, layer, modules, modules & inner)
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
        self._rows: Tensor | None = None  # the tokens in focus
        self._shape: tuple[int, int] = (0, 0)  # of all tokens
        self._patched: list[nn.Module] = []
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
        return self

    def remove(self) -> None:
        """Put the model's own functions back."""
        for module in self._patched:
            module.__dict__.pop("forward", None)
        self._patched.clear()

    def focus(self, rows: Tensor | None, shape: tuple[int, int] = (0, 0)) -> None:
        """Say which of the (shape[0] x shape[1]) tokens the head reads, counted through; None: every one."""
        self._rows, self._shape = rows, shape

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

        The other tokens are given zeros. Between two such modules there are only the tokens in focus.
        """
        if self._one_token is None or path not in self._one_token.modules:
            return dense
        inner = path in self._one_token.inner

        def forward(x: Tensor) -> Tensor:
            rows = self._rows
            if rows is None:
                return dense(x)
            tokens = self._shape[0] * self._shape[1]
            some = x.reshape(-1, x.shape[-1])
            if len(some) == tokens:
                some = Select.apply(some, rows)
            some = dense(some)
            if inner:
                return some if x.dim() == 2 else some[None]
            every = Spread.apply(some, rows, tokens)
            return every if x.dim() == 2 else every.view(*self._shape, -1)  # OPT has the tokens of all texts in a row

        return forward


def _matrix_of(module: nn.Linear | Conv1D, products: Products) -> Callable[[], Tensor]:
    """Return a linear module's weight as (out x in), rounded once and for all where it is frozen and products are bf16.

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

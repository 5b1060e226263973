"""CPU kernels for what PyTorch does slowly there: matrix products, attention with dropout, and dropout itself.

Each is the same function as PyTorch's to rounding, with its own backward pass; `fastpath` puts them into a model.

- Matrix products go to oneDNN where it is faster, also in fp32. PyTorch sends fp32 products to MKL, which does not use
  the full vector width of AMD processors: oneDNN was 2.3 times as fast on one.
- Dropout masks come from 16 random bits per value (SFC64, 64 bits a draw), several times as fast as PyTorch's.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable


def dropout_mask(shape: torch.Size | tuple[int, ...], probability: float) -> Tensor:
    """Return bytes: 0 with `probability` (to 1/65536), else 1. What is kept has to be divided by 1 - probability.

    The stream is seeded from torch's generator at each call, so `torch.manual_seed` decides the masks, and a layer that
    gradient checkpointing recomputes, with the generator's state restored, draws the same ones.
    """
    count = math.prod(shape)
    seed = int(torch.empty((), dtype=torch.int64).random_())
    words = np.random.SFC64(seed).random_raw(-(-count // 4))
    # Compared by numpy, and bytes instead of booleans: PyTorch does neither with vector instructions.
    kept = words.view(np.int16)[:count] >= round(probability * 65536) - 32768
    return torch.from_numpy(kept.view(np.uint8)).view(shape)


class Dropout(torch.autograd.Function):
    """x times a mask that is drawn beforehand, times `scale`."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, mask: Tensor, scale: float) -> Tensor:
        ctx.save_for_backward(mask)
        ctx.scale = scale
        return (x * mask).mul_(scale)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        (mask,) = ctx.saved_tensors
        return (gradient * mask).mul_(ctx.scale), None, None


Product = Callable[[Tensor, Tensor, Tensor | None], Tensor]
"""x @ weight.T + bias for 2-D x (n x in) and weight (out x in), without autograd."""


def onednn_product(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Multiply through oneDNN, in the type of the arguments."""
    return torch.ops.mkldnn._linear_pointwise(x, weight, bias, "none", [], "")


def torch_product(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Multiply as PyTorch does it by itself."""
    return torch.nn.functional.linear(x, weight, bias)


def bf16_product(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Multiply arguments rounded to bf16, accumulated in fp32; fp32 in and out, the bias added in fp32."""
    y = onednn_product(x.bfloat16(), weight.bfloat16(), None).float()
    return y if bias is None else y.add_(bias)


def torch_weight(gradient: Tensor, x: Tensor) -> Tensor:
    """Take the weight's gradient (out x in) from the output's (n x out) and the input (n x in), as PyTorch does it."""
    return gradient.t() @ x


def onednn_weight(gradient: Tensor, x: Tensor) -> Tensor:
    """Do the same through oneDNN."""
    return onednn_product(gradient.t(), x.t(), None)


def bf16_weight(gradient: Tensor, x: Tensor) -> Tensor:
    """Do the same with arguments rounded to bf16; PyTorch's bf16 product is oneDNN's, in its faster form for this."""
    return (gradient.bfloat16().t() @ x.bfloat16()).float()


@dataclass(frozen=True)
class Products:
    """How a linear module multiplies."""

    forward: Product  # used for the input's gradient too
    weight: Callable[[Tensor, Tensor], Tensor]


TORCH = Products(torch_product, torch_weight)
ONEDNN = Products(onednn_product, torch_weight)
ONEDNN_THROUGHOUT = Products(onednn_product, onednn_weight)
BF16 = Products(bf16_product, bf16_weight)


def has_onednn() -> bool:
    """Whether this build of PyTorch can send matrix products to oneDNN."""
    return torch.backends.mkldnn.is_available() and hasattr(torch.ops.mkldnn, "_linear_pointwise")


class Linear(torch.autograd.Function):
    """x @ W.T + bias, plus scale * (x @ A.T) @ B.T where there is a LoRA adapter (Hu et al. 2021, arXiv 2106.09685)."""

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        a: Tensor | None,
        b: Tensor | None,
        scale: float,
        products: Products,
    ) -> Tensor:
        flat = x.reshape(-1, x.shape[-1])
        y = products.forward(flat, weight, bias)
        low = None
        if a is not None and b is not None:
            low = flat @ a.t()
            y.addmm_(low, b.t(), alpha=scale)
        needs_x = ctx.needs_input_grad[1] or a is not None
        ctx.save_for_backward(flat if needs_x else None, weight, a, b, low)
        ctx.scale, ctx.shape, ctx.products = scale, x.shape, products
        return y.view(*x.shape[:-1], y.shape[-1])

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        flat, weight, a, b, low = ctx.saved_tensors
        g = gradient.reshape(-1, gradient.shape[-1])
        need_x, need_weight, need_bias, need_a, need_b = ctx.needs_input_grad[:5]
        dx = ctx.products.forward(g, weight.t(), None) if need_x else None
        dweight = ctx.products.weight(g, flat) if need_weight else None
        dbias = g.sum(0) if need_bias else None
        da = db = None
        if a is not None:
            dlow = (g @ b).mul_(ctx.scale)
            da = dlow.t() @ flat if need_a else None
            db = (g.t() @ low).mul_(ctx.scale) if need_b else None
            if dx is not None:
                dx.addmm_(dlow, a)
        return None if dx is None else dx.view(ctx.shape), dweight, dbias, da, db, None, None

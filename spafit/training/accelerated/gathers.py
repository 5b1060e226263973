"""Copies of rows from one order to another, with gradients that are copies too.

PyTorch's own gradient of an index adds up row by row, in case two results came from one row. Here each row comes from
another one, so the gradient is the same copy the other way round.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable


class Reorder(torch.autograd.Function):
    """Row i of what comes out is row `index[i]` of x; `back[j]` is the row that x's row j went to.

    Rows of x behind the end of `back` are dummies: several rows of the result may come from one, and their gradient is
    zero. Rows of the result behind the end of `index` are zero, `rows` in all.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, index: Tensor, back: Tensor, rows: int) -> Tensor:
        ctx.index, ctx.back, ctx.rows = index, back, len(x)
        return taken(x, index, rows)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None, None]:
        return taken(gradient, ctx.back, ctx.rows), None, None, None


class Select(torch.autograd.Function):
    """Some rows of x, each once."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, index: Tensor) -> Tensor:
        ctx.index, ctx.rows = index, len(x)
        return x.index_select(0, index)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return spread(gradient, ctx.index, ctx.rows), None


class Spread(torch.autograd.Function):
    """The inverse of `Select`: x's rows at these places among `rows`, zeros elsewhere."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, index: Tensor, rows: int) -> Tensor:
        ctx.index = index
        return spread(x, index, rows)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        return gradient.index_select(0, ctx.index), None, None


def taken(x: Tensor, index: Tensor, rows: int) -> Tensor:
    """Rows `index` of x, then zeros up to so many rows."""
    if len(index) == rows:
        return x.index_select(0, index)
    taken = x.new_empty(rows, *x.shape[1:])
    torch.index_select(x, 0, index, out=taken[: len(index)])
    taken[len(index) :] = 0
    return taken


def spread(x: Tensor, index: Tensor, rows: int) -> Tensor:
    """So many rows, with x's at the places `index` and zeros elsewhere."""
    return x.new_zeros(rows, *x.shape[1:]).index_copy_(0, index, x)

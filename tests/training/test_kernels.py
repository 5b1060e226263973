"""The CPU kernels are the same functions as PyTorch's, forwards and backwards."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from spafit.training.accelerated import kernels
from spafit.training.accelerated.kernels import Dropout, Linear, dropout_mask

sizes = st.integers(1, 9)
libraries = st.sampled_from(["TORCH", "ONEDNN", "ONEDNN_THROUGHOUT"])


def gradients(output: torch.Tensor, inputs: list[torch.Tensor]) -> list[torch.Tensor]:
    weights = torch.linspace(-1, 1, output.numel()).view_as(output)
    return list(torch.autograd.grad((output * weights).sum(), inputs))


@settings(max_examples=25)
@given(sizes, sizes, sizes, sizes, st.booleans(), st.booleans(), libraries)
def test_linear_with_lora_equals_its_formula(batch, tokens, width, out, biased, adapted, library):
    products = getattr(kernels, library)
    torch.manual_seed(batch * 100 + width)
    x = torch.randn(batch, tokens, width, requires_grad=True)
    weight = torch.randn(out, width, requires_grad=True)
    bias = torch.randn(out, requires_grad=True) if biased else None
    a = torch.randn(2, width, requires_grad=True) if adapted else None
    b = torch.randn(out, 2, requires_grad=True) if adapted else None
    inputs = [t for t in (x, weight, bias, a, b) if t is not None]
    expected = nn.functional.linear(x, weight, bias)
    if a is not None and b is not None:
        expected = expected + 0.5 * (x @ a.T @ b.T)
    actual = Linear.apply(x, weight, bias, a, b, 0.5, products)
    torch.testing.assert_close(actual, expected, rtol=1e-4, atol=1e-4)
    for mine, theirs in zip(gradients(actual, inputs), gradients(expected, inputs), strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=1e-4)


def test_bf16_products_round_arguments_but_keep_fp32_results():
    torch.manual_seed(0)
    x, weight, bias = torch.randn(8, 64), torch.randn(16, 64), torch.randn(16)
    y = kernels.bf16_product(x, weight, bias)
    assert y.dtype is torch.float32
    error = (y - nn.functional.linear(x, weight, bias)).abs().max()
    assert 0 < error < 0.25  # 8 bits of mantissa over sums of 64 products of size 1


@pytest.mark.parametrize("probability", [0.1, 0.5])
def test_dropout_drops_its_share_and_keeps_the_mean(probability):
    torch.manual_seed(0)
    mask = dropout_mask((1000, 200), probability)
    assert float((mask == 0).float().mean()) == pytest.approx(probability, abs=0.005)
    assert mask.unique().tolist() == [0, 1]
    scale = 1 / (1 - probability)
    x = torch.randn(1000, 200, requires_grad=True)
    out = Dropout.apply(x, mask, scale)
    (gradient,) = torch.autograd.grad(out.sum(), x)
    assert torch.equal(out, x * mask * scale) and torch.equal(gradient, mask * scale)


def test_masks_follow_torchs_seed_and_differ_from_each_other():
    torch.manual_seed(3)
    first, second = dropout_mask((64, 64), 0.5), dropout_mask((64, 64), 0.5)
    torch.manual_seed(3)
    assert torch.equal(dropout_mask((64, 64), 0.5), first)
    agreement = float(((first == 0) == (second == 0)).float().mean())
    assert 0.45 < agreement < 0.55
    assert dropout_mask((3, 5, 7), 0.2).shape == (3, 5, 7)

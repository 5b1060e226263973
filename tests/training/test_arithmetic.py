"""Which products a run uses on a CPU: measured once, remembered, and bf16 only where it pays."""

import itertools
import json
from dataclasses import replace

import pytest
import torch

from spafit import adapt
from spafit.stratification import LoraSettings, Method, preset
from spafit.training.accelerated import arithmetic, kernels
from spafit.training.accelerated.arithmetic import BF16_WIDTH, Rates, bf16_pays, measured_rates
from spafit.training.accelerated.fast_path import FastPath
from spafit.training.config import TrainSettings
from spafit.training.engine import Engine
from tests.tiny import tiny_anatomy, tiny_batch, tiny_model

FAST = Rates(torch=100.0, onednn=120.0, bf16=200.0, torch_weight=100.0, onednn_weight=90.0)
HAS_BF16 = kernels.has_onednn() and torch.ops.mkldnn._is_mkldnn_bf16_supported()


def test_bf16_is_taken_where_it_is_much_faster_and_layers_are_wide():
    assert bf16_pays(BF16_WIDTH, FAST)
    assert not bf16_pays(BF16_WIDTH - 1, FAST)  # little of a narrow model's time goes to products
    assert not bf16_pays(1024, replace(FAST, bf16=150.0))  # 1.25 times 120
    assert not bf16_pays(1024, replace(FAST, bf16=0.0))  # no such instructions


def test_a_close_race_goes_to_pytorchs_own_products():
    assert FAST.takes_onednn and FAST.fp32 == 120.0
    close = replace(FAST, onednn=105.0)
    assert not close.takes_onednn and close.fp32 == 100.0
    assert not FAST.onednn_pays_for_weights
    assert replace(FAST, onednn_weight=130.0).onednn_pays_for_weights


def test_products_are_timed_by_turns_so_that_other_work_slows_all_of_them(monkeypatch):
    called = []
    for name in ("torch_product", "torch_weight", "onednn_product"):
        product = getattr(kernels, name)
        monkeypatch.setattr(
            kernels, name, lambda *args, name=name, product=product: called.append(name) or product(*args)
        )
    rates = arithmetic.measure_rates(8, 16)
    assert min(rates.torch, rates.torch_weight) > 0 and bool(rates.onednn) == kernels.has_onednn()
    turns = [name for name, _group in itertools.groupby(called)]
    assert all(turns.count(name) >= 6 for name in {*called})  # once beforehand, and five rounds


def test_rates_are_measured_once_and_remembered(tmp_path, monkeypatch):
    first = measured_rates(8, 16, tmp_path)
    monkeypatch.setattr(arithmetic, "measure_rates", lambda *sizes: pytest.fail("measured again"))
    assert measured_rates(8, 16, tmp_path) == first
    file = tmp_path / "products.json"
    known = json.loads(file.read_text())
    file.write_text(json.dumps({key: {"torch": 1.0} for key in known}))  # as another version may have left it
    monkeypatch.setattr(arithmetic, "measure_rates", lambda *sizes: FAST)
    assert measured_rates(8, 16, tmp_path) == FAST


@pytest.mark.skipif(not HAS_BF16, reason="This processor has no bf16 products.")
@pytest.mark.parametrize(("bf16", "precision"), [(200.0, "bf16"), (120.0, "fp32")])
def test_auto_takes_bf16_where_it_pays_and_says_so(tmp_path, monkeypatch, bf16, precision):
    monkeypatch.setattr("spafit.training.engine.measured_rates", lambda *sizes: replace(FAST, bf16=bf16))
    monkeypatch.setattr(arithmetic, "BF16_WIDTH", 1)
    engine = Engine(tiny_model("bert"), tiny_anatomy("bert"), TrainSettings(), torch.device("cpu"), tmp_path)
    told = " ".join(choice.reason for choice in engine.choices)
    assert engine.precision == precision
    assert ("1.7 times the rate of fp32" in told) == (precision == "bf16")
    assert (engine.fp32_slowness > 1) == (precision == "bf16")
    assert (engine.products, engine.library) == (kernels.ONEDNN, "onednn")
    engine.only_full_fp32()
    assert engine.precision == "fp32" and engine.fp32_slowness == 1
    engine.restore()


@pytest.mark.skipif(not kernels.has_onednn(), reason="This build of PyTorch has no oneDNN.")
def test_bf16_layers_leave_the_head_in_fp32():
    model, anatomy = tiny_model("bert").eval(), tiny_anatomy("bert")
    adapt.apply(model, anatomy, preset(Method.SPAFIT, 3, 1, 2, LoraSettings(rank=2)))
    multiplied = []

    def recording(name, products):
        def forward(x, weight, bias):
            multiplied.append((name, tuple(weight.shape)))
            return products.forward(x, weight, bias)

        return replace(products, forward=forward)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("spafit.training.accelerated.fast_path.BF16", recording("bf16", kernels.BF16))
        fast = FastPath(model, recording("fp32", kernels.ONEDNN), bf16_layers=anatomy.layers_path).install()
        with torch.no_grad():
            model(**{name: value for name, value in tiny_batch().items() if name != "labels"})
        fast.remove()
    assert sum(name == "bf16" for name, _ in multiplied) == 6 * anatomy.num_layers
    assert [shape for name, shape in multiplied if name == "fp32"] == [
        tuple(model.bert.pooler.dense.weight.shape),
        tuple(model.classifier.weight.shape),
    ]


@pytest.mark.skipif(not HAS_BF16, reason="This processor has no bf16 products.")
def test_bf16_gradients_of_weights_are_rounded_products():
    torch.manual_seed(0)
    gradient, x = torch.randn(12, 5), torch.randn(12, 7)
    expected = gradient.bfloat16().float().t() @ x.bfloat16().float()
    torch.testing.assert_close(kernels.bf16_weight(gradient, x), expected, rtol=0.02, atol=0.02)

"""What changed inside is nothing in frozen layers, and what was put in elsewhere."""

from pathlib import Path

import pytest
import torch

from spafit.stratification import LoraSettings, preset
from spafit.training.changes import changes
from tests.tiny import FAMILIES
from tests.trained.runs import LAYERS, trained_run


@pytest.mark.parametrize("family", FAMILIES)
def test_each_stratum_changes_as_its_method_says(family: str, tmp_path: Path) -> None:
    whole = trained_run(tmp_path, family, preset("spafit", LAYERS, 1, 2))
    model, anatomy, before = whole.with_before()
    found = {(c.layer, c.kind): c for c in changes(model, anatomy, before)}
    assert not any(layer == 1 for layer, _ in found)  # frozen: nothing there can have changed
    assert {kind for layer, kind in found if layer == 2} == ({"bias"} if anatomy.has_biases else set())
    assert (3, "lora") in found
    assert all(change.ratio > 0 for change in found.values())


def test_an_adapters_change_is_its_product_times_its_scale(tmp_path: Path) -> None:
    whole = trained_run(
        tmp_path, "bert", preset("lora", LAYERS, lora=LoraSettings(rank=2, alpha=8, targets=("query",)))
    )
    model, anatomy, before = whole.with_before()
    (module,) = [module for name, module in model.named_modules() if name.endswith("layer.0.attention.self.query")]
    product = module.lora_B["default"].weight @ module.lora_A["default"].weight
    found = {(c.layer, c.kind): c for c in changes(model, anatomy, before)}
    expected = 4 * float(product.norm() / module.base_layer.weight.norm())  # alpha over rank
    assert found[1, "lora"].ratio == pytest.approx(expected)


def test_the_ratio_is_the_norm_of_the_change_over_the_norm_before(tmp_path: Path) -> None:
    whole = trained_run(tmp_path, "bert", preset("full", LAYERS))
    model, anatomy, before = whole.with_before()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.copy_(before[name] * (1.5 if ".layer.0." in name and name.endswith("weight") else 1.0))
            if ".layer.1." in name and name.endswith("bias"):
                before[name].zero_()
                parameter.zero_()
        model.get_parameter("bert.encoder.layer.1.output.dense.bias")[0] = 3.0
    found = {(c.row, c.layer, c.kind): c for c in changes(model, anatomy, before)}
    assert found["layer", 1, "weight"].ratio == pytest.approx(0.5)
    assert (found["layer", 3, "weight"].ratio, found["layer", 3, "weight"].absolute) == (0.0, False)
    assert (found["layer", 2, "bias"].ratio, found["layer", 2, "bias"].absolute) == (3.0, True)

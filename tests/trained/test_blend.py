"""The fader between the pretrained and the trained model is exact at both ends and moves only what it says."""

from pathlib import Path

import pytest
import torch

from spafit.errors import SpafitError
from spafit.stratification import Recipe, Stratification, preset
from spafit.trained.blend import Blend, Factors
from tests.tiny import FAMILIES, tiny_batch
from tests.trained.runs import LAYERS, trained_run

EVERY_KIND = Stratification(LAYERS, 1, 2, (Recipe.FROZEN, Recipe.FULL, Recipe.LORA_BIAS), Recipe.BIAS)


def logits(model: torch.nn.Module) -> torch.Tensor:
    """Return the model's answers to the same texts each time."""
    with torch.no_grad():
        return model(**{name: value for name, value in tiny_batch().items() if name != "labels"}).logits


def blended(folder: Path, family: str, stratification: Stratification) -> tuple[Blend, torch.Tensor, torch.Tensor]:
    """Return a blend, with the answers of the pretrained and of the trained model."""
    whole = trained_run(folder, family, stratification)
    base, _ = whole.base()
    model, anatomy, before = whole.with_before()
    return Blend(model, anatomy, before), logits(base), logits(model)


@pytest.mark.parametrize("family", FAMILIES)
def test_both_ends_are_the_two_models(family: str, tmp_path: Path) -> None:
    blend, before, after = blended(tmp_path, family, EVERY_KIND)
    assert not torch.equal(before, after)
    blend.set(Factors(dict.fromkeys(range(1, LAYERS + 1), 0.0), embeddings=0.0, head=0.0))
    assert torch.equal(logits(blend.model), before)
    blend.set(Factors())
    assert torch.equal(logits(blend.model), after)


def test_a_layer_that_did_not_train_does_not_move_and_others_do(tmp_path: Path) -> None:
    blend, _, after = blended(tmp_path, "bert", preset("spafit", LAYERS, 1, 2))
    blend.set(Factors({1: 0.0}))
    assert torch.equal(logits(blend.model), after)
    answers = []
    for factor in (0.0, 0.5, 1.0):
        blend.set(Factors({3: factor}))
        answers.append(logits(blend.model))
    assert torch.equal(answers[2], after)
    assert not torch.equal(answers[0], answers[1])
    assert not torch.equal(answers[1], answers[2])


def test_a_factor_that_cannot_be_is_refused_and_moves_nothing(tmp_path: Path) -> None:
    blend, _, after = blended(tmp_path, "bert", preset("spafit", LAYERS, 1, 2))
    for factors in (Factors({4: 0.0}), Factors({3: 1.5}), Factors({3: float("nan")}), Factors(head=-1.0)):
        with pytest.raises(SpafitError, match=r"no layer 4|from 0 \(pretrained\) to 1"):
            blend.set(factors)
    assert torch.equal(logits(blend.model), after)

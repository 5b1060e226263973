"""Scores of layers: what they are on models and matrices whose answer is known."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from spafit.advice.advisors import MEASURED
from spafit.advice.measured import (
    SAME_INPUT,
    Sample,
    cka_scores,
    gradient_scores,
    kappa_scores,
    linear_cka,
    measure,
    take_sample,
)
from tests.tiny import save_tiny_model


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_model(tmp_path_factory.mktemp("models") / "bert", "bert")


@pytest.fixture
def sample(model: Path) -> Sample:
    return take_sample(str(model), "rotten-tomatoes", examples=24, max_length=20)


def states(seed: int, texts: int = 60, width: int = 8) -> torch.Tensor:
    return torch.randn(texts, width, generator=torch.Generator().manual_seed(seed))


def test_cka_sees_neither_rotation_nor_scale_nor_shift() -> None:
    one = states(0)
    rotation, _ = torch.linalg.qr(states(1, 8, 8))
    assert linear_cka(one, 3 * one @ rotation + 5) == pytest.approx(1.0)
    assert linear_cka(one, one @ torch.diag(torch.tensor([9.0, 1, 1, 1, 1, 1, 1, 1]))) < 0.9
    assert linear_cka(one, torch.ones(60, 8)) is None


def test_cka_by_hand() -> None:
    """Centred x = (1, -1, 0), y = (1, 0, -1): (x.y)^2 / (x.x y.y) = 1 / 4."""
    x, y = torch.tensor([[1.0], [-1], [0]]), torch.tensor([[1.0], [0], [-1]])
    assert linear_cka(x, y) == pytest.approx(0.25)


def test_a_layer_that_changes_nothing_is_most_similar(sample: Sample) -> None:
    last = sample.layers[2]
    for parameter in last.parameters():
        parameter.data.zero_()
    last.attention.output.LayerNorm.weight.data.fill_(1)  # ty: ignore
    last.output.LayerNorm.weight.data.fill_(1)  # ty: ignore
    scores, remark = cka_scores(sample)
    assert (scores[0], remark) == (None, SAME_INPUT)
    assert scores[2] == pytest.approx(0, abs=1e-6)
    assert scores[1] is not None and scores[1] > 1e-4


def test_the_relative_gradient_is_that_of_the_whole_sample(sample: Sample) -> None:
    scores, _ = gradient_scores(sample)
    weights = list(sample.layers[1].parameters())
    batches = list(sample.batches())
    loss = sum(
        torch.nn.functional.cross_entropy(
            sample.model(**{k: v for k, v in batch.items() if k != "labels"}).logits, batch["labels"], reduction="sum"
        )
        for batch in batches
    ) / len(sample.texts)
    gradients = torch.autograd.grad(loss, weights)
    by_hand = torch.cat([g.flatten() for g in gradients]).norm() / torch.cat([w.flatten() for w in weights]).norm()
    assert scores[1] == pytest.approx(by_hand.item(), rel=1e-4)
    assert all(p.grad is None for p in sample.model.parameters())


def test_well_conditioned_matrices_rank_high(sample: Sample) -> None:
    for number, layer in enumerate(sample.layers):
        for module in layer.modules():
            if isinstance(module, torch.nn.Linear):
                diagonal = torch.eye(*module.weight.shape)
                diagonal[0, 0] = 10.0 ** (3 - number)
                module.weight.data.copy_(diagonal)
    scores, _ = kappa_scores(sample)
    assert scores == sorted(scores)
    assert len(set(scores)) == 3


@pytest.mark.slow
def test_every_advisor_answers_for_encoders_and_decoders_alike(tmp_path: Path) -> None:
    for family in ("distilbert", "gpt2", "llama"):
        folder = save_tiny_model(tmp_path / family, family)
        answers = measure(str(folder), "rotten-tomatoes", examples=12, max_length=16)
        assert list(answers) == [advisor.key for advisor in MEASURED]
        for key, answer in answers.items():
            if (family, key) == ("gpt2", "kappa"):
                assert answer["scores"] == [] and "no linear modules" in answer["remark"]
                continue
            assert len(answer["scores"]) == 3
            assert sum(score is None for score in answer["scores"]) <= 1
            assert answer["seconds"] > 0

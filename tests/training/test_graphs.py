"""Steps whose batches keep their places in memory learn what other steps do; the kernel is written out for the CPU."""

from contextlib import nullcontext

import numpy as np
import pytest
import torch
from torch import Tensor

from spafit.stratification import parse_name
from spafit.training.accelerated import one_kernel
from spafit.training.accelerated.graphs import MOST_SIZES, RecordedSteps
from spafit.training.accelerated.layout import Layout, fixed_tokens
from spafit.training.accelerated.one_kernel import Patterns, is_causal
from spafit.training.config import RunSpec, TrainSettings
from spafit.training.trainer import Trainer
from tests.tiny import save_tiny_model
from tests.training.ready import ready_trainer

STEPS = 12


def written_out(
    query: Tensor, key: Tensor, value: Tensor, ends: Tensor, longest: int, dropout: float, scale: float, causal: bool
) -> Tensor:
    """Return what the GPU's kernel computes."""
    assert dropout == 0.0
    results = []
    for start, end in zip(ends[:-1].tolist(), ends[1:].tolist(), strict=True):
        assert end - start <= longest
        q, k, v = (x[start:end].transpose(0, 1) for x in (query, key, value))
        scores = q @ k.mT * scale
        if causal:
            scores = scores.masked_fill(torch.ones_like(scores[0]).triu(1).bool(), -torch.inf)
        results.append((torch.softmax(scores, -1) @ v).transpose(0, 1))
    return torch.cat(results)


def plain(folder, name: str, **settings: object) -> Trainer:
    """Return a trainer without the CPU's shortcuts and without dropout."""
    usual = {"train_samples": 60, "eval_samples": 10, "epochs": 4, "batch_size": 8, "max_length": 24, "device": "cpu"}
    spec = RunSpec(str(folder), "rotten-tomatoes", parse_name(name, 2), TrainSettings(**usual | settings))
    trainer = ready_trainer(spec)
    assert trainer.engine.fast is not None
    trainer.engine.fast.remove()
    trainer.engine.fast, trainer.engine.one_token = None, None
    trainer.mode(False)
    return trainer


@pytest.fixture
def kernel(monkeypatch):
    monkeypatch.setattr(one_kernel, "flash", written_out)
    monkeypatch.setattr(one_kernel, "fits", lambda query: True)  # tiny models have tiny heads


def recorded(trainer: Trainer) -> tuple[list[int], RecordedSteps]:
    """Have a trainer's steps recorded by a stand-in that takes them again; returns what is recorded, as it is."""
    flat, times = trainer.engine.flat, []
    assert flat is not None
    flat.seen = seen = Patterns()
    replay = trainer.engine.replay
    with torch.no_grad(), nullcontext() if replay is None else replay.aside():
        trainer.engine.model(**trainer.engine.begin(trainer.engine.probe([24])))
    flat.seen, flat.causal = None, seen.all_known()
    assert flat.causal is not None

    def record(step):
        times.append(trainer.step)
        return step

    trainer.recorded = RecordedSteps(
        trainer.feed, 8, lambda batch: trainer._take_step([batch], len(batch.labels)), record
    )
    return times, trainer.recorded


@pytest.mark.parametrize("name", ["SPAFIT-0-1", "SPAFIT-1-1", "Full"])
@pytest.mark.parametrize("family", ["bert", "gpt2"])
def test_recorded_steps_have_the_losses_of_other_steps(family, name, tmp_path, kernel):
    folder = save_tiny_model(tmp_path / "model", family, num_layers=2)
    cache = "on" if name == "SPAFIT-1-1" else "off"
    expected, replayed = plain(folder, name, prefix_cache=cache), plain(folder, name, prefix_cache=cache)
    times, _ = recorded(replayed)
    assert replayed.engine.cached_layers == (1 if cache == "on" else 0)
    losses = [[float(trainer.optimizer_step(1e-2)) for _ in range(STEPS)] for trainer in (replayed, expected)]
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-4)
    assert 0 < len(times) < STEPS  # recorded, and replayed
    for mine, other in zip(replayed.trainable, expected.trainable, strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-3, atol=2e-3)  # noise moves a bias of keys


def test_a_step_that_cannot_be_recorded_is_taken_as_others_are(tmp_path, kernel):
    folder = save_tiny_model(tmp_path / "model", "bert", num_layers=2)
    expected, trainer = plain(folder, "SPAFIT-0-1"), plain(folder, "SPAFIT-0-1")
    _, steps = recorded(trainer)
    tried = []

    def fail(step):
        tried.append(trainer.step)
        step_so_far = trainer.engine.logits(trainer.feed.batch(np.arange(8))).sum()
        step_so_far.backward()  # as far as it came
        raise RuntimeError("operation not permitted when stream is capturing")

    steps._record = fail
    losses = [[float(one.optimizer_step(1e-2)) for _ in range(STEPS)] for one in (trainer, expected)]
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-4)
    assert len(tried) == 1


def test_layouts_of_a_fixed_size_hold_every_token_once():
    rng = np.random.default_rng(0)
    for _ in range(200):
        lengths = rng.integers(1, 60, rng.integers(1, 40))
        layout = Layout(lengths, torch.device("cpu"), width=61)
        assert layout.tokens == fixed_tokens(int(lengths.sum())) > lengths.sum()
        flat, padded, ends = layout.into_flat.numpy(), layout.into_padded.numpy(), layout.ends.numpy()
        assert ends[0] == 0 and ends[-1] == layout.tokens and len(ends) == len(lengths) + 2
        assert np.diff(ends).max() <= layout.longest and np.diff(ends).min() >= 1
        assert sorted(np.diff(ends)[:-1]) == sorted(lengths)
        inside = (np.arange(61) < lengths[:, None]).ravel()
        assert np.array_equal(np.sort(flat[: layout.filled]), np.flatnonzero(inside))
        assert np.array_equal(flat[padded[inside]], np.flatnonzero(inside))
        assert not inside[flat[layout.filled :]].any()  # dummies stand for padding, whose gradient is zero


def test_few_sizes_are_recorded():
    assert len({fixed_tokens(filled) for filled in range(256, 800)}) <= MOST_SIZES
    assert all(0 < fixed_tokens(filled) - filled <= max(64, filled / 8 + 1) for filled in range(1, 5000))


def test_patterns_of_masks_are_known_or_left_alone():
    least = torch.finfo(torch.float32).min
    causal = torch.full((1, 1, 9, 9), least).triu(1)
    assert is_causal(None) is False and is_causal(torch.zeros(1, 1, 9, 9)) is False
    assert is_causal(causal) is True
    sliding = causal + torch.full((9, 9), least).tril(-4)
    assert is_causal(sliding) is None


def test_a_smaller_batch_is_not_recorded(tmp_path, kernel):
    trainer = plain(save_tiny_model(tmp_path / "model", "bert", num_layers=2), "SPAFIT-0-1")
    _, steps = recorded(trainer)
    assert steps.step(np.arange(4)) is None and steps.step(np.arange(8)) is not None

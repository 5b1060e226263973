"""Runs that share a process compute what they would have computed alone, to the last bit."""

from dataclasses import replace
from pathlib import Path

import pytest
from safetensors.torch import load_file

from spafit.stratification import Method, preset
from spafit.training import kept as sharing
from spafit.training.config import RunSpec, TrainSettings
from spafit.training.events import Finished, Step
from spafit.training.kept import Kept
from spafit.training.loop import train
from spafit.training.prefix.cache import PrefixCache

SETTINGS = TrainSettings(train_samples=48, epochs=1, batch_size=8, eval_samples=20, max_length=24, learning_rate=1e-2)


def figures(spec: RunSpec, folder: Path, kept: Kept | None) -> tuple:
    events = list(train(spec, folder=folder, kept=kept, clock=lambda: 0.0))
    losses = [event.loss for event in events if isinstance(event, Step)]
    end = next(event for event in events if isinstance(event, Finished))
    trained = {name: tensor.numpy().tobytes() for name, tensor in load_file(folder / "trained.safetensors").items()}
    return losses, end.metrics, end.validation_metrics, trained, (folder / "predictions.npz").read_bytes()


@pytest.mark.slow
def test_a_run_after_others_in_one_process_is_the_run_alone(
    tiny_bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loads = []
    load = sharing.Kept.model
    monkeypatch.setattr(
        sharing.Kept, "model", lambda self, key, read: load(self, key, lambda: loads.append(key) or read())
    )
    shared = Kept()
    asked = [(preset(Method.SPAFIT, 3, 1, 2), 0), (preset(Method.LORA, 3), 0), (preset(Method.SPAFIT, 3, 1, 2), 1)]
    asked += [(preset(Method.FULL, 3), 1), (preset(Method.SPAFIT, 3, 0, 0), 1)]
    for number, (stratification, seed) in enumerate(asked):
        spec = RunSpec(str(tiny_bert), "rotten-tomatoes", stratification, replace(SETTINGS, seed=seed))
        (tmp_path / f"shared{number}").mkdir()
        (tmp_path / f"alone{number}").mkdir()
        assert figures(spec, tmp_path / f"shared{number}", shared) == figures(spec, tmp_path / f"alone{number}", None)
    of_shared = [key for key in loads if key[3] in (0, 1)]
    assert len(of_shared) == 2 + len(asked)  # once a seed for those that share, once a run for the others


def test_cells_of_one_depth_compute_their_prefix_once(
    tiny_bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever comes above it; another depth computes its own."""
    computed = []
    record = PrefixCache._record
    monkeypatch.setattr(PrefixCache, "_record", lambda self, *rest: computed.append(self.depth) or record(self, *rest))
    shared, settings = Kept(), replace(SETTINGS, prefix_cache="on", seed=1234)  # examples that no other test draws
    parts = []
    for number, (n1, n2) in enumerate(((2, 2), (2, 3), (1, 3), (2, 2))):
        (tmp_path / str(number)).mkdir()
        spec = RunSpec(str(tiny_bert), "rotten-tomatoes", preset(Method.SPAFIT, 3, n1, n2), settings)
        before = len(computed)
        figures(spec, tmp_path / str(number), shared)
        parts.append(computed[before:])
    assert parts[0] and set(parts[0]) == {2}
    assert parts[1:] == [[], [1] * len(parts[0]), []]

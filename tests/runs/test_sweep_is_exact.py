"""A run of a sweep has the figures of the same run alone, to the last bit, through the queue and its processes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psutil
import pytest
from safetensors.numpy import load_file

from spafit.maps import sweep as sweeping
from spafit.maps.definition import define
from spafit.runs import Store, submit
from spafit.stratification import Method, preset
from spafit.training.config import TrainSettings
from tests.runs.helpers import eventually, processes_of
from tests.tiny import save_tiny_model

SETTINGS = TrainSettings(
    train_samples=48, epochs=1, batch_size=8, eval_samples=20, max_length=24, prefix_cache="on", device="cpu"
)
SECONDS = 120.0


@pytest.fixture(autouse=True)
def no_process_stays(home: Path) -> Any:
    yield
    for process in processes_of(home):
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue


def figures(store: Store, run_id: str) -> tuple[Any, ...]:
    run = store.get(run_id)
    assert run.state == "finished", run.reason
    losses = [event["loss"] for _seq, event in store.events(run_id) if event["kind"] == "step"]
    tensors = load_file(store.folder(run_id) / "trained.safetensors")
    trained = {name: tensor.tobytes() for name, tensor in tensors.items()}
    return losses, run.metrics, run.validation_metrics, trained, (store.folder(run_id) / "predictions.npz").read_bytes()


@pytest.mark.slow
def test_a_cell_of_a_sweep_is_the_run_alone(tmp_path: Path) -> None:
    store, model = Store.open(), str(save_tiny_model(tmp_path / "bert"))
    settings = [preset(Method.SPAFIT, 3, 0, 1), preset(Method.SPAFIT, 3, 2, 2)]
    sweep = sweeping.launch(store, define(model, "rotten-tomatoes", SETTINGS, settings, (0, 1))).sweep

    def all_over() -> list[sweeping.Row]:
        found = sweeping.rows(store, sweep)
        return found if all(row.run is not None and row.run.state.over for row in found) else []

    found = eventually(all_over, SECONDS)
    assert len(found) == 4 and len({row.run.process for row in found if row.run is not None}) == 1
    last = found[-1]
    alone = submit(last.spec)
    eventually(lambda: store.get(alone).state.over, SECONDS)
    assert last.run is not None and store.get(alone).process != last.run.process
    assert figures(store, alone) == figures(store, last.run.id)

"""A map shows what was measured, how often and where from, and nothing else."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from spafit.maps.measured import measured_map, nearest, series_of_task
from spafit.maps.series import Contents
from spafit.runs import Origin, Run, State, Store
from spafit.stratification import LoraSettings, Stratification, preset
from spafit.training.config import RunSpec, TrainSettings
from spafit.training.events import Finished, Started

HERE = Contents("weights", "data", 1)


@pytest.fixture
def store(home) -> Store:
    return Store.open()


def measure(
    store: Store,
    stratification: Stratification,
    score: float,
    seed: int = 0,
    rate: float = 1e-3,
    contents: Contents | None = HERE,
    origin: Origin = Origin.LOCAL,
    **settings: object,
) -> Run:
    """Return a finished run with that validation score."""
    how = TrainSettings(learning_rate=rate, seed=seed, **settings)
    store.submit(RunSpec("minilm-l6", "rotten-tomatoes", stratification, how), origin=origin)
    run = store.claim(store.queue()[0].id, "host/boot/1/1")
    assert run is not None
    kept = vars(contents).values() if contents else ()
    started = Started(5, 100 + stratification.n1, 1000, "cpu", "fp32", rate, 8, 4, 2, 0, (), 0.5, 0, (), *kept)
    told = Finished("finished", {"accuracy": 0.1}, {"accuracy": score}, {"accuracy": 0.4}, 8.0 + seed, 5)
    told = replace(told, validation_baseline={"accuracy": 0.5})
    store.record(run, [started.to_dict()])
    store.conclude(run, State.FINISHED, None, [told.to_dict()])
    return store.get(run.id)


def cell(n1: int, n2: int, **lora: int) -> Stratification:
    return preset("spafit", 6, n1, n2, LoraSettings(**lora))


def test_a_cell_is_the_mean_over_seeds_at_its_best_rate(store: Store) -> None:
    runs = [measure(store, cell(2, 4), score, seed) for seed, score in enumerate((0.70, 0.74, 0.72))]
    measure(store, cell(2, 4), 0.71, rate=3e-3)
    measure(store, cell(6, 6), 0.5)
    measure(store, preset("full", 6), 0.8, origin=Origin.RECORDED)
    (series,) = series_of_task(store, "minilm-l6", "rotten-tomatoes")
    told = json.loads(json.dumps(measured_map(series, "accuracy")))
    assert [(c["n1"], c["n2"]) for c in told["cells"]] == [(2, 4), (6, 6)]
    first, last = told["cells"]
    assert (first["mean"], first["n"], first["lr"], first["rates"]) == (pytest.approx(0.72), 3, 1e-3, [1e-3, 3e-3])
    assert first["standard_error"] == pytest.approx(0.02 / 3**0.5)
    assert first["scores"] == {"0": 0.70, "1": 0.74, "2": 0.72}
    assert (first["runs"], first["trainable"], first["seconds"]) == ([run.id for run in runs], 102, pytest.approx(9.0))
    assert (last["n"], last["standard_error"], last["at_baseline"]) == (1, None, [0])
    (full,) = told["methods"]
    assert (full["method"], full["n1"], full["origins"]) == ("full", None, ["recorded"])
    assert (told["baseline"], told["best"], told["runs"]) == (0.5, [2, 4], 5)
    assert told["origins"] == ["local", "recorded"]


def test_only_one_series_with_one_kind_of_lora_is_on_a_map(store: Store) -> None:
    measure(store, cell(2, 4), 0.7)
    measure(store, cell(0, 6), 0.7)
    measure(store, cell(0, 0, rank=4), 0.9)
    measure(store, cell(6, 6, rank=4), 0.6)  # has no LoRA, whatever its rank
    measure(store, replace(cell(1, 1), embeddings="bias"), 0.9)
    measure(store, cell(1, 1), 0.9, contents=None)
    measure(store, cell(1, 1), 0.9, max_length=64)
    measure(store, cell(1, 1), 0.9, contents=replace(HERE, data="others"))
    by_runs = {len(series.runs): series for series in series_of_task(store, "minilm-l6", "rotten-tomatoes")}
    assert sorted(by_runs) == [1, 5]
    assert [c["name"] for c in measured_map(by_runs[5], "accuracy")["cells"]] == [
        "SPAFIT-0-6",
        "SPAFIT-2-4",
        "SPAFIT-6-6",
    ]
    wide = measured_map(by_runs[5], "accuracy", LoraSettings(rank=4))
    assert [c["name"] for c in wide["cells"]] == ["SPAFIT-0-0+rank=4", "SPAFIT-0-6", "SPAFIT-6-6"]


def test_the_newest_series_comes_first(store: Store) -> None:
    measure(store, cell(2, 4), 0.7)
    measure(store, cell(2, 4), 0.7, epochs=1.0)
    first, second = series_of_task(store, "minilm-l6", "rotten-tomatoes")
    assert (first.document["settings"]["epochs"], second.document["settings"]["epochs"]) == (1.0, 2.0)
    assert series_of_task(store, "minilm-l6", "imdb") == []


def test_a_run_again_with_one_seed_counts_once(store: Store) -> None:
    measure(store, cell(2, 4), 0.7, device="cpu")
    again = measure(store, cell(2, 4), 0.8, precision="fp32")
    (series,) = series_of_task(store, "minilm-l6", "rotten-tomatoes")
    (only,) = measured_map(series, "accuracy")["cells"]
    assert (only["n"], only["mean"], only["runs"]) == (1, 0.8, [again.id])


def test_the_nearest_measured_cell() -> None:
    cells = [{"n1": n1, "n2": n2} for n1, n2 in ((0, 0), (2, 4), (4, 6))]
    assert nearest(cells, (2, 4)) == cells[1]
    assert nearest(cells, (3, 5)) == cells[2]  # as near as the other, and trains less
    assert nearest([], (1, 1)) is None

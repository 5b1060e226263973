"""The maps that come with the project are complete: nothing that they have to tell is missing from any of them."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from spafit.advice.report import report
from spafit.maps import kept
from spafit.maps.cells import METHODS, cells, stratifications
from spafit.maps.file import MAX_BYTES, MapFile, packed, read, unpacked_outputs
from spafit.maps.measured import group, measured_map
from spafit.models.load import load_anatomy
from spafit.models.registry import BUNDLED
from spafit.runs import Origin
from spafit.tasks.metrics import compute
from spafit.training.config import ENGINE_GENERATION, QUICK
from tests.maps.recorded_map import made_up

CELLS = {"rotten-tomatoes": "all", "stsb": "all", "bbc-news": "coarse"}
RATES = {3e-4, 1e-3, 3e-3}
MOST_BYTES = 1_600_000
VERSIONS = ("python", "torch", "transformers", "peft", "tokenizers")
CORRELATION = 0.015
"""What rounding may change of one; of an accuracy it may change one example."""
ONE_STEP = 2.0**-9
"""Of half precision between 2 and 4, where STS-B's scores lie. A run whose answers to all examples differ by less keeps
no order when they are rounded, and is not held to its correlation."""


def lacking(made: MapFile, metric: str, *, with_outputs: bool = True) -> list[str]:
    """Return what a recorded map has to have and has not."""
    document, said = made.document, []
    wanted = {point.name for point in stratifications(cells(CELLS[made.task], 6), METHODS, 6)}
    by_point: dict[str, Counter[tuple[float, int]]] = {name: Counter() for name in wanted}
    for run in made.runs:
        by_point.setdefault(run.stratification, Counter())[run.learning_rate or 0.0, run.seed] += 1
    for name, settings in by_point.items():
        first = {rate for rate, seed in settings if seed == document["choosing_seed"]}
        if not first >= RATES:
            said.append(f"{name}: not every rate was tried")
        others = {rate: {seed for r, seed in settings if r == rate} - {document["choosing_seed"]} for rate in first}
        repeated = {rate: seeds for rate, seeds in others.items() if seeds}
        if [len(seeds) for seeds in repeated.values()] != [3]:
            said.append(f"{name}: not three other seeds at one rate")
            continue
        tried = {
            run.learning_rate: run.validation_metrics[metric]
            for run in made.runs
            if run.stratification == name and run.seed == document["choosing_seed"]
        }
        if tried[next(iter(repeated))] < max(tried.values()):
            said.append(f"{name}: the other seeds are not at the best rate")
    for run in made.runs:
        told, about = made.recorded[run.id], f"{run.stratification}, seed {run.seed}"
        chose = run.seed == document["choosing_seed"]
        if told["chose"] and not chose:
            said.append(f"{about}: chose a rate with a seed that judges it")
        if not (told["curve"] and told["evaluations"] and told["changes"] and run.trainable and run.seconds):
            said.append(f"{about}: no curve, changes, parameters or seconds")
        if set(told["predictions"]) != set(document["examples"]) or not {"validation", "test"} <= set(
            told["predictions"]
        ):
            said.append(f"{about}: no predictions")
        if not (run.hardware.get("commit") and run.hardware.get("cpu") and run.hardware.get("precision")):
            said.append(f"{about}: no commit or machine")
        said += [f"{about}: no version of {name}" for name in VERSIONS if name not in run.versions]
        if with_outputs and not said:
            part = document["examples"]["validation"]
            outputs = unpacked_outputs(told["predictions"]["validation"], len(part["labels"]))
            again = compute([metric], outputs, np.array(part["labels"]))[metric]
            allowed = 1.01 / len(outputs) if metric == "accuracy" else CORRELATION
            held = metric == "accuracy" or outputs.std() >= ONE_STEP
            if held and abs(again - run.validation_metrics[metric]) > allowed:
                said.append(f"{about}: predictions reach {again:.4f}, the run {run.validation_metrics[metric]:.4f}")
    if set(document["advice"]) != {"cka", "gradient", "kappa"}:
        said.append("no advisors")
    elif not said:
        said += [] if judged(made, metric) else ["no advisor is scored"]
    return said


def judged(made: MapFile, metric: str) -> bool:
    """Whether any measured advisor's proposal, and any free rule's, is scored on the map."""
    (series,) = group(made.runs)
    scores = {
        (cell["n1"], cell["n2"]): {int(seed): score for seed, score in cell["scores"].items()}
        for cell in measured_map(series, metric)["cells"]
    }
    found = report(load_anatomy(BUNDLED), made.document["advice"], scores)["advisors"]
    return any(one["regret"] is not None for advisor in found for one in advisor["proposals"])


@pytest.fixture
def shipped(monkeypatch: pytest.MonkeyPatch) -> dict[str, MapFile]:
    monkeypatch.delenv(kept.NO_RECORDED)
    return {made.task: made for made in kept.maps()}


def test_every_map_is_there_small_and_of_the_series_that_train_starts_with(shipped: dict[str, MapFile]) -> None:
    assert set(shipped) == set(CELLS) and not kept.broken()
    for path in kept.RECORDED.iterdir():
        assert path.stat().st_size < min(MOST_BYTES, MAX_BYTES), path.name
    for made in shipped.values():
        assert (made.model, made.document["engine"]) == (BUNDLED, ENGINE_GENERATION)
        incidental = {"eval_every": None, "eval_samples": None}
        assert made.document["settings"] | incidental == QUICK.to_dict() | incidental


@pytest.mark.parametrize("task", list(CELLS))
def test_no_map_lacks_anything(shipped: dict[str, MapFile], task: str) -> None:
    made = shipped[task]
    assert lacking(made, made.document["metric"]) == []


def test_texts_are_not_in_the_maps(shipped: dict[str, MapFile]) -> None:
    for made in shipped.values():
        for part in made.document["examples"].values():
            assert set(part) == {"labels", "rows"}
            assert all(isinstance(value, int | float) for values in part.values() for value in values)


def without(key: str, value: Any) -> Callable[[dict[str, Any]], None]:
    return lambda document: document["runs"][3].__setitem__(key, value)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda document: document["runs"].pop(4), "not three other seeds"),
        (lambda document: document["runs"].pop(0), "not every rate"),
        (without("predictions", {}), "no predictions"),
        (without("curve", []), "no curve"),
        (without("changes", []), "no curve, changes"),
        (without("chose", True), "a seed that judges it"),
        (without("trainable", None), "no curve, changes, parameters"),
        (lambda document: document["machines"][0].update(commit=""), "no commit"),
        (lambda document: document["machines"][0]["versions"].pop("torch"), "no version of torch"),
        (lambda document: document.update(advice={}), "no advisors"),
        (lambda document: document["runs"][0].update(validation_metrics={"accuracy": 0.99}), "not at the best rate"),
    ],
)
def test_a_map_that_lacks_something_is_refused(change: Callable[[dict[str, Any]], object], says: str) -> None:
    document = copy.deepcopy(made_up())
    document["machines"][0]["versions"] = dict.fromkeys(VERSIONS, "1")
    complete = read(packed(document), "it", Origin.RECORDED)
    assert lacking(complete, "accuracy", with_outputs=False) == []
    change(document)
    found = lacking(read(packed(document), "it", Origin.RECORDED), "accuracy", with_outputs=False)
    assert any(says in said for said in found)

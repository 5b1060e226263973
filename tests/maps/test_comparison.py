"""The statistics asked in JSON, as a page asks them."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import numpy as np
import pytest

from spafit.errors import SpafitError
from spafit.helper import call
from spafit.maps import kept
from spafit.maps.comparison import one_setting, two_settings, with_reference
from spafit.maps.measured import group, measured_map
from spafit.maps.outputs import recorded
from spafit.runs import Store
from spafit.training.predictions import Predictions, save_predictions

GOOD = {"0": 0.80, "1": 0.81, "2": 0.82}
BAD = {"0": 0.70, "1": 0.712, "2": 0.719}


def test_a_page_asks_in_a_process_of_its_own_and_gets_a_sentence() -> None:
    question = {"first": "SPAFIT-2-4", "second": "Probe", "scores": {"SPAFIT-2-4": GOOD, "Probe": BAD}}
    question["rates"] = {"SPAFIT-2-4": 3, "Probe": 1}
    told = call("spafit.maps.comparison:two_settings", question, doing="Comparing", seconds=60)
    assert told["sentence"].startswith("SPAFIT-2-4 is better than Probe by 0.100, which is more than seed noise")
    assert told["remarks"] == [
        "Probe was tried at one learning rate only, so a win or a loss of it may be that rate's."
    ]
    assert (told["test"], told["n"], told["clear"]) == ("paired", [3, 3], True)


def test_no_difference_has_no_remark_on_rates() -> None:
    told = two_settings("a", "b", {"a": GOOD, "b": {"0": 0.8, "1": 0.80, "2": 0.83}}, {})
    assert (told["clear"], told["remarks"]) == (False, [])


def test_a_map_with_its_reference_says_how_many_differ() -> None:
    scores = {"reference": GOOD, "like it": {"0": 0.805, "1": 0.806, "2": 0.822}, "worse": BAD, "once": {"7": 0.8}}
    scores["collapsed"] = {"0": 0.5, "1": 0.5, "2": 0.4}
    told = json.loads(json.dumps(with_reference(scores, "reference", 0.5)))
    assert told["sentence"].startswith("Of 2 settings compared with reference by Holm (error pooled over the map, 4 ")
    assert "0 are better and 1 worse by more than seed noise; 2 have too few runs." in told["sentence"]
    assert told["sentence"].endswith(
        "The best of 5 is itself an optimistic choice: its own luck is part of why it is the best."
    )
    assert told["left_out"] == [["collapsed", 0], ["collapsed", 1], ["collapsed", 2]]
    assert {one["setting"]: one["clear"] for one in told["against"]}["worse"] is True
    assert with_reference(scores, "reference", None)["left_out"] == []


def test_noise_of_the_examples_out_of_kept_predictions() -> None:
    labels, rows = np.arange(200) % 2, np.arange(200)
    store, runs = Store.open(), {"a": ["aaaaaaa2", "aaaaaaa3"], "b": ["aaaaaaa4"]}
    for run_id, wrong in (("aaaaaaa2", 10), ("aaaaaaa3", 4), ("aaaaaaa4", 3)):
        outputs = np.eye(2, dtype=np.float32)[np.where(rows % wrong == 0, 1 - labels, labels)]
        save_predictions(store.folder(run_id), {"validation": Predictions(outputs, labels, rows)})

    def said() -> list[str]:
        return two_settings("a", "b", {"a": GOOD, "b": BAD}, {}, runs, "accuracy")["examples"]

    low, high = map(float, re.findall(r"a (0\.\d+) to (0\.\d+)", said()[0])[0])
    assert "the 200 validation examples alone" in said()[0]
    assert 0.75 < low < (0.9 + 0.75) / 2 < high < 0.9, "Both runs count."
    assert said()[1].endswith("which leaves out 0.")
    other = Predictions(outputs, 1 - labels, rows)
    save_predictions(store.folder("aaaaaaa2"), {"validation": other})
    assert "different validation examples" in said()[0]
    (store.folder("aaaaaaa2") / "predictions.npz").unlink()
    assert "kept no predictions" in said()[0]


@pytest.fixture
def shipped(monkeypatch: pytest.MonkeyPatch) -> kept.MapFile:
    """Return the recorded map of Rotten Tomatoes that comes with the project."""
    monkeypatch.delenv(kept.NO_RECORDED)
    return next(made for made in kept.maps() if made.task == "rotten-tomatoes")


def test_cells_of_a_recorded_map_have_the_noise_of_its_examples(shipped: kept.MapFile) -> None:
    """Beside a run that was made here, on the same examples."""
    measured = measured_map(group(shipped.runs)[0], "accuracy")
    cells = {point["name"]: point for point in measured["cells"]}
    good, bad = cells["SPAFIT-2-3"], cells["SPAFIT-6-6"]
    store = Store.open()
    runs = {point["name"]: point["runs"] for point in (good, bad)}
    told = one_setting("it", good["scores"], runs["SPAFIT-2-3"], "accuracy", measured["baseline"])
    low, high = map(float, re.findall(r"it (0\.\d+) to (0\.\d+)", told["examples"][0])[0])
    assert low < good["mean"] < high and 0.02 < high - low < 0.08
    assert told["sentence"] == "it: 0.746, standard error 0.011 over 3 seeds; baseline 0.501."
    own = recorded(shipped, good["runs"][0])
    save_predictions(store.folder("mymymym2"), {"validation": own})
    runs["SPAFIT-2-3"] = ["mymymym2", *runs["SPAFIT-2-3"][1:]]
    scores = {point["name"]: point["scores"] for point in (good, bad)}
    told = two_settings("SPAFIT-2-3", "SPAFIT-6-6", scores, {}, runs, "accuracy")
    assert told["examples"][1].endswith("which leaves out 0.")
    other = Predictions(own.outputs, 1 - own.labels, own.rows)
    save_predictions(store.folder("mymymym2"), {"validation": other})
    told = two_settings("SPAFIT-2-3", "SPAFIT-6-6", scores, {}, runs, "accuracy")
    assert "different validation examples" in told["examples"][0]


@pytest.mark.parametrize("labels", [[0, 1, 0], [0] * 853 + [7], "no list", [None], [[0], [1]], [10**400]])
def test_predictions_of_a_map_that_somebody_wrote_are_checked(shipped: kept.MapFile, labels: object) -> None:
    examples = {"validation": {"labels": labels, "rows": list(range(len(labels)))}}  # ty: ignore[invalid-argument-type]
    wrong = replace(shipped, document=shipped.document | {"examples": examples})
    with pytest.raises(SpafitError, match="are damaged"):
        recorded(wrong, shipped.runs[0].id)
    with pytest.raises(SpafitError, match="keeps no predictions"):
        recorded(replace(wrong, document=shipped.document | {"examples": {}}), shipped.runs[0].id)

"""The statistics asked in JSON, as a page asks them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np

from spafit.helper import call
from spafit.maps.comparison import two_settings, with_reference
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


def test_noise_of_the_examples_out_of_kept_predictions(tmp_path: Path) -> None:
    labels, rows = np.arange(200) % 2, np.arange(200)
    folders = {"a": [], "b": []}
    for place, (name, wrong) in enumerate((("a", 10), ("a", 11), ("b", 3))):
        outputs = np.eye(2, dtype=np.float32)[np.where(rows % wrong == 0, 1 - labels, labels)]
        save_predictions(tmp_path / str(place), {"validation": Predictions(outputs, labels, rows)})
        folders[name].append(str(tmp_path / str(place)))
    told = two_settings("a", "b", {"a": GOOD, "b": BAD}, {}, folders, "accuracy")["examples"]
    low, high = map(float, re.findall(r"a (0\.\d+) to (0\.\d+)", told[0])[0])
    assert "the 200 validation examples alone" in told[0]
    assert low < 0.9 < high and high - low < 0.1
    assert told[1].endswith("which leaves out 0.")
    other = Predictions(outputs, 1 - labels, rows)
    save_predictions(tmp_path / "0", {"validation": other})
    assert (
        "different validation examples"
        in two_settings("a", "b", {"a": GOOD, "b": BAD}, {}, folders, "accuracy")["examples"][0]
    )
    (tmp_path / "0" / "predictions.npz").unlink()
    assert (
        "kept no predictions" in two_settings("a", "b", {"a": GOOD, "b": BAD}, {}, folders, "accuracy")["examples"][0]
    )

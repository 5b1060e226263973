"""Events survive a trip through JSON, whatever the store does in between."""

import json

import pytest

from spafit.errors import SpafitError
from spafit.training.events import Evaluated, Finished, Phase, Progress, Started, Step, event_from_dict

EVENTS = [
    Phase("data", 0.5),
    Started(250, 1000, 20000, "cpu", "fp32", 1e-3, 2000, 500, 25, 2, ("Prefix cached.", "fp32."), 3.0),
    Step(10, 0.08, 0.69, 1e-4, 4.0, 160),
    Step(250, 2.0, 0.31, 0.0, 14.0, 4000, 1.5),
    Progress(140, 12.0, 30.5),
    Evaluated(25, {"accuracy": 0.75, "f1": 0.7}, 0.5, 5.0, 0.2),
    Finished("finished", {"accuracy": 0.8}, {"accuracy": 0.81}, {"accuracy": 0.5}, 20.0, 250, (("data", 1.0),), 0.03),
    Finished(
        "finished",
        {"accuracy": 0.8},
        {"accuracy": 0.81},
        {"accuracy": 0.5},
        20.0,
        250,
        further_tests={"test_mismatched": {"metrics": {"accuracy": 0.7}, "baseline": {"accuracy": 0.4}}},
    ),
    Finished("stopped", {}, {"accuracy": 0.6}, {}, 4.0, 12),
]


@pytest.mark.parametrize("event", EVENTS, ids=lambda e: e.kind)
def test_round_trip(event):
    assert event_from_dict(json.loads(json.dumps(event.to_dict()))) == event


def test_events_of_earlier_versions_can_still_be_read():
    finished = EVENTS[-1].to_dict()
    started = EVENTS[1].to_dict()
    del finished["further_tests"], started["final_examples"]
    assert event_from_dict(finished) == EVENTS[-1]
    assert event_from_dict(started) == EVENTS[1]


def test_fields_of_a_newer_version_are_ignored_and_missing_ones_named():
    assert event_from_dict({"kind": "phase", "name": "data", "seconds": 1.0, "mood": "good"}) == Phase("data", 1.0)
    with pytest.raises(SpafitError, match="step"):
        event_from_dict({"kind": "step", "step": 3})
    with pytest.raises(SpafitError, match="telegram"):
        event_from_dict({"kind": "telegram"})


def test_a_part_that_a_run_does_not_have_is_refused_where_it_is_told() -> None:
    with pytest.raises(SpafitError, match="no part 'napping'"):
        Phase("napping", 1.0)
    with pytest.raises(SpafitError, match="no part 'napping'"):
        Finished("finished", {}, {}, {}, 1.0, 1, (("napping", 1.0),))

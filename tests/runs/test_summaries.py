"""Where a run's seconds went, from its events."""

from __future__ import annotations

from spafit.runs.summaries import decisions, seconds_by_phase
from spafit.training.events import Evaluated, Finished, Phase, Started, Step

STARTED = Started(4, 10, 100, "cpu", "bf16", 1e-3, 8, 4, 2, 1, ("Layer 1 computed once.",), 3.0)
GOING = [
    Phase("imports", 0.0),
    Phase("data", 1.0),
    Phase("training", 3.0),
    STARTED,
    Step(2, 0.5, 0.7, 1e-3, 5.0, 8),
    Phase("evaluating", 6.0),
    Evaluated(2, {"accuracy": 0.5}, 0.7, 8.0),
    Phase("training", 8.0),
    Step(3, 0.75, 0.6, 1e-3, 9.5, 12),
]
EVENTS = [event.to_dict() for event in GOING]


def test_while_a_run_goes_its_phases_add_up_to_its_latest_event() -> None:
    spent = seconds_by_phase(EVENTS)
    assert spent == [("imports", 1.0), ("data", 2.0), ("training", 4.5), ("evaluating", 2.0)]
    assert sum(seconds for _phase, seconds in spent) == 9.5
    assert seconds_by_phase([]) == []
    assert seconds_by_phase(EVENTS[:1]) == [("imports", 0.0)]


def test_a_phase_that_tells_nothing_lasts_until_now() -> None:
    assert seconds_by_phase(EVENTS, now=20.0) == [
        ("imports", 1.0),
        ("data", 2.0),
        ("training", 15.0),
        ("evaluating", 2.0),
    ]
    assert seconds_by_phase(EVENTS, now=1.0) == seconds_by_phase(EVENTS)
    assert seconds_by_phase([], now=20.0) == []


def test_a_run_that_is_over_is_believed() -> None:
    timeline = (("imports", 1.0), ("training", 9.0))
    finished = Finished("finished", {}, {}, {}, 10.0, 4, timeline).to_dict()
    assert seconds_by_phase([*EVENTS, finished]) == list(timeline)


def test_decisions_are_known_once_everything_is_loaded() -> None:
    assert decisions(EVENTS[:3]) == []
    assert decisions(EVENTS) == ["Precision: bf16 on cpu.", "Layer 1 computed once."]

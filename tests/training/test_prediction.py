"""The prediction before launch, from past runs whose costs are known."""

from dataclasses import replace

import pytest

from spafit.stratification import Method, preset
from spafit.training.config import RunSpec, TrainSettings
from spafit.training.estimates.before_start import PastRun, predict_seconds, work
from spafit.training.events import Finished, Started
from tests.tiny import tiny_anatomy

ANATOMY = tiny_anatomy("bert", 6)
SPEC = RunSpec("minilm-l6", "rotten-tomatoes", preset(Method.SPAFIT, 6, 2, 4), TrainSettings())


def past(spec: RunSpec = SPEC, rate: float = 1e-3, state: str = "finished", examples: int = 2000) -> PastRun:
    """Return a run that took `rate` seconds per unit of work and 5 s besides."""
    seconds = rate * work(spec, ANATOMY, examples, 500)
    timeline = (("imports", 3.0), ("prefix", seconds / 10), ("training", seconds * 0.9), ("final", 2.0))
    started = Started(250, 1, 2, "cpu", "fp32", 1e-3, examples, 500, 25, 2, (), 3.0)
    finished = Finished(state, {}, {}, {}, seconds + 5, 250, timeline)
    return PastRun(spec, started, finished)


def test_the_same_run_again_takes_as_long():
    assert predict_seconds(SPEC, ANATOMY, [past()], 2000, 500) == pytest.approx(
        1e-3 * work(SPEC, ANATOMY, 2000, 500) + 5
    )


def test_a_longer_final_evaluation_takes_longer():
    run = past()
    known = replace(run, started=replace(run.started, final_examples=1000))
    same, more = (predict_seconds(SPEC, ANATOMY, [known], 2000, 500, examples) for examples in (1000, 4000))
    assert same is not None and more == pytest.approx(same + 3 * 2.0)  # the final evaluation took 2 s
    assert (
        predict_seconds(SPEC, ANATOMY, [run], 2000, 500, 4000) == same
    )  # an earlier version did not say how many there were


def test_nothing_is_said_without_a_comparable_run():
    assert predict_seconds(SPEC, ANATOMY, [], 2000, 500) is None
    assert predict_seconds(SPEC, ANATOMY, [past(replace(SPEC, model="other"))], 2000, 500) is None
    assert predict_seconds(SPEC, ANATOMY, [past(state="stopped")], 2000, 500) is None


def test_the_most_similar_runs_decide():
    long_texts = replace(SPEC, settings=TrainSettings(max_length=512))
    other_cut = replace(SPEC, stratification=preset(Method.SPAFIT, 6, 4, 5))
    runs = [past(long_texts, rate=9e-3), past(other_cut, rate=2e-3)]
    assert predict_seconds(SPEC, ANATOMY, runs, 2000, 500) == pytest.approx(2e-3 * work(SPEC, ANATOMY, 2000, 500) + 5)
    assert predict_seconds(SPEC, ANATOMY, [*runs, past(rate=1e-3)], 2000, 500) == pytest.approx(
        1e-3 * work(SPEC, ANATOMY, 2000, 500) + 5
    )


def test_work_follows_what_is_computed():
    def of(strat, **changes):
        return work(RunSpec("m", "t", strat, TrainSettings(**changes)), ANATOMY, 2000, 500)

    deep, shallow = preset(Method.SPAFIT, 6, 5, 5), preset(Method.SPAFIT, 6, 0, 3)
    assert of(deep) < of(shallow) < of(preset(Method.FULL, 6))
    assert of(deep) < of(deep, prefix_cache="off")
    assert of(deep, epochs=4) > of(deep) > of(deep, max_steps=10)
    assert of(shallow, batch_size=32) == pytest.approx(of(shallow), rel=0.02)  # the same examples in fewer steps


def test_layers_in_which_nothing_trains_for_want_of_biases_are_counted_as_frozen():
    """ModernBERT has no biases: its bias stratum is part of the frozen prefix."""
    spec = RunSpec("m", "t", preset(Method.SPAFIT, 6, 1, 5), TrainSettings())
    with_biases, without = (work(spec, tiny_anatomy(family, 6), 2000, 500) for family in ("bert", "modernbert"))
    assert without < with_biases
    deeper = replace(spec, stratification=preset(Method.SPAFIT, 6, 5, 5))
    assert without == work(deeper, ANATOMY, 2000, 500)

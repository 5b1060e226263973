"""What is refused before it is queued, and what fits instead."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spafit.errors import SpafitError
from spafit.runs import Actor, State, Store
from spafit.runs.limits import EXAMPLES, HOURS, LIMITS, QUEUED, QUEUED_BY_OWNER, LimitError, check_examples, check_steps
from spafit.stratification import preset
from spafit.training.config import RunSpec, TrainSettings
from tests.runs.helpers import scripted

ADA, BOB, ROOT = Actor("ada"), Actor("bob"), Actor("root", administrator=True)


def spec(**settings: object) -> RunSpec:
    return RunSpec("tiny", "steps=1", preset("spafit", 6), TrainSettings(**settings))  # ty: ignore[invalid-argument-type]


def test_a_run_of_a_billion_steps_is_refused_with_what_would_fit(store: Store) -> None:
    with pytest.raises(LimitError, match=r"16,000,000,000 training examples.*at most 1,250,000 steps of 16 fit"):
        store.submit(spec(max_steps=10**9))
    assert store.list() == []
    assert store.submit(spec(max_steps=1_250_000))


def test_epochs_count_the_examples_that_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(EXAMPLES.variable, "5000")
    check_examples(spec(train_samples=2000, epochs=2.5))
    with pytest.raises(LimitError, match=r"at most 2.5 epochs of 2,000 fit"):
        check_examples(spec(train_samples=2000, epochs=3.0))
    check_examples(spec(train_samples=None, epochs=3.0))  # how many there are is known once the data is there
    check_steps(spec(), 313)
    with pytest.raises(LimitError, match="at most 312 steps fit"):
        check_steps(spec(), 314)


@given(st.integers(1, 10**9), st.integers(1, 4096), st.integers(1, 64))
def test_the_number_of_steps_said_to_fit_fits(steps: int, batch: int, accumulation: int) -> None:
    try:
        check_examples(spec(max_steps=steps, batch_size=batch, accumulation=accumulation))
    except LimitError as error:
        fitting = int(str(error).split("at most ")[1].split(" ")[0].replace(",", ""))
        assert fitting < steps
        if fitting:
            check_examples(spec(max_steps=fitting, batch_size=batch, accumulation=accumulation))


@pytest.mark.parametrize("nonsense", ["nan", "inf", "0", "-1", "many", "1e400"])
@pytest.mark.parametrize("limit", LIMITS, ids=lambda limit: limit.variable)
def test_a_limit_that_is_no_number_is_one_sentence_and_no_other_number(limit: object, nonsense: str) -> None:
    with pytest.raises(SpafitError, match=f"{limit.variable} must be a number above 0"):  # ty: ignore
        limit.value({limit.variable: nonsense})  # ty: ignore


def test_a_queue_is_full_for_its_owner_first_and_then_for_everybody(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(QUEUED_BY_OWNER.variable, "2")
    monkeypatch.setenv(QUEUED.variable, "3")
    first = store.submit(scripted(), by=ADA)
    store.submit(scripted(), by=ADA)
    with pytest.raises(LimitError, match="2 of your runs wait already"):
        store.submit(scripted(), by=ADA)
    store.submit(scripted(), by=BOB)
    with pytest.raises(LimitError, match="3 runs wait already"):
        store.submit(scripted(), by=BOB)
    store.submit(scripted(), by=ROOT)
    store.submit(scripted())
    store.request_stop(first, ADA)
    with pytest.raises(LimitError):
        store.requeue(first, ADA)
    for run in store.list(state=State.QUEUED):
        store.request_stop(run.id)
    store.requeue(first, ADA)


def test_every_limit_is_documented() -> None:
    from tests.conftest import ROOT as CHECKOUT

    text = (CHECKOUT / "docs" / "runs.md").read_text(encoding="utf-8")
    for limit in LIMITS:
        assert f"| `{limit.variable}` | {limit.default:,g} | {limit.what} |" in text
    assert HOURS in LIMITS

"""The order of the queue, as laws that hold for every queue."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from spafit.runs.queue import next_to_start, order

START = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Waiting:
    number: int
    owner: str
    priority: int
    queued_at: datetime


def at(minute: int) -> datetime:
    return START + timedelta(minutes=minute)


owners = st.sampled_from(["", "Ada", "Grace", "Kay"])
queues = st.lists(st.tuples(owners, st.integers(-1, 1), st.integers(0, 5)), max_size=12).map(
    lambda rows: [Waiting(number, who, priority, at(minute)) for number, (who, priority, minute) in enumerate(rows, 1)]
)
histories = st.dictionaries(owners, st.integers(-100, -1).map(at), max_size=4)


@given(queues, histories)
def test_everybody_is_in_the_order_once(queue: list[Waiting], history: dict[str, datetime]) -> None:
    assert Counter(order(queue, history)) == Counter(queue)


@given(queues, histories)
def test_a_higher_priority_always_goes_first(queue: list[Waiting], history: dict[str, datetime]) -> None:
    priorities = [run.priority for run in order(queue, history)]
    assert priorities == sorted(priorities, reverse=True)


@given(queues, histories)
def test_an_owners_runs_keep_their_order(queue: list[Waiting], history: dict[str, datetime]) -> None:
    for priority in {run.priority for run in queue}:
        for owner in {run.owner for run in queue}:
            mine = [run for run in order(queue, history) if (run.owner, run.priority) == (owner, priority)]
            assert mine == sorted(mine, key=lambda run: (run.queued_at, run.number))


@given(queues, histories)
def test_nobody_gets_two_turns_while_somebody_waits_for_one(queue: list[Waiting], history: dict[str, datetime]) -> None:
    ordered = order(queue, history)
    for place, (run, after) in enumerate(pairwise(ordered)):
        if run.owner == after.owner and run.priority == after.priority:
            rest = ordered[place + 1 :]
            assert not [other for other in rest if other.priority == run.priority and other.owner != run.owner]


@given(queues, histories)
def test_the_order_shown_is_the_order_that_happens(queue: list[Waiting], history: dict[str, datetime]) -> None:
    shown = order(queue, history)
    left, started, happened = list(queue), dict(history), []
    for minute in range(len(queue)):
        run = order(left, started)[0]
        happened.append(run)
        left.remove(run)
        started[run.owner] = at(1000 + minute)
    assert happened == shown


@given(queues, histories, st.randoms())
def test_the_order_does_not_depend_on_how_rows_arrive(
    queue: list[Waiting], history: dict[str, datetime], random: object
) -> None:
    shuffled = list(queue)
    random.shuffle(shuffled)  # ty: ignore
    assert order(shuffled, history) == order(queue, history)


def test_one_run_waits_for_one_run_of_somebody_who_submitted_forty() -> None:
    forty = [Waiting(number, "Ada", 0, at(0)) for number in range(1, 41)]
    one = Waiting(41, "Grace", 0, at(5))
    assert order([*forty, one], {}).index(one) == 1
    assert order([*forty, one], {"Ada": at(-1)}).index(one) == 0


devices = st.sampled_from(["auto", "cpu", "cuda"])


@given(
    st.lists(devices, max_size=6),
    st.sets(st.sampled_from(["cpu", "cuda", None])),
    st.sampled_from([None, "cpu", "cuda"]),
)
def test_a_device_never_gets_a_second_run(requests: list[str], busy: set[str | None], auto: str | None) -> None:
    queue = [(str(place), request) for place, request in enumerate(requests)]
    chosen = next_to_start(queue, busy, auto)
    if not busy:
        assert chosen == ("0" if queue else None)
    elif chosen is not None:
        wanted = requests[int(chosen)] if requests[int(chosen)] != "auto" else auto
        assert None not in busy and wanted is not None and wanted not in busy


def test_a_free_device_is_used_although_the_first_in_line_waits_for_another() -> None:
    queue = [("first", "cuda"), ("second", "cpu")]
    assert next_to_start(queue, {"cuda"}) == "second"
    assert next_to_start(queue, {"cuda", "cpu"}) is None
    assert next_to_start([("first", "auto")], {"cpu"}, None) is None
    assert next_to_start([("first", "auto")], {"cpu"}, "cuda") == "first"

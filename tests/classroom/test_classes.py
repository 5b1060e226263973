"""What a class fixes and bounds holds wherever a run is submitted; its teacher's rights end where the class ends."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spafit import access
from spafit.classroom import guesses, roster, teacher
from spafit.errors import SpafitError
from spafit.export import archive
from spafit.runs import AT_MACHINE, Actor, ForbiddenError, State, Store, audit, classes
from spafit.runs.class_rules import BOUNDARIES, LORA, PARTS, RECIPES, ClassError, Limits, Rules
from spafit.runs.limits import LimitError, check_steps
from spafit.runs.overdue import overtime
from spafit.stratification import preset
from spafit.training.config import SETTINGS, RunSpec
from tests.classroom.made_up import (
    ADA,
    BOB,
    FIRST_GUESS,
    SETTING,
    TEACHER,
    asking,
    course_of,
    joined,
    rules,
    teaching,
)
from tests.pages.made_up import FINISHED, events_until
from tests.strategies import stratifications

ROOT = Actor("root", administrator=True)


class Clock:
    """A clock that tests set."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def pass_minutes(self, minutes: float) -> None:
        self.now += timedelta(minutes=minutes)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(home: Path, clock: Clock) -> Store:
    opened = Store.open()
    opened.clock = clock
    return opened


@pytest.fixture
def shared(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As in a process that serves others."""
    event = threading.Event()
    event.set()
    monkeypatch.setattr(access, "_serving_others", event)
    yield


def finished(store: Store, by: Actor = ADA, spec: RunSpec = SETTING, score: float = 0.8) -> str:
    """Return a run that has finished, with a test score."""
    run_id = store.submit(spec, by=by)
    run = store.claim(run_id, "a test")
    assert run is not None
    store.record(run, [event.to_dict() for event in events_until(5)])
    store.conclude(run, State.FINISHED, events=[replace(FINISHED, validation_metrics={"accuracy": score}).to_dict()])
    return run_id


REFUSED = {
    "another model": (replace(SETTING, model="bert-base-cased"), "the model is minilm-l6; bert-base-cased is not"),
    "another task": (replace(SETTING, task="bbc-news"), "the task is rotten-tomatoes; bbc-news is not"),
    "a recipe": (replace(SETTING, stratification=preset("full", 6)), "the method per stratum is Frozen"),
    "LoRA's rank": (
        replace(SETTING, stratification=preset("spafit", 6, 2, 4, lora=replace(SETTING.stratification.lora, rank=64))),
        "LoRA's rank is 8; 64 is not allowed",
    ),
    "another depth": (replace(SETTING, stratification=preset("spafit", 12, 2, 4)), "the number of layers is 6; 12"),
    "the batch size": (asking(batch_size=64), "Batch size is 16; 64 is not allowed"),
    "the device": (asking(device="cuda"), "is auto; cuda is not allowed"),
    "too many examples": (asking(epochs=50.0), "Epochs is 2; 50 is not allowed"),
}


@pytest.mark.parametrize(("spec", "sentence"), REFUSED.values(), ids=list(REFUSED))
def test_a_student_who_edits_what_is_locked_gets_a_sentence(store: Store, spec: RunSpec, sentence: str) -> None:
    joined(store, course_of(store))
    with pytest.raises(ClassError, match=f"In this class .*{sentence}"):
        store.submit(spec, by=ADA)
    assert store.list() == []


def test_what_may_be_changed_may_be_changed_and_the_run_belongs_to_the_class(store: Store) -> None:
    course = course_of(store)
    joined(store, course)
    run = store.get(store.submit(asking(0, 6, learning_rate=0.01, seed=7), by=ADA, owner="Bob"))
    assert (run.class_id, run.owner, run.owner_id) == (course.id, "Ada", "ada"), "Whatever they call themselves."
    assert (run.limit_examples, run.limit_seconds) == (5000, 300)
    other = store.get(store.submit(replace(SETTING, task="bbc-news"), by=BOB))
    assert other.class_id is None, "Whoever is in no class is bound by none."


open_parts = st.frozensets(st.sampled_from([*PARTS, *SETTINGS]))


@given(open_parts, stratifications(6), st.integers(0, 9), st.sampled_from([1e-4, 0.01, None]))
def test_what_is_held_is_allowed_and_what_is_allowed_is_held(may_change, wished, seed, rate) -> None:
    of = Rules(SETTING, may_change)
    settings = replace(SETTING.settings, seed=seed, learning_rate=rate)
    spec = RunSpec("bert-base-cased", "bbc-news", wished, settings)
    held = of.held(spec)
    of.check(held)
    assert of.held(held) == held
    assert (held.model, held.task) == (SETTING.model, SETTING.task)
    if not may_change & {BOUNDARIES, RECIPES, LORA}:
        assert held.stratification == SETTING.stratification
    assert Rules.from_dict(of.to_dict()) == of


def test_a_student_has_so_many_runs_and_so_many_at_once(store: Store) -> None:
    joined(store, course_of(store, rules(Limits(runs=3, at_once=2))))
    first, second = store.submit(asking(seed=1), by=ADA), store.submit(asking(seed=2), by=ADA)
    with pytest.raises(ClassError, match="2 of your runs wait or go, as many as this class allows at once"):
        store.submit(asking(seed=3), by=ADA)
    store.request_stop(first, ADA)
    store.submit(asking(seed=3), by=ADA)
    store.request_stop(second, ADA)
    with pytest.raises(ClassError, match="You have started 3 runs, as many as this class allows"):
        store.submit(asking(seed=4), by=ADA)
    store.requeue(first, ADA)
    with pytest.raises(ClassError, match="at once"):
        store.requeue(second, ADA)
    store.delete(second, ADA)
    for run in store.list():
        store.request_stop(run.id, ADA)
    with pytest.raises(ClassError, match="You have started 3 runs"):
        store.submit(asking(seed=4), by=ADA)
    course = classes.taught_by(store.engine, TEACHER.id)[0]
    teacher.reset(store, teaching(course), course)
    assert audit.history(store.engine, second) == []
    assert store.submit(asking(seed=4), by=ADA), "After a reset everybody begins anew."


def test_what_the_class_measured_or_measures_is_not_measured_again(store: Store) -> None:
    joined(store, course_of(store, rules(may_change=frozenset({"seed", "device", "learning_rate"}))))
    joined(store, classes.taught_by(store.engine, TEACHER.id)[0], BOB, "Bob")
    first = store.submit(SETTING, by=ADA)
    with pytest.raises(ClassError, match=f"^Being measured by Ada .run {first}.: the same setting, data and seed"):
        store.submit(SETTING, by=BOB)
    store.request_stop(first, ADA)
    run_id = finished(store, BOB)
    store.archive(run_id, by=BOB)
    for same in (SETTING, asking(device="cpu"), asking(learning_rate=SETTING.learning_rate)):
        with pytest.raises(ClassError, match=f"^Already measured by Bob .run {run_id}.: .* choose another seed"):
            store.submit(same, by=ADA)
    with pytest.raises(ClassError, match="Already measured by Bob"):
        store.requeue(first, ADA)
    assert store.submit(asking(seed=1), by=ADA)
    assert store.submit(SETTING), "Whoever is in no class measures what they like."


def test_a_run_takes_no_more_examples_and_minutes_than_the_class_allows(store: Store, clock: Clock) -> None:
    course = course_of(store, rules(Limits(examples=600, minutes=2), may_change=frozenset({"epochs", "max_steps"})))
    joined(store, course)
    with pytest.raises(LimitError, match=r"1,000 training examples.* 600 in this class: at most 1.2 epochs of 500"):
        store.submit(SETTING, by=ADA)
    with pytest.raises(LimitError, match=r"in this class: at most 37 steps of 16 fit"):
        store.submit(asking(max_steps=1000), by=ADA)
    run = store.claim(store.submit(asking(epochs=1.0), by=ADA), "me")
    assert run is not None
    with pytest.raises(LimitError, match="600 in this class: at most 37 steps fit"):
        check_steps(run.spec, 100, run.limit_examples)
    assert overtime(run, clock.now + timedelta(minutes=2)) is None
    assert overtime(run, clock.now + timedelta(minutes=3)) == (
        "It took longer than the 2 minutes that a run may take in this class and was ended."
    )
    teacher.set_limits(store, teaching(course), course, Limits(examples=600, minutes=10))
    assert overtime(store.get(run.id), clock.now + timedelta(minutes=3)) is None, "Extended while it goes."


def test_a_paused_class_starts_nothing_and_an_ended_one_neither(store: Store, clock: Clock) -> None:
    course = course_of(store)
    member = joined(store, course)
    waiting = store.submit(SETTING, by=ADA)
    teacher.pause(store, teaching(course), course, True)
    assert store.waiting() == [] and store.get(waiting).position is None
    with pytest.raises(ClassError, match="Room 3 is paused"):
        store.submit(SETTING, by=ADA)
    with pytest.raises(ClassError, match="until it ends"):
        roster.leave(store, member)
    teacher.pause(store, teaching(course), course, False)
    assert [run.id for run in store.waiting()] == [waiting]
    clock.pass_minutes(45)
    for refused in (lambda: store.submit(SETTING, by=ADA), lambda: joined(store, course, BOB, "Bob")):
        with pytest.raises(ClassError, match="Room 3 has ended"):
            refused()
    with pytest.raises(ClassError, match="has ended"):
        guesses.place(store, course, member, FIRST_GUESS)
    teacher.end_after(store, teaching(course), course, 10)
    store.submit(asking(seed=1), by=ADA)
    teacher.end_after(store, teaching(course), course, 0)
    roster.leave(store, member)
    assert store.get(store.submit(replace(SETTING, task="bbc-news"), by=ADA)).class_id is None


def test_nobody_steps_out_of_a_class_into_another(store: Store) -> None:
    first = course_of(store)
    joined(store, first)
    ada_teaches = course_of(store, rules(may_change=frozenset(PARTS)), by=ADA)
    with pytest.raises(ClassError, match="You are in the class Room 3 until it ends"):
        joined(store, ada_teaches)
    with pytest.raises(ClassError, match="method per stratum"):
        store.submit(replace(SETTING, stratification=preset("full", 6)), by=teaching(ada_teaches, ADA))
    with pytest.raises(ClassError, match="one at a time"):
        store.submit(SETTING, by=ADA, sweep="abc")
    with pytest.raises(ClassError, match="one at a time"):
        store.check_room(3, ADA)


def test_a_class_that_has_the_server_to_itself(store: Store, clock: Clock) -> None:
    with pytest.raises(ForbiddenError, match="Only an administrator"):
        course_of(store, alone=True)
    course = course_of(store, by=ROOT, alone=True)
    with pytest.raises(ClassError, match="has this server to itself now; join it"):
        store.submit(SETTING, by=BOB)
    joined(store, course)
    store.submit(SETTING, by=ADA)
    store.submit(SETTING, by=teaching(course))
    store.submit(SETTING, by=AT_MACHINE)
    clock.pass_minutes(46)
    store.submit(SETTING, by=BOB)


def test_a_student_guesses_before_the_first_run_once_and_not_too_late(store: Store) -> None:
    course = course_of(store, rules(guess_first=True))
    ada, bob = joined(store, course), joined(store, course, BOB, "Bob")
    with pytest.raises(ClassError, match="Guess first, on the Class page"):
        store.submit(SETTING, by=ADA)
    for kind, wrong in ((guesses.CELL, [5, 2]), (guesses.CELL, [0, 7]), (guesses.SCORE, float("nan"))):
        with pytest.raises(ClassError, match=r"^Guess "):
            guesses.place(store, course, ada, FIRST_GUESS | {kind: wrong})
    guesses.place(store, course, ada, FIRST_GUESS)
    with pytest.raises(ClassError, match="locked"):
        guesses.place(store, course, ada, FIRST_GUESS | {guesses.SCORE: 0.81})
    finished(store)
    made = guesses.of_class(store, course.id)
    truth = {guesses.CELL: [2, 4], guesses.SCORE: 0.816, guesses.LAYER: 4}
    teacher.reveal_guesses(store, teaching(course), course, truth, guesses.scored(made, truth))
    reached = {guess.kind: guess.points for guess in guesses.of_class(store, course.id) if guess.owner_id == "ada"}
    assert reached == {guesses.CELL: 3, guesses.SCORE: 2, guesses.LAYER: 1}
    with pytest.raises(ClassError, match="too late"):
        guesses.place(store, course, bob, FIRST_GUESS)
    assert store.submit(asking(seed=1), by=BOB)


def test_a_nickname_is_one_students_and_the_student_comes_back_as_who_they_were(store: Store, clock: Clock) -> None:
    course = course_of(store)
    ada = joined(store, course)
    for like in ("Ada", "ada", " A d a", "Adа"):
        with pytest.raises(ClassError):
            joined(store, course, BOB, like)
    assert joined(store, course, ADA, "Bob").nickname == "Ada", "Nobody becomes somebody else by joining again."
    with pytest.raises(ClassError, match="no class with that code"):
        roster.join(store, BOB, "nonsense", "Bob")
    with pytest.raises(ClassError, match="allow cookies"):
        roster.join(store, Actor(), course.code, "Bob")
    bob = roster.join(store, BOB, f" {course.code.upper()[:3]}-{course.code[3:]} ", "Bob")
    assert [member.number for member in (ada, bob)] == [1, 2]
    teacher.close(store, teaching(course), course, True)
    with pytest.raises(ClassError, match="Nobody joins"):
        joined(store, course, Actor("cem"), "Cem")
    teacher.remove(store, teaching(course), course, bob)
    assert classes.membership(store.engine, "bob") is None
    assert joined(store, course, BOB, "Eve").nickname == "Bob"
    again = Store(store.engine, store.home, clock)  # the server was restarted
    assert classes.membership(again.engine, "ada") == (classes.get(again.engine, course.id), ada)


def test_a_teacher_may_do_all_within_the_class_and_nothing_beyond(store: Store) -> None:
    course = course_of(store)
    joined(store, course)
    run, beyond = store.submit(SETTING, by=ADA), store.submit(SETTING, by=BOB)
    eve = course_of(store, by=Actor("eve"))
    for actor in (teaching(eve, Actor("eve")), BOB, ADA):
        for act in (
            lambda by: teacher.pause(store, by, course, True),
            lambda by: teacher.close(store, by, course, True),
            lambda by: teacher.end_after(store, by, course, 0),
            lambda by: teacher.set_limits(store, by, course, Limits(runs=1000)),
            lambda by: teacher.anonymise(store, by, course, True),
            lambda by: teacher.reveal_test(store, by, course),
            lambda by: teacher.reveal_guesses(store, by, course, {}, {}),
            lambda by: teacher.stop_all(store, by, course),
            lambda by: teacher.reset(store, by, course),
            lambda by: teacher.delete_class(store, by, course),
        ):
            with pytest.raises(ForbiddenError, match="Only the teacher"):
                act(actor)
    assert classes.get(store.engine, course.id) == course
    for stranger in (BOB, teaching(eve, Actor("eve"))):
        with pytest.raises(ForbiddenError):
            store.request_stop(run, stranger)
    with pytest.raises(ForbiddenError):
        store.request_stop(beyond, teaching(course))
    store.request_stop(run, teaching(course))
    assert store.get(run).state is State.STOPPED


def test_the_teachers_key_is_shown_once_kept_hashed_and_opens_this_class_alone(store: Store) -> None:
    course, key = teacher.create(store, TEACHER, "Room 3", rules(), minutes=45)
    assert key not in (store.home / "spafit.db").read_bytes().decode("latin-1")
    for wrong in ("", key[:-1], course.code):
        with pytest.raises(ClassError, match="not the teacher's key"):
            teacher.enter_key(store, BOB, course.code, wrong)
    other = course_of(store)
    with pytest.raises(ClassError, match="not the teacher's key"):
        teacher.enter_key(store, BOB, other.code, key)
    teacher.enter_key(store, BOB, course.code, key)
    assert [one.id for one in classes.taught_by(store.engine, "bob")] == [course.id]


def test_the_test_score_is_seen_when_the_teacher_opens_it(store: Store, shared: None) -> None:
    course = course_of(store)
    joined(store, course)
    run_id = finished(store)

    def seen() -> tuple[bool, bool]:
        event = store.events(run_id)[-1][1]
        return bool(store.get(run_id).tests or store.list()[0].metrics), bool(event["metrics"] or event["baseline"])

    assert seen() == (False, False)
    assert store.get(run_id).validation_metrics == {"accuracy": 0.8}
    with pytest.raises(ForbiddenError, match="closed until its teacher opens them"):
        archive.make(run_id, for_others=True)
    teacher.reveal_test(store, teaching(course), course)
    assert seen() == (True, True)
    with pytest.raises(SpafitError, match="no saved weights"):
        archive.make(run_id, for_others=True)


def test_anonymous_is_anonymous_everywhere(store: Store) -> None:
    course = course_of(store)
    joined(store, course, BOB, "Bob"), joined(store, course)
    run_id = store.submit(SETTING, by=ADA)
    teacher.anonymise(store, teaching(course), course, True)
    later = store.submit(asking(seed=1), by=ADA)
    assert {store.get(one).owner for one in (run_id, later)} == {"Student 2"}
    teacher.anonymise(store, teaching(course), course, False)
    assert {store.get(one).owner for one in (run_id, later)} == {"Ada"}


def test_deleting_a_class_deletes_what_belongs_to_it_and_nothing_else(store: Store) -> None:
    course = course_of(store)
    ada = joined(store, course)
    guesses.place(store, course, ada, FIRST_GUESS)
    done, others = finished(store), finished(store, BOB)
    store.folder(done).mkdir(parents=True)
    going = store.claim(store.submit(asking(seed=1), by=ADA), "me")
    assert going is not None
    with pytest.raises(ClassError, match="1 run is ending"):
        teacher.delete_class(store, teaching(course), course)
    store.conclude(going, State.STOPPED)
    teacher.delete_class(store, teaching(course), course)
    assert [run.id for run in store.list(archived=None)] == [others]
    assert not store.folder(done).exists()
    assert classes.membership(store.engine, "ada") is None
    with pytest.raises(ClassError, match="does not exist any more"):
        classes.get(store.engine, course.id)
    with store.engine.connect() as connection:
        for table in ("class_members", "class_guesses", "class_teachers", "classes"):
            assert connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar() == 0
        kept = connection.exec_driver_sql("SELECT DISTINCT subject FROM actions").scalars().all()
    assert kept == [others]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda s: course_of(s, minutes=0), "ends after a whole number of minutes"),
        (lambda s: course_of(s, minutes=10**6), "ends after a whole number of minutes"),
        (lambda s: teacher.create(s, TEACHER, " \u202e\n ", rules(), minutes=5), "a name"),
        (lambda s: course_of(s, rules(Limits(runs=0))), "Runs of a student must be"),
        (lambda s: course_of(s, rules(Limits(minutes=float("inf")))), "Minutes of a run must be"),
        (lambda s: course_of(s, rules(may_change=frozenset({"price"}))), "cannot leave open 'price'"),
        (lambda s: course_of(s, by=Actor()), "allow cookies"),
        (lambda s: course_of(s, rules(setting=replace(SETTING, model="/etc"))), "shared server"),
    ],
)
def test_a_class_that_cannot_be_is_a_sentence(store: Store, change, sentence: str) -> None:
    with pytest.raises(SpafitError, match=sentence):
        change(store)

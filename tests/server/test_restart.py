"""The server is restarted in mid-lesson: another process on the same data, and everybody is who they were."""

from __future__ import annotations

from pathlib import Path

from streamlit.proto.WidgetStates_pb2 import WidgetState

from spafit.classroom import guesses, roster, teacher
from spafit.runs import State, classes, owners
from spafit.runs.class_rules import Limits, Rules
from spafit.stratification import preset
from spafit.training.config import QUICK, RunSpec
from tests.server.conftest import serving
from tests.server.raw import Visitor
from tests.server.starting import free_port
from tests.server.test_class_doors import join

SETTING = RunSpec("minilm-l6", "rotten-tomatoes", preset("spafit", 6, 2, 4), QUICK)


def test_a_restart_in_mid_lesson_loses_nothing_and_nobody(tmp_path: Path) -> None:
    port = free_port()
    with serving(tmp_path, "--shared", port=port) as server:
        teachers, ada, bob = (Visitor.arriving(server.url) for _ in range(3))
        me = owners.actor_of(server.store, teachers.cookie, enrol=True)
        course, _key = teacher.create(server.store, me, "Room 3", Rules(SETTING, limits=Limits()), minutes=60)
        page = join(ada, course, "Ada")
        join(bob, course, "Bob")
        page.press("Lock my guess")
        ada.open("train").press("Start training")
        before = (roster.members(server.store, course.id), guesses.of_class(server.store, course.id))
        (run,) = server.store.list(class_id=course.id)
    with serving(tmp_path, "--shared", port=port) as server:
        said = Visitor(server.url, ada.cookie).open("classroom", session=page.id).said
        assert "You are **Ada**" in said and "Your guess: " in said and "place 1 in the queue" in said
        assert classes.get(server.store.engine, course.id) == course
        members, made = roster.members(server.store, course.id), guesses.of_class(server.store, course.id)
        assert [(one.nickname, one.number, one.owner_id) for one in members] == [
            (one.nickname, one.number, one.owner_id) for one in before[0]
        ]
        assert (made, server.store.get(run.id).state) == (before[1], State.QUEUED)
        assert "is taken in this class" in join(Visitor.arriving(server.url), course, "Ada").said
        page = bob.open("classroom")
        lock = page.find("Lock my guess")
        page.run(WidgetState(id=lock.id, trigger_value=True))
        assert "2 students have guessed" in page.said
        teachers.open("teach", f"class={course.id}").press("Pause all")
        assert classes.get(server.store.engine, course.id).paused, "The teacher is the teacher."
        ada.open("runs", f"run={run.id}").press("Stop it")
        assert server.store.get(run.id).state is State.STOPPED, "Ada's run is Ada's."

"""Two presses that reach the server one right after the other: both count, in their order, and none waits for drawing.

The page is one of its own, served with the project's options: its callbacks and its drawing wait for each other, which
makes certain what a busy server makes likely.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Event

import pytest

from tests.server.raw import ANSWER_SECONDS, Session, Visitor
from tests.server.starting import ROOT, free_port, healthy

PAGE = """
import time
from pathlib import Path
from threading import Event

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.scriptrunner_utils.script_requests import ScriptRequestType

from spafit.ui.presses import carried_out, carry_out_presses, once

carry_out_presses()


def note(what):
    st.session_state.notes = [*st.session_state.get("notes", []), what]


def wait_until(reached):
    deadline = time.monotonic() + 30
    while not reached() and time.monotonic() < deadline:
        Event().wait(0.01)
    return reached()


def first():
    note("first begins")
    note_another()
    note("first ends")


def note_another():
    requests = get_script_run_ctx().script_requests
    wait_until(lambda: requests._state is not ScriptRequestType.CONTINUE)
    note("another waits" if requests._state is ScriptRequestType.RERUN else "another does not wait")


def second():
    note("second")
    Path("second").touch()


@st.fragment
def clock():
    st.text("tick")


clock()
st.button("First", on_click=first)
st.button("Second", on_click=second)
if st.button("Count", key=once("count")):
    with carried_out("count"):
        Path("counting").touch()
        note_another()
        note("counted")
if st.button("Draw for long"):
    Path("drawing").touch()
    Path("late" if not wait_until(Path("second").exists) else "in time").touch()
st.text(", ".join(st.session_state.get("notes", [])))
"""


@pytest.fixture
def page(tmp_path: Path) -> Iterator[Session]:
    """Open the page in a session of its own."""
    (tmp_path / "page.py").write_text(PAGE)
    shutil.copytree(ROOT / ".streamlit", tmp_path / ".streamlit")
    port, log = free_port(), tmp_path / "server.log"
    command = [sys.executable, "-m", "streamlit", "run", "page.py", "--server.headless=true", f"--server.port={port}"]
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=tmp_path, stdout=output, stderr=subprocess.STDOUT)
        try:
            healthy(f"http://127.0.0.1:{port}", process, log)
            yield Visitor(f"http://127.0.0.1:{port}").open()
        finally:
            process.terminate()
            process.wait(timeout=20)


def appears(path: Path) -> bool:
    """Wait until a file is there; return whether it is."""
    deadline = time.monotonic() + ANSWER_SECONDS
    while not path.exists() and time.monotonic() < deadline:
        Event().wait(0.01)
    return path.exists()


def test_a_press_during_another_ones_callback_comes_after_it(page: Session) -> None:
    first, second = page.pressed("First"), page.pressed("Second")
    page.ask(first)
    page.ask(second)
    page.read()
    assert "first begins, another waits, first ends, second" in page.said


def test_the_second_press_of_a_double_click_waits_and_finds_the_button_gone(page: Session, tmp_path: Path) -> None:
    counting = tmp_path / "counting"
    for times in (1, 2):
        press = page.pressed("Count")
        page.ask(press)
        assert appears(counting)
        counting.unlink()
        page.ask(press)
        page.read()
        assert ", ".join(times * ["another waits, counted"]) in page.said
        assert not counting.exists()


def test_a_page_that_is_being_drawn_gives_way_at_once(page: Session, tmp_path: Path) -> None:
    second, clock = page.pressed("Second"), next(delta.fragment_id for delta in page.deltas if delta.fragment_id)
    page.ask(page.pressed("Draw for long"))
    assert appears(tmp_path / "drawing")
    page.ask(clock=clock)
    page.ask(second)
    page.read()
    assert "second" in page.said
    assert appears(tmp_path / "in time")

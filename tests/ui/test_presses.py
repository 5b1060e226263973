"""A press is carried out whole: a request that comes while its callback runs, or just before, takes nothing from it."""

import functools
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from threading import Barrier, BrokenBarrierError, Thread

import pytest
from streamlit.runtime.app_session import AppSession
from streamlit.runtime.scriptrunner import RerunData, get_script_run_ctx
from streamlit.runtime.scriptrunner.script_runner import ScriptRunner
from streamlit.runtime.state.safe_session_state import SafeSessionState
from streamlit.testing.v1 import AppTest

from spafit.ui.presses import carry_out_presses


def page() -> None:
    """Draw a button that starts something, one whose callback another request meets, one that asks for another run."""
    from contextlib import suppress

    import streamlit as st

    from spafit.errors import SpafitError
    from spafit.ui.presses import carried_out, carry_out_presses, once
    from tests.ui.test_presses import another_request

    carry_out_presses()

    def press() -> None:
        st.session_state.begun = st.session_state.get("begun", 0) + 1
        another_request()
        st.toast("drawn")
        st.session_state.ended = st.session_state.get("ended", 0) + 1

    def begin() -> None:
        another_request()
        st.rerun()

    if st.button("Start", key=once("start")):
        with suppress(SpafitError), carried_out("start"):
            if not st.session_state.setdefault("failed", False):
                st.session_state.failed = True
                raise SpafitError("No.")
            st.session_state.started = st.session_state.get("started", 0) + 1

    st.button("Press", on_click=press)
    st.button("Begin", on_click=begin)
    st.session_state.runs = st.session_state.get("runs", 0) + 1


def another_request() -> None:
    """Ask for another run of the whole page, as a press elsewhere does."""
    context = get_script_run_ctx()
    assert context is not None and context.script_requests is not None
    assert context.script_requests.request_rerun(RerunData(page_script_hash=context.page_script_hash))


def test_it_is_arranged_once_however_many_pages_begin_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    looked = Barrier(2, timeout=1)  # broken where the second one has to wait for the first
    arranged = []

    class Looked:
        """What the two look at: each goes on when both have looked."""

        def __get__(self, *_: object) -> Callable[[], None]:
            with suppress(BrokenBarrierError):
                looked.wait()
            return lambda: None

    def arrange(method: Callable[[], None]) -> Callable[[], None]:
        arranged.append(method)
        return functools.wraps(method)(lambda: None)

    monkeypatch.setattr(SafeSessionState, "on_script_will_rerun", SafeSessionState.on_script_will_rerun)
    monkeypatch.setattr(AppSession, "request_rerun", Looked())
    monkeypatch.setattr("spafit.ui.presses._in_turn", arrange)
    threads = [Thread(target=carry_out_presses) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(arranged) == 1


def test_a_request_that_comes_during_a_callback_waits_for_its_end() -> None:
    app = AppTest.from_function(page).run()
    app.button[1].click().run()
    assert app.session_state.begun == 1 and app.session_state.ended == 1
    assert app.session_state.runs == 2  # the one that came takes the place of the press's own


def test_a_request_that_comes_just_before_a_callback_waits_too(monkeypatch: pytest.MonkeyPatch) -> None:
    app = AppTest.from_function(page).run()
    executing, came = ScriptRunner._set_execing_flag, []

    @contextmanager
    def executing_with_company(runner: ScriptRunner) -> Generator[None]:
        with executing(runner):
            if not came:
                came.append(another_request())
            yield

    monkeypatch.setattr(ScriptRunner, "_set_execing_flag", executing_with_company)
    app.button[1].click().run()
    assert came and app.session_state.begun == 1 and app.session_state.ended == 1


def test_a_callback_may_still_ask_for_another_run() -> None:
    app = AppTest.from_function(page).run()
    app.button[2].click().run()
    assert not app.exception and app.session_state.runs == 2


def test_a_button_is_another_one_once_what_it_starts_was_started() -> None:
    app = AppTest.from_function(page).run()
    app.button(key="start").click().run()
    assert "started" not in app.session_state
    app.button(key="start").click().run()  # the press that failed left it there
    assert app.session_state.started == 1
    app.run()
    app.button(key="start_1").click().run()
    assert app.session_state.started == 2


def attaching() -> None:
    """Attach a run in the first run of the script, and say which is attached in the others."""
    import streamlit as st

    from spafit.ui.state import attach, attached_run

    if "said" in st.session_state:
        st.session_state.said = attached_run()
    else:
        st.session_state.said = None
        attach("new")


@pytest.mark.parametrize("before", [None, "old"])
def test_a_press_made_before_the_browser_had_a_new_runs_address_keeps_the_run(before: str | None) -> None:
    app = AppTest.from_function(attaching).run()
    del app.query_params["run"]
    if before:
        app.query_params["run"] = before
    assert app.run().session_state.said == "new" and app.query_params["run"] == "new"
    assert app.run().session_state.said == "new"
    del app.query_params["run"]
    assert app.run().session_state.said is None  # the browser's Back

"""Pages run without a browser, on a store with runs made up for the test and nobody who works on the queue."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from spafit.runs import Run, State, Store
from spafit.runs.launch import supervisor_lock
from spafit.stratification import preset
from spafit.training.config import QUICK, RunSpec
from tests.pages.made_up import FINISHED, STEPS, events_until

ROOT = Path(__file__).parents[2]
Maker = Callable[..., Run]


@pytest.fixture(autouse=True)
def helpers(request: pytest.FixtureRequest) -> None:
    """Do what helper processes do in this one, unless the test is marked ``own_process``."""
    if "own_process" not in request.keywords:
        request.getfixturevalue("helpers_in_process")


@pytest.fixture
def store(home: Path) -> Iterator[Store]:
    """Yield the test's own store. Its supervisor's place is taken, so that queued runs stay queued."""
    opened = Store.open()
    with supervisor_lock(home):
        yield opened


@pytest.fixture
def make_run(store: Store) -> Maker:
    """Return a function that stores a run: `make_run("failed", owner="Ada", method="bitfit", steps=10)`."""

    def make(
        state: str,
        *,
        owner: str = "",
        method: str = "spafit",
        seed: int = 0,
        steps: int = STEPS,
        reason: str = "",
        score: float = 0.81,
        rate: float | None = None,
    ) -> Run:
        spec = RunSpec("minilm-l6", "rotten-tomatoes", preset(method, 6), replace(QUICK, seed=seed, learning_rate=rate))
        run_id = store.submit(spec, owner=owner)
        if state == State.QUEUED:
            return store.get(run_id)
        run = store.claim(run_id, "a test")
        assert run is not None
        store.attach(run, "1:1", {"torch": "2.13.0"}, {"cpu": "A processor", "cores": 2})
        store.record(run, [event.to_dict() for event in events_until(steps)])
        if state == State.FINISHED:
            store.conclude(
                run, State.FINISHED, events=[replace(FINISHED, validation_metrics={"accuracy": score}).to_dict()]
            )
        elif state != State.RUNNING:
            store.conclude(run, State(state), reason)
        return store.get(run_id)

    return make


@pytest.fixture
def open_page(store: Store) -> Callable[..., AppTest]:
    """Return a function that opens a page as the first of a session: `open_page("pages/runs.py", run="k7m2p9xw")`."""

    def opened(page: str = "app.py", **query: str) -> AppTest:
        app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
        for name, value in query.items():
            app.query_params[name] = value
        if page != "app.py":
            app.switch_page(page)
        app.run()
        assert not app.exception, app.exception
        return app

    return opened

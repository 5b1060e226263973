"""Explore opens an adapter as its stratification."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from streamlit.testing.v1 import AppTest

from spafit.export.folder import export
from spafit.stratification import preset
from tests.pages.made_up import words
from tests.trained.runs import trained_run


def test_an_adapter_opens_as_its_stratification_with_its_counts(
    open_page: Callable[..., AppTest], tmp_path: Path
) -> None:
    whole = trained_run(tmp_path, "bert", preset("spafit", 3, 1, 2))
    export(whole, tmp_path / "out", "adapter")
    app = open_page("pages/explore.py")
    app.text_input(key="explore_adapter_place").set_value(str(tmp_path / "nowhere"))
    app.button(key="explore_open_adapter").click().run()
    assert "is no Hub id such as" in words(app)
    app.text_input(key="explore_adapter_place").set_value(str(tmp_path / "out"))
    app.button(key="explore_open_adapter").click().run(timeout=60)
    assert not app.exception
    chosen = app.session_state["choice"]
    assert (chosen.stratification.name, chosen.assumptions.num_labels) == ("SPAFIT-1-2", 3)
    assert "the boundaries say all of it" in "".join(box.label for box in app.expander)
    table = next(frame.value for frame in app.dataframe if "not expressed" in frame.value)
    assert (table["trained"] == table["as strata"]).all() and not table["not expressed"].any()

"""Data: a task explained and looked at, the overview, and data sets of one's own from upload to deletion."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from spafit.models import BUNDLED, weights_folder
from spafit.tasks import get_task, intake, list_tasks, preparation, preview, stored
from spafit.training.config import QUICK
from tests.glue_layout import write_task
from tests.pages.made_up import words

Opener = Callable[..., AppTest]
DATA = "pages/data.py"
ROOT = Path(__file__).parents[2]


@pytest.fixture
def looked_at(store: object) -> None:
    """The preview of Rotten Tomatoes made beforehand, in this process, so that the page need not start one."""
    preview.make("rotten-tomatoes", str(weights_folder(BUNDLED, allow_download=False)))


def own_data(open_page: Opener, looked_at: None) -> AppTest:
    app = open_page(DATA)
    app.session_state["data_tab"] = "Your own data"
    return app.run()


def metrics(app: AppTest) -> dict[str, str]:
    return {metric.label: metric.value for metric in app.metric}


def test_a_task_is_explained_and_looked_at(open_page: Opener, looked_at: None) -> None:
    app = open_page(DATA, task="rotten-tomatoes")
    told = words(app)
    assert "Does this sentence from a film review praise the film or pan it" in told
    assert "package movie\\-reviews" in told
    assert "At 128 tokens no text is cut" in told
    assert metrics(app) == {
        "Training rows": "6,824",
        "Validation rows": "853",
        "Test rows": "853",
        "Repeated texts": "0",
        "Guessing: accuracy": "0.501",
    }
    assert len(app.table[0].value) == 10
    app.slider(key="data_length").set_value(16).run()
    assert "At 16 tokens 8" in words(app)


def test_the_first_visit_makes_the_preview_in_a_process_of_its_own(open_page: Opener, store: object) -> None:
    app = open_page(DATA, task="bbc-news")
    assert metrics(app)["Repeated texts"] == "101"
    assert app.selectbox(key="data_task").value == "bbc-news"


def test_an_unknown_task_in_the_address_shows_the_first(open_page: Opener, looked_at: None) -> None:
    assert open_page(DATA, task="<b>none</b>").selectbox(key="data_task").value == "rotten-tomatoes"


def test_glue_from_a_folder_says_where_it_is_and_which_lines_were_left_out(
    open_page: Opener, store: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write_task(tmp_path / "glue", "mnli")
    with (folder / "dev_mismatched.tsv").open("a", encoding="utf-8") as file:
        file.write("12\tonly two\n")
    monkeypatch.setenv("SPAFIT_GLUE_DIR", str(tmp_path / "glue"))
    preview.make("mnli", str(weights_folder(BUNDLED, allow_download=False)))
    app = open_page(DATA, task="mnli")
    told = words(app).replace("\\", "")
    assert "in a folder or file of yours (looked for in the folder that SPAFIT_GLUE_DIR names, then in" in told
    assert "dev_mismatched.tsv line 14 has 2 columns where 12 are expected" in told
    assert metrics(app)["Test rows, matched"] == metrics(app)["Test rows, mismatched"] == "12"


def test_a_task_that_must_be_fetched_says_so(open_page: Opener, store: object, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    app = open_page(DATA, task="wnli")
    assert "not fetched yet" in words(app)
    assert "the Hub is out of reach" in words(app)
    assert not app.metric


def test_all_tasks_in_one_table(open_page: Opener, looked_at: None) -> None:
    app = open_page(DATA)
    app.session_state["data_tab"] = "All tasks"
    app.run()
    table = app.table[0].value
    assert list(table["Task"]) == [task.name.replace("-", "\\-") for task in list_tasks()]
    assert table["For example"].str.len().min() > 10


def test_upload_correct_store_look_and_delete(open_page: Opener, looked_at: None) -> None:
    rows = "".join(f"{i},<b>text</b> number {i},{'good' if i % 2 else 'bad'}\n" for i in range(40))
    app = own_data(open_page, looked_at)
    app.file_uploader(key="data_file").set_value(("reviews.csv", ("id,words,mood\n" + rows).encode(), "text/csv")).run()
    assert not app.exception
    assert "40 rows · CSV · UTF-8 · separated by comma" in words(app)
    boxes = {box.label: box for box in app.selectbox}
    assert (boxes["Text"].value, boxes["Label"].value, boxes["Second text"].value) == ("words", "mood", "–")
    assert app.table[0].value["words"][0].startswith("\\<b\\>text")
    boxes["Label"].set_value("id").run()
    assert "The label column has 40 different values" in words(app)
    {box.label: box for box in app.selectbox}["Label"].set_value("mood").run()
    next(button for button in app.button if button.label == "Store this data set").click().run()
    assert not app.exception
    assert "Stored as reviews\\.csv" in words(app)
    [dataset] = stored.list_stored()
    assert get_task(dataset.key).labels == ("bad", "good")
    assert sum(preparation(dataset.key).splits.values()) == 40

    app.button(key=f"look_{dataset.key}").click().run()
    assert app.selectbox(key="data_task").value == dataset.key
    assert "Which of 2 classes is in the column “mood”" in words(app)

    app.session_state["data_tab"] = "Your own data"
    app.run()
    app.button(key=f"delete_{dataset.key}").click().run()
    assert stored.list_stored() == []
    assert "No data set is stored yet" in words(app)


def test_a_bad_upload_is_one_sentence_and_nothing_is_stored(open_page: Opener, looked_at: None) -> None:
    app = own_data(open_page, looked_at)
    app.file_uploader(key="data_file").set_value(("x.csv", b"PK\x03\x04 not a table", "text/csv")).run()
    assert not app.exception
    assert [error.value for error in app.error] == [
        "x\\.csv should be CSV by its name, but its content is a ZIP archive or an Excel workbook\\."
    ]
    assert stored.list_stored() == []


def test_a_hub_name_offline_is_one_sentence(open_page: Opener, looked_at: None) -> None:
    app = own_data(open_page, looked_at)
    app.segmented_control[0].set_value("The Hugging Face Hub").run()
    app.text_input[-2].set_value("owner/name")
    next(button for button in app.button if button.label == "Fetch").click().run()
    assert "Hub" in app.error[0].value


def test_data_deleted_elsewhere_does_not_break_the_page(open_page: Opener, looked_at: None, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("text,label\n" + "".join(f"t {i},{i % 2}\n" for i in range(20)))
    key = intake.add(str(path), "a.csv")
    preview.make(key, str(weights_folder(BUNDLED, allow_download=False)))
    app = open_page(DATA, task=key)
    assert app.selectbox(key="data_task").value == key
    stored.delete(key)
    app.run()
    assert not app.exception
    assert app.selectbox(key="data_task").value == "rotten-tomatoes"


def test_train_on_this_task_takes_it_along(open_page: Opener, looked_at: None) -> None:
    app = open_page(DATA, task="rotten-tomatoes")
    next(button for button in app.button if button.label == "Train on this task").click().run()
    assert not app.exception
    assert app.session_state["train_task"] == "rotten-tomatoes"


def test_the_apps_process_stays_light(looked_at: None) -> None:
    code = (
        "import sys\nfrom streamlit.testing.v1 import AppTest\n"
        "app = AppTest.from_file('app.py', default_timeout=20); app.switch_page('pages/data.py'); app.run()\n"
        "assert not app.exception and app.metric\n"
        "heavy = ('torch', 'transformers', 'datasets', 'sklearn', 'scipy', 'tokenizers')\n"
        "print(*[name for name in heavy if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_the_expected_time_comes_from_earlier_runs(
    open_page: Opener, looked_at: None, make_run: Callable[..., object]
) -> None:
    st.cache_data.clear()
    assert "Earlier runs" not in words(open_page(DATA, task="rotten-tomatoes"))
    make_run("finished")  # 640 examples, about 27 tokens each, in 6 seconds
    st.cache_data.clear()
    told = words(open_page(DATA, task="rotten-tomatoes")).replace("\\", "")
    seen = preview.read(get_task("rotten-tomatoes"), weights_folder(BUNDLED, allow_download=False))
    assert seen is not None
    rate = 640 * seen.tokens(QUICK.max_length) / 6
    assert f"trained {rate:,.0f} tokens a second" in told
    assert f"2 epochs of 2,000 examples take about {2 * 2000 * seen.tokens(128) / rate:.0f} s (an estimate" in told

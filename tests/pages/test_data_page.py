"""Data: a task explained and looked at, the overview, and data sets of one's own from upload to deletion."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Button, TextInput

from spafit.models.registry import BUNDLED, weights_folder
from spafit.runs import Store
from spafit.stratification import preset
from spafit.tasks import get_task, helper, list_tasks, load, preparation, preview
from spafit.tasks.upload import intake, stored
from spafit.training.config import QUICK, RunSpec
from spafit.ui.components.text import plain
from tests.cases import REFUSED, REMARKED, RIGHT, SECOND, case
from tests.glue_layout import write_task
from tests.pages.made_up import words

Opener = Callable[..., AppTest]
DATA = "pages/data.py"
ROOT = Path(__file__).parents[2]


@pytest.fixture
def looked_at(store: object) -> None:
    """Return the preview of Rotten Tomatoes made beforehand, in this process, so that the page need not start one."""
    preview.make("rotten-tomatoes", str(weights_folder(BUNDLED, allow_download=False)))


def own_data(open_page: Opener, looked_at: None) -> AppTest:
    app = open_page(DATA)
    app.session_state["data_tab"] = "Your own data"
    return app.run()


def metrics(app: AppTest) -> dict[str, str]:
    return {metric.label: metric.value for metric in app.metric}


def store_button(app: AppTest) -> Button:
    return next(button for button in app.button if button.label == "Store this data set")


def test_a_task_is_explained_and_looked_at(open_page: Opener, looked_at: None) -> None:
    app = open_page(DATA, task="rotten-tomatoes")
    told = words(app)
    assert "Does this sentence from a film review praise the film or pan it" in told
    assert "package movie\\-reviews" in told
    assert "At 128 tokens no text is cut" in told
    assert metrics(app) == {
        "Training examples": "6,824",
        "Validation examples": "853",
        "Test examples": "853",
        "Repeated texts": "0",
        "Baseline (majority class)": "0.501",
    }
    assert told.count("→ **") == 10
    assert "appear here once a run of this model has finished" in told
    app.slider(key="data_length").set_value(16).run()
    assert "At 16 tokens 8" in words(app)


@pytest.mark.own_process
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
    assert metrics(app)["Test examples, matched"] == metrics(app)["Test examples, mismatched"] == "12"


def test_a_task_that_must_be_fetched_says_so(open_page: Opener, store: object, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    app = open_page(DATA, task="wnli")
    assert "not fetched yet" in words(app)
    assert "the Hub is out of reach; SPAFIT\\_GLUE\\_DIR can name a folder" in words(app)
    assert not app.metric


def test_every_task_has_a_card_with_example_answers_and_limits(open_page: Opener, looked_at: None) -> None:
    app = open_page(DATA)
    app.session_state["data_tab"] = "All tasks"
    told = words(app.run())
    for task in list_tasks():
        for fact in (task.name, task.sentence, task.example, task.limits, *task.labels):
            assert plain(fact) in told
    assert told.count("**Limits:**") == 12


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
    assert "**40 rows can be used**, a number is learned" in words(app)
    {box.label: box for box in app.selectbox}["Label"].set_value("mood").run()
    assert "**40 rows can be used**, 2 classes: bad, good" in words(app.run())
    store_button(app).click().run()
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
    app.file_uploader(key="data_file").set_value(("again.csv", ("id,words,mood\n" + rows).encode(), "text/csv")).run()
    next(button for button in app.button if button.label == "Store this data set").click().run()
    assert "The same content was stored already, as reviews\\.csv" in words(app)
    app.button(key=f"delete_{dataset.key}").click().run()
    assert stored.list_stored() == []
    assert "No data set is stored yet" in words(app)


def test_what_was_stored_is_trained_on_with_one_click(open_page: Opener, looked_at: None) -> None:
    rows = "".join(f"text number {i},{'good' if i % 2 else 'bad'}\n" for i in range(40))
    app = own_data(open_page, looked_at)
    app.file_uploader(key="data_file").set_value(("a.csv", ("words,mood\n" + rows).encode(), "text/csv")).run()
    store_button(app).click().run()
    app.run()  # still there after whatever else is done on the page
    next(button for button in app.button if button.label == "Train on it").click().run()
    assert not app.exception
    [dataset] = stored.list_stored()
    assert app.selectbox(key="train_task").value == dataset.key
    assert "This task has 28 training examples; all of them are used" in words(app)


def test_bytes_that_no_encoding_fits_are_read_in_one_that_is_chosen(open_page: Opener, looked_at: None) -> None:
    letters = "ЂЃЄЅЇЈЉЊЋЌ"  # capitals that no language writes in a row
    rows = "".join(f"{letters[i % 10] * 3} {i},{i % 2}\n" for i in range(40)).encode("iso8859-5")
    app = own_data(open_page, looked_at)
    app.file_uploader(key="data_file").set_value(("a.csv", b"text,label\n" + rows, "text/csv")).run()
    next(box for box in app.selectbox if box.label == "Encoding").set_value("iso8859-5").run()
    assert not app.exception
    assert letters[0] * 3 in app.table[0].value["text"][0]
    assert "ISO-8859-5" in words(app)
    store_button(app).click().run()
    [dataset] = stored.list_stored()
    assert any(letters[0] * 3 in text for split in ("train", "test") for text in load(dataset.key, split).text)


@pytest.mark.parametrize("name", [*RIGHT, *REFUSED])
def test_files_as_people_have_them(
    open_page: Opener, looked_at: None, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(helper, "call", lambda command, **arguments: getattr(intake, command)(**arguments))
    app = own_data(open_page, looked_at)
    if name in SECOND:
        second = case(SECOND[name])
        app.file_uploader(key="data_second").set_value((second.name, second.read_bytes(), "text/plain"))
    app.file_uploader(key="data_file").set_value((name, case(name).read_bytes(), "text/plain")).run()
    assert not app.exception and not app.error
    told = words(app).replace("\\", "")
    if name in REFUSED:
        assert REFUSED[name] in " ".join(warning.value for warning in app.warning).replace("\\", "")
        assert store_button(app).disabled
        assert {box.label: box.value for box in app.selectbox}["Label"] is None
        return
    right = RIGHT[name]
    assert f"**{right['rows']} rows can be used**" in told
    boxes = {box.label: box.value for box in app.selectbox}
    assert [boxes[part] for part in ("Text", "Label") if part.lower() in right] == [
        right[part] for part in ("text", "label") if part in right
    ]
    assert ", ".join(right["labels"]) in told or right.get("kind") == "regression"
    assert right.get("encoding", "") in told
    expanders = [expander.label.replace("\\", "") for expander in app.expander]
    remarks = " ".join(info.value for info in app.info).replace("\\", "") + " ".join([*expanders, told])
    assert REMARKED.get(name, "") in remarks
    store_button(app).click().run()
    assert not app.exception and not app.error
    [dataset] = stored.list_stored()
    assert dataset.labels == tuple(right["labels"])
    assert sum(preparation(dataset.key).left_out.values()) == right.get("left_out", 0)


def test_a_second_file_becomes_the_test_part(open_page: Opener, looked_at: None) -> None:
    first = "".join(f"text {i},{('good', 'bad')[i % 2]}\n" for i in range(40))
    app = own_data(open_page, looked_at)
    app.file_uploader(key="data_file").set_value(("a.csv", ("words,mood\n" + first).encode(), "text/csv"))
    app.file_uploader(key="data_second").set_value(("b.csv", b"words,mood\nnew,good\nTEXT 1,bad\n", "text/csv")).run()
    next(button for button in app.button if button.label == "Store this data set").click().run()
    assert not app.exception
    [dataset] = stored.list_stored()
    assert load(dataset.key, "test").text == ["new", "TEXT 1"]
    assert preparation(dataset.key).found_in_test == 1


def test_a_bad_upload_is_one_sentence_and_nothing_is_stored(open_page: Opener, looked_at: None) -> None:
    app = own_data(open_page, looked_at)
    app.file_uploader(key="data_file").set_value(("x.csv", b"PK\x03\x04 not a table", "text/csv")).run()
    assert not app.exception
    [error] = app.error
    assert error.value.startswith("x\\.csv should be CSV by its name, but its content is a ZIP archive")
    assert stored.list_stored() == []


def field(app: AppTest) -> TextInput:
    return next(box for box in app.text_input if box.label == "Name on the Hub")


def test_a_hub_name_offline_is_one_sentence(open_page: Opener, looked_at: None) -> None:
    app = own_data(open_page, looked_at)
    app.segmented_control[0].set_value("The Hugging Face Hub").run()
    for name, says in (
        ("owner/name", "owner/name cannot be had: it is not on this machine"),
        ("<b>", "is not the name of"),
    ):
        field(app).set_value(name)
        next(button for button in app.button if button.label == "Fetch").click().run()
        [error] = app.error
        assert plain(says) in error.value
        assert field(app).value == name


def test_data_deleted_elsewhere_does_not_break_the_page(open_page: Opener, looked_at: None, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("text,label\n" + "".join(f"t {i},{i % 2}\n" for i in range(20)))
    key = intake.add(path=str(path), name="a.csv")
    preview.make(key, str(weights_folder(BUNDLED, allow_download=False)))
    app = open_page(DATA, task=key)
    assert app.selectbox(key="data_task").value == key
    stored.delete(key)
    app.run()
    assert not app.exception
    assert app.selectbox(key="data_task").value == "rotten-tomatoes"


def test_train_on_this_task_takes_it_along(open_page: Opener, looked_at: None) -> None:
    preview.make("bbc-news", str(weights_folder(BUNDLED, allow_download=False)))
    app = open_page(DATA, task="bbc-news")
    next(button for button in app.button if button.label == "Train on this task").click().run()
    assert not app.exception
    assert app.selectbox(key="train_task").value == "bbc-news"
    assert "training examples; all" not in words(app)


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
    assert "Earlier runs" not in words(open_page(DATA, task="rotten-tomatoes"))
    make_run("finished")  # 640 examples, about 27 tokens each, in 6 seconds
    told = words(open_page(DATA, task="rotten-tomatoes")).replace("\\", "")
    seen = preview.read(get_task("rotten-tomatoes"), weights_folder(BUNDLED, allow_download=False))
    assert seen is not None
    rate = 640 * seen.tokens(QUICK.max_length) / 6
    assert f"trained {rate:,.0f} tokens a second" in told
    assert f"2 epochs of 2,000 examples take about {2 * 2000 * seen.tokens(128) / rate:.0f} s (an estimate" in told


def test_a_first_line_that_is_data_can_be_corrected(open_page: Opener, looked_at: None) -> None:
    rows = "fine film,good\n" + "".join(f"text {i},{i}\n" for i in range(12))
    app = own_data(open_page, looked_at)
    app.file_uploader(key="data_file").set_value(("a.csv", rows.encode(), "text/csv")).run()
    assert "12 rows" in words(app)
    app.checkbox[0].uncheck().run()
    assert not app.exception
    assert "13 rows" in words(app)
    assert {box.label: box.value for box in app.selectbox}["Text"] == "column 1"


def test_a_refusal_keeps_what_was_chosen(open_page: Opener, looked_at: None) -> None:
    rows = "".join(f"a text {i},word {i % 2},{i % 3}\n" for i in range(40))
    app = own_data(open_page, looked_at)
    app.file_uploader(key="data_file").set_value(("a.csv", ("words,mood,part\n" + rows).encode(), "text/csv")).run()
    {box.label: box for box in app.selectbox}["Split column"].set_value("part")
    {box.label: box for box in app.selectbox}["Label"].set_value("mood")
    app.run()
    [warning] = app.warning
    assert "“0” names no part; the column “part” may hold train, validation and test" in warning.value
    assert store_button(app).disabled
    chosen = {box.label: box.value for box in app.selectbox if box.label not in ("Encoding", "Quotation marks")}
    assert chosen == {"Text": "words", "Second text": "–", "Label": "mood", "Split column": "part"}


def test_data_that_a_run_needs_is_not_deleted(open_page: Opener, looked_at: None, store: Store, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("text,label\n" + "".join(f"t {i},{i % 2}\n" for i in range(20)))
    key = intake.add(path=str(path), name="a.csv")
    strat = preset("spafit", 6, 2, 4)
    run = store.submit(RunSpec("minilm-l6", key, strat, QUICK))
    for _ in range(200):  # as many as a list shows unless asked for all
        store.submit(RunSpec("minilm-l6", "rotten-tomatoes", strat, QUICK))
    app = own_data(open_page, looked_at)
    app.button(key=f"delete_{key}").click().run()
    [error] = app.error
    assert f"run {run} is queued and needs it" in error.value.replace("\\", "")
    assert stored.get(key).key == key
    store.request_stop(run)
    app.button(key=f"delete_{key}").click().run()
    assert stored.list_stored() == []

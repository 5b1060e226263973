"""The zip of a run: everything in it, the same bytes each time, and a report that shows names letter by letter."""

import ast
import csv
import io
import json
import re
import xml.dom.minidom
import zipfile
from dataclasses import asdict
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spafit.export.archive import curve_csv, make, zipped
from spafit.export.folder import record
from spafit.export.report import report
from spafit.figures.standing import bar_chart, line_chart
from spafit.runs import Store
from spafit.stratification import preset
from spafit.tasks import get_task
from spafit.training.changes import changes
from tests.pages.made_up import events_until
from tests.trained.runs import LAYERS, trained_run

EVENTS = [event.to_dict() for event in events_until(20)]


def test_the_zip_is_whole_and_the_same_each_time(tmp_path: Path) -> None:
    run_id = trained_run(tmp_path, "bert", preset("spafit", LAYERS, 1, 2)).run.id
    store = Store.open()
    run = store.claim(run_id, "a test")
    assert run is not None
    store.record(run, EVENTS)
    made = make(run_id)
    first = Path(made["path"]).read_bytes()
    assert (len(first), made["format"]) == (made["bytes"], "adapter")
    with zipfile.ZipFile(io.BytesIO(first)) as archive:
        assert archive.namelist() == made["files"]
        wanted = {"curve.csv", "report.html", "finetune.py", "strata.svg", "curve.svg", "changes.svg"}
        assert wanted | {"model/README.md", "model/spafit.json", "model/adapter_model.safetensors"} <= set(
            made["files"]
        )
        ast.parse(archive.read("finetune.py"))
        for name in ("strata.svg", "curve.svg", "changes.svg"):
            assert xml.dom.minidom.parseString(archive.read(name)).documentElement.tagName == "svg"
            page = archive.read(name.replace(".svg", ".html")).decode()
            assert archive.read(name).decode() in page  # the same figure, standing by itself
            assert "<script" not in page and "http" not in page.replace("http://www.w3.org/2000/svg", "")
        assert [float(value) for value in re.findall(r"<td>(0\.\d{4})<", archive.read("curve.html").decode())] == [
            0.57,
            0.64,
        ]
        assert (
            f"licence of the texts: `{get_task('rotten-tomatoes').licence}`" in archive.read("model/README.md").decode()
        )
        assert len(list(csv.DictReader(io.StringIO(archive.read("curve.csv").decode())))) == 22
        assert all("/" not in name.removeprefix("model/") for name in archive.namelist())
    assert Path(make(run_id)["path"]).read_bytes() == first


@given(st.dictionaries(st.text("abc/.", min_size=1, max_size=8), st.binary(max_size=50), max_size=5))
def test_equal_contents_give_equal_bytes_whatever_their_order(contents: dict[str, bytes]) -> None:
    backwards = dict(reversed(contents.items()))
    assert zipped(contents) == zipped(backwards)
    with zipfile.ZipFile(io.BytesIO(zipped(contents))) as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == contents


def test_the_curve_has_every_point_with_its_metrics() -> None:
    rows = list(csv.DictReader(io.StringIO(curve_csv(EVENTS))))
    steps = [row for row in rows if row["kind"] == "step"]
    evaluations = [row for row in rows if row["kind"] == "evaluated"]
    assert [int(row["step"]) for row in steps] == list(range(1, 21))
    assert [float(row["accuracy"]) for row in evaluations] == pytest.approx([0.57, 0.64])


def test_the_report_shows_its_numbers_and_nothing_foreign_as_markup(tmp_path: Path) -> None:
    whole = trained_run(tmp_path, "bert", preset("spafit", LAYERS, 1, 2))
    model, anatomy, before = whole.with_before()
    changed = changes(model, anatomy, before)
    evil = "<script>alert(1)</script>"
    document = json.loads(json.dumps(record(whole, "adapter", anatomy))) | {
        "task": evil,
        "model": evil,
        "metrics": {"accuracy": 0.8123},
        "baseline": {"accuracy": 0.5},
        "validation_metrics": {"accuracy": 0.7999},
    }
    page = report(document, "accuracy", [(10, 0.6), (20, 0.75)], changed)
    assert "<script" not in page
    assert all(figure in page for figure in ("0.8123", "0.5000", "0.7999", f"{document['trainable']:,}"))
    assert page.count("<svg") == 3
    assert "http" not in page.replace("http://www.w3.org/2000/svg", "")  # nothing is fetched
    assert len(changed) == len([each for each in map(asdict, changed) if each["ratio"] > 0])


@pytest.mark.parametrize("points", [[(1.0, 0.5)], [(1.0, 0.5), (2.0, 0.5)], [(0, -1), (5, 1), (9, 0)]])
def test_charts_are_whole_xml(points: list[tuple[float, float]]) -> None:
    drawn = line_chart(points, x_label="<step>", y_label="a & b", color="#000000", floor=(0.2, "<baseline>"))
    assert len(xml.dom.minidom.parseString(drawn).getElementsByTagName("polyline")) == 1
    assert "nan" not in drawn
    xml.dom.minidom.parseString(bar_chart([("<a>", 0.0, "#000000"), ("b", 2.0, "#000000")], label="&"))
    xml.dom.minidom.parseString(bar_chart([], label="none"))


@given(st.lists(st.floats(-1, 1).map(lambda value: round(value, 3)), min_size=1, max_size=6))
def test_bars_are_as_long_as_their_values_and_go_to_their_side_of_zero(values: list[float]) -> None:
    drawn = bar_chart([(str(n), value, "#000000") for n, value in enumerate(values)], label="score")
    parsed = xml.dom.minidom.parseString(drawn)
    bars = [[float(bar.getAttribute(key)) for key in ("x", "width")] for bar in parsed.getElementsByTagName("rect")]
    lines = parsed.getElementsByTagName("line")
    assert len(lines) == any(value < 0 for value in values)
    zero = float(lines[0].getAttribute("x1")) if lines else bars[0][0]
    scale = max(width for _, width in bars) / (max(map(abs, values)) or 1)
    for value, (x, width) in zip(values, bars, strict=True):
        assert width == pytest.approx(max(0.5, abs(value) * scale), abs=0.11)
        assert (x + width if value < 0 else x) == pytest.approx(zero, abs=0.6)

"""Data that people bring: every kind of file, everything that can be wrong with one, and what is kept of it."""

import gzip
import io
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spafit.tasks import TaskError, get_task, helper, list_tasks, load, preparation, token_cache
from spafit.tasks.files import limit_mb, read_table
from spafit.tasks.upload import intake, stored
from spafit.tasks.upload.encodings import decode
from tests.hf_cache import write_cache

ROWS = [(f"text number {i}", ("good", "bad")[i % 2]) for i in range(40)]


def csv_of(rows: list[tuple], header: str = "text,label") -> str:
    lines = [",".join('"' + str(cell).replace('"', '""') + '"' for cell in row) for row in rows]
    return "\n".join([header, *lines]) + "\n"


@pytest.fixture
def file(tmp_path: Path):
    def write(name: str, content: str | bytes) -> Path:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


def add(path: Path, **columns: str) -> str:
    return intake.add(columns or None, path=str(path), name=path.name)


def look(path: Path, **how: Any) -> dict[str, Any]:
    return intake.look(path=str(path), name=path.name, **how)


def texts(key: str) -> set[str]:
    return {text for split in ("train", "validation", "test") for text in load(key, split).text}


def test_a_csv_becomes_a_task(file) -> None:
    key = add(file("reviews.csv", csv_of(ROWS)))
    task = get_task(key)
    assert (task.name, task.source, task.kind, task.pair) == ("reviews.csv", "local", "classification", False)
    assert task.labels == ("bad", "good")
    assert task.metrics == ("accuracy", "macro_f1")
    assert preparation(key).splits == {"train": 28, "validation": 4, "test": 8}
    assert task in list_tasks()
    for split in task.splits:
        part = load(key, split)
        assert all(
            ROWS[int(text.split()[-1])][1] == task.labels[label]
            for text, label in zip(part.text, part.labels, strict=True)
        )
        assert np.bincount(part.labels).tolist() == [len(part) // 2] * 2


def test_the_same_table_in_every_format_and_encoding(file) -> None:
    frame = pd.DataFrame([(f"Größe {i} – “ja”", label) for i, (_, label) in enumerate(ROWS)], columns=["text", "label"])
    buffer = io.BytesIO()
    frame.to_parquet(buffer)
    plain = frame.to_csv(index=False)
    versions = {
        "a.csv": plain.encode(),
        "bom.csv": plain.encode("utf-8-sig"),
        "utf16.csv": plain.encode("utf-16"),
        "utf16be.csv": b"\xfe\xff" + plain.encode("utf-16-be"),
        "latin.csv": plain.encode("cp1252"),
        "crlf.csv": plain.replace("\n", "\r\n").encode(),
        "mac.csv": plain.replace("\n", "\r").encode(),
        "semicolon.csv": frame.to_csv(index=False, sep=";").encode(),
        "bar.csv": frame.to_csv(index=False, sep="|").encode(),
        "tab.csv": frame.to_csv(index=False, sep="\t").encode(),
        "a.tsv": frame.to_csv(index=False, sep="\t").encode(),
        "a.jsonl": frame.to_json(orient="records", lines=True, force_ascii=False).encode(),
        "ascii.ndjson": frame.to_json(orient="records", lines=True).encode(),
        "a.parquet": buffer.getvalue(),
    }
    keys = {name: add(file(name, content)) for name, content in versions.items()}
    assert len(set(keys.values())) == len(versions)  # other bytes or another format, another data set
    for name, key in keys.items():
        assert texts(key) == set(frame["text"]), name
        assert preparation(key).left_out == {}


@pytest.mark.parametrize(
    ("encoding", "label"),
    [
        ("utf-8", "UTF-8"),
        ("utf-8-sig", "UTF-8 with byte order mark"),
        ("utf-16", "UTF-16"),
        ("utf-16-le", "UTF-16"),
        ("utf-16-be", "UTF-16"),
        ("utf-32", "UTF-32"),
        ("cp1252", "Latin-1 (Windows-1252)"),
    ],
)
def test_encodings_are_recognised(encoding: str, label: str) -> None:
    text = "text,label\nCafé crème,good\nÜber alles,bad\n"
    found = decode(text.encode(encoding), "x.csv")
    assert (found.text, found.label) == (text, label)


def test_quotes_newlines_and_formulas_are_text(file) -> None:
    odd = ['He said "no"', "two\nlines", "a, comma", "=HYPERLINK(1)", "<script>alert(1)</script>", "-1+1", "tab\tin it"]
    rows = [(text, i % 2) for i, text in enumerate(odd)] + [(f"plain {i}", i % 2) for i in range(10)]
    key = add(file("odd.csv", csv_of(rows)))
    assert texts(key) == {text for text, _ in rows}
    assert get_task(key).labels == ("0", "1")


def test_a_tsv_without_quoting_keeps_its_quotes(file) -> None:
    rows = [('"open and never closed', "a"), ('"closed" early', "b"), ('in "the" middle', "a")]
    rows += [(f'{i}" screen', "ab"[i % 2]) for i in range(12)]
    key = add(file("x.tsv", "text\tlabel\n" + "\n".join("\t".join(row) for row in rows)))
    assert texts(key) == {text for text, _ in rows}
    assert preparation(key).left_out == {}


def test_rows_that_cannot_be_used_are_counted_and_named(file) -> None:
    lines = csv_of(ROWS).split("\n")
    lines[3] = "only one cell"
    lines[5] = '"",good'
    lines[7] = "a text,"
    lines[9] = '"  ","  "'
    lines.insert(11, "")
    lines.insert(12, ",")
    key = add(file("gaps.csv", "\n".join(lines)))
    done = preparation(key)
    assert done.left_out == {"malformed lines": 1, "rows without a text": 3, "rows without a label": 1}
    assert "gaps.csv line 4 has 1 columns where 2 are expected" in done.problems
    assert "gaps.csv line 8 is a row without a label" in done.problems
    assert done.rows_read == sum(done.splits.values()) + 5 == 41


def test_a_file_without_header(file) -> None:
    key = add(file("x.csv", "\n".join(f"text {i},{i % 3}" for i in range(30))))
    assert len(texts(key)) == 30
    assert get_task(key).labels == ("0", "1", "2")
    assert stored.get(key).columns.text == "column 1"


@pytest.mark.parametrize("missing", ["nan", "NULL", "-inf", "N/A"])
def test_missing_numbers_do_not_turn_amounts_into_classes(file, missing: str) -> None:
    key = add(file("a.csv", csv_of([(f"t {i}", missing if i == 3 else i / 7) for i in range(30)], "text,amount")))
    assert get_task(key).kind == "regression"
    assert sum(preparation(key).left_out.values()) == 1


def test_columns_are_guessed_and_can_be_corrected(file) -> None:
    frame = pd.DataFrame(
        {
            "id": range(30),
            "premise": [f"the first text {i}" for i in range(30)],
            "hypothesis": [f"the second text {i}" for i in range(30)],
            "split": ["train"] * 20 + ["dev"] * 4 + ["test"] * 6,
            "stars": [i % 5 for i in range(30)],
            "price": [i + 0.25 for i in range(30)],
        }
    )
    path = file("pairs.csv", frame.to_csv(index=False))
    looked = look(path)
    assert looked["guess"] == {
        "text": "premise",
        "pair": "hypothesis",
        "label": "stars",
        "kind": "classification",
        "split": "split",
    }
    assert looked["rows"] == 30
    assert [column["name"] for column in looked["columns"]] == list(frame.columns)
    assert looked["head"]["premise"][:2] == ["the first text 0", "the first text 1"]
    json.dumps(looked)
    guessed = get_task(add(path))
    assert guessed.pair
    assert preparation(guessed).splits == {"train": 20, "validation": 4, "test": 6}
    assert load(guessed, "validation").pair is not None
    corrected = get_task(add(path, text="hypothesis", label="price", kind="regression"))
    assert (corrected.kind, corrected.num_labels, corrected.metric) == ("regression", 1, "pearson")
    assert not corrected.pair
    assert corrected.key != guessed.key


def test_amounts_are_mapped_and_said_to_be(file) -> None:
    rows = [(f"flat {i}", 100_000 + 10_000 * i) for i in range(30)]
    task = get_task(add(file("prices.csv", csv_of(rows, "text,price")), text="text", label="price", kind="regression"))
    everything = np.concatenate([load(task, split).labels for split in task.splits])
    assert (everything.min(), everything.max()) == (0.0, 5.0)
    assert "100000 to 390000 are mapped to 0 to 5" in task.limits
    small = get_task(add(file("s.csv", csv_of([(f"x {i}", i / 10) for i in range(30)]))))
    assert load(small, "train").labels.max() <= 2.9
    assert "mapped" not in small.limits


def test_a_second_file_is_the_test_part(file) -> None:
    train = file("train.csv", csv_of(ROWS))
    test = file("test.csv", csv_of([("a new text", "good"), ("Text  NUMBER 3", "bad"), ("another", "ugly")]))
    key = intake.add(path=str(train), name="train.csv", test_path=str(test), test_name="test.csv")
    done = preparation(key)
    assert load(key, "test").text == ["a new text", "Text  NUMBER 3", "another"]
    assert done.found_in_test == 1
    assert done.splits == {"train": 35, "validation": 4, "test": 3}
    assert get_task(key).labels == ("bad", "good", "ugly")
    with pytest.raises(TaskError, match=r"other\.csv has no column “text”"):
        intake.add(path=str(train), name="train.csv", test_path=str(file("other.csv", "x,label\n1,good\n")))


def test_stored_once_listed_with_size_and_deleted(file, home: Path) -> None:
    first = add(file("a.csv", csv_of(ROWS)))
    assert add(file("b.CSV", csv_of(ROWS))) == first
    other = add(file("c.csv", csv_of(ROWS[:30])))
    assert [found.key for found in stored.list_stored()] == [other, first]
    tokens = token_cache(get_task(first))
    tokens.mkdir()
    (tokens / "x.npz").write_bytes(b"0" * 100_000)
    assert stored.get(first).size > 100_000
    assert token_cache(get_task("imdb")) == home / "cache" / "tokens"
    stored.delete(first)
    assert [found.key for found in stored.list_stored()] == [other]
    assert not stored.folder(first).exists()
    with pytest.raises(TaskError, match="is not stored here, or was deleted"):
        get_task(first)
    with pytest.raises(TaskError, match="is not stored here, or was deleted"):
        stored.delete("../../etc")


def test_a_damaged_entry_does_not_hide_the_others(file) -> None:
    key = add(file("a.csv", csv_of(ROWS)))
    broken = stored.folder("data-broken")
    broken.mkdir()
    (broken / "dataset.json").write_text("{")
    assert [found.key for found in stored.list_stored()] == [key]
    assert get_task("imdb").key == "imdb"


def test_a_path_is_a_task(file) -> None:
    path = file("reviews.csv", csv_of(ROWS))
    task = get_task(str(path))
    assert task.key.startswith("data-")
    assert get_task(task.key) == get_task(str(path)) == task
    with pytest.raises(TaskError, match=r"There is no file .*missing\.csv"):
        get_task(str(path.with_name("missing.csv")))
    with pytest.raises(TaskError, match="is not a file type that can be read"):
        get_task(str(file("notes.doc", "x")))
    with pytest.raises(TaskError, match="is a folder; a data file of it may be named"):
        get_task(str(path.parent))
    for impossible in ("x" * 300 + ".csv", "a\0b.csv"):
        with pytest.raises(TaskError, match="There is no file"):
            get_task(impossible)


REFUSED = {
    "empty": ("a.csv", b"", "a.csv is empty"),
    "header only": ("a.csv", b"text,label\n", "no rows that can be used"),
    "one column": ("a.csv", b"text\nx\ny\n", "one column only"),
    "one class": ("a.csv", csv_of([(f"t {i}", "x") for i in range(20)]), "has the label “x”; two classes"),
    "one target": ("a.csv", csv_of([(f"t {i}", "1.5") for i in range(20)]), "has the target 1.5; there is nothing"),
    "no labels": ("a.csv", csv_of([(f"t {i}", "") for i in range(20)]), "at least two columns with something"),
    "few texts": ("a.csv", csv_of([("same", i % 2) for i in range(20)]), "1 different texts to train on; at least 10"),
    "classes": (
        "a.csv",
        csv_of([(f"t {i}", f"l {i}") for i in range(10_000)]),
        "10,000 different values; at most 1,000",
    ),
    "long labels": ("a.csv", csv_of([("short", f"{i % 2}" * 500) for i in range(20)], "text,label"), "is it the text"),
    "open quote": ("a.csv", 'text,label\n"never closed,good\nx,bad\n', "has another label in the column “label”"),
    "bad quote": ("a.csv", 'text,label\n"a" b,good\n', "has the label “good”; two classes"),
    "big cell": ("a.csv", "text,label\n" + "x" * 1_000_001 + ",good\n", "line 2: a cell has 1,000,001 characters"),
    "big json": ("a.jsonl", json.dumps({"text": "x" * 1_000_001, "label": 1}), "line 1: a cell has 1,000,001"),
    "prose": ("a.csv", "Dear all, hello\nbye\nno commas\nhere\n", "is not CSV: line 2"),
    "many columns": ("a.csv", ",".join(f"c{i}" for i in range(1001)) + "\n", "more than 1,000 columns"),
    "zip as csv": (
        "a.csv",
        b"PK\x03\x04rest",
        "should be CSV by its name, but its content is a ZIP archive or an Excel",
    ),
    "parquet as csv": ("a.csv", b"PAR1rest", "but its content is Parquet"),
    "csv as parquet": ("a.parquet", csv_of(ROWS), "but its content is not Parquet"),
    "broken parquet": ("a.parquet", b"PAR1 nothing PAR1", "is a damaged Parquet file"),
    "picture": ("a.jsonl", b"\x89PNG\r\n", "but its content is an image"),
    "zero bytes": ("a.csv", b"text,label\n\x00\x01\x02,x\n", "not a text file: it contains zero (NUL) bytes"),
    "binary": ("a.csv", bytes(range(1, 256)) * 20, "is not a text file"),
    "zero characters": (
        "a.csv",
        "text,label\na\x00b,x\n".encode("utf-16"),
        "not a text file: it contains zero (NUL) char",
    ),
    "a row a class": (
        "a.csv",
        csv_of([(f"t {i}", f"c{i}") for i in range(20)]),
        "Every row of a.csv has another label in the column",
    ),
    "broken utf-16": ("a.csv", b"\xff\xfea\x00\x00\xd8", "says that it is UTF-16 but is not"),
    "json list": ("a.json", b'["text", "x"]', "is a JSON list of something else than objects"),
    "no json": ("a.jsonl", b"text,label\nx,y\n", "is no JSON: line 1 cannot be read"),
    "some json": ("a.jsonl", b'{"a": 1, "b": 2}\n1\n[2]\n', "is not JSON lines: line 2 is no JSON object"),
    "deep json": ("a.jsonl", b"[" * 100_000, "records nested too deeply"),
    "deep object": ("a.jsonl", b'{"a":' * 100_000, "records nested too deeply"),
    "wide": ("a.csv", "a," * 200_000 + "\n", "more than 1,000 columns"),
    "wide json": ("a.jsonl", json.dumps({f"c{i}": 1 for i in range(1001)}), "more than 1,000 columns"),
    "byte order mark only": ("a.csv", b"\xef\xbb\xbf", "a.csv has no rows"),
    "gzip": ("a.csv", gzip.compress(csv_of(ROWS).encode()), "but its content is a gzip archive"),
    "png as csv": ("a.csv", b"\x89PNG\r\n\x1a\n\x00", "should be CSV by its name, but its content is an image"),
    "web page": ("a.csv", "\n<!DOCTYPE html>\n<p>a,b</p>", "should be CSV by its name, but its content is a web page"),
    "json as csv": ("a.csv", '{"text": "x", "label": 1}\n' * 20, "should be CSV by its name, but its content is JSON"),
    "json list as tsv": ("a.tsv", '[\n {"text":\t1}]', "should be TSV by its name, but its content is JSON"),
    "mixed encodings": (
        "a.csv",
        "text,label\nGrün,x\n".encode() + "Öl,y\n".encode("latin-1") + "Älter,x\n".encode(),
        "is UTF-8 but for some characters, the first in line 3; save it as UTF-8",
    ),
    "one class of two lines": (
        "a.csv",
        csv_of([(f"t {i}", "a\nb") for i in range(20)]),
        "has the label “a b”; two classes are needed",
    ),
    "targets that hardly differ": (
        "a.csv",
        csv_of([(f"t {i}", f"1.0000000000{i % 2 + 1}") for i in range(20)]),
        "hardly differ, from 1.00000000001 to 1.00000000002",
    ),
    "a name of two lines": ("two\nlines.csv", b"", "two lines.csv is empty"),
    "ending": ("a.xlsx", b"PK\x03\x04", "allowed are .csv, .tsv, .jsonl, .ndjson, .json, .parquet, .txt, .ft"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused_in_one_clear_sentence(case: str, file) -> None:
    name, content, says = REFUSED[case]
    with pytest.raises(TaskError) as caught:
        add(file(name, content))
    message = str(caught.value)
    assert says in message
    assert "\n" not in message
    assert len(message) < 300
    assert stored.list_stored() == []


def test_an_unknown_part_is_named(file) -> None:
    rows = [(f"t {i}", i % 2, "train" if i else "holdout") for i in range(20)]
    with pytest.raises(TaskError, match="line 2: “holdout” names no part; the column “part2” may hold train"):
        add(file("a.csv", csv_of(rows, "text,label,part2")), text="text", label="label", split="part2")


@pytest.mark.parametrize(
    ("columns", "says"),
    [
        ({"text": "texts", "label": "label"}, "has no column “texts”; it has text, label"),
        ({"text": "text", "label": "text"}, "“text” is chosen twice"),
        ({"text": "text", "label": "label", "kind": "ranking"}, "classification or regression, not 'ranking'"),
        ({"text": "text", "label": "label", "kind": "regression"}, "40 rows whose label is no number"),
    ],
)
def test_wrong_columns(file, columns: dict[str, str], says: str) -> None:
    with pytest.raises(TaskError, match=says):
        add(file("a.csv", csv_of(ROWS)), **columns)


def test_gaps_between_numbers_are_no_class(file) -> None:
    numbers = [("0", "1", "NaN", "n/a")[i % 4] for i in range(40)]
    key = add(file("a.csv", csv_of([(f"t {i}", label) for i, label in enumerate(numbers)])))
    assert get_task(key).labels == ("0", "1")
    assert preparation(key).left_out == {"rows without a label": 20}
    words = [("none", "some")[i % 2] for i in range(40)]
    assert get_task(add(file("b.csv", csv_of([(f"t {i}", label) for i, label in enumerate(words)])))).labels == (
        "none",
        "some",
    )
    lines = [json.dumps({"text": f"t {i}", "label": [0.0, 1.0, float("nan")][i % 3]}) for i in range(60)]
    assert get_task(add(file("c.jsonl", "\n".join(lines)))).labels == ("0", "1")
    lines = [json.dumps({"text": f"t {i}", "label": ["good", "bad", float("nan")][i % 3]}) for i in range(60)]
    assert get_task(add(file("words.jsonl", "\n".join(lines)))).labels == ("bad", "good")
    frame = pa.table({"text": [f"t {i}" for i in range(60)], "label": [0.0, 1.0, float("nan")] * 20})
    pq.write_table(frame, path := file("d.parquet", b""))
    assert get_task(add(path)).labels == ("0", "1")


def test_a_first_line_that_recurs_below_itself_is_data(file) -> None:
    lines = [f"text number {i},{('spam', 'ham')[i % 2]}" for i in range(30)]
    headless = file("a.csv", "\n".join(lines))
    looked = look(headless)
    assert (looked["headed"], looked["rows"], looked["guess"]["label"]) == (False, 30, "column 2")
    headed = file("b.csv", "\n".join(["text,spam", *lines]))  # a usual name, so that the recurring one is no proof
    assert look(headed)["headed"] is True
    corrected = look(headless, headed=True)
    assert (corrected["headed"], corrected["rows"], corrected["guess"]["label"]) == (True, 29, "spam")
    key, other = add(headless), intake.add(path=str(headless), name="a.csv", headed=True)
    assert len(texts(key)) == 30
    assert len(texts(other)) == 29
    same_names = file("c.csv", csv_of(ROWS, "column 1,column 2"))
    assert "column 1" in texts(intake.add(path=str(same_names), name="c.csv", headed=False)) - texts(add(same_names))


def test_the_second_file_is_read_like_the_first_one(file) -> None:
    lines = [f"text number {i},{('spam', 'ham')[i % 2]}" for i in range(30)]
    headless = file("a.csv", "\n".join(lines))
    second = file("b.csv", "a new text,spam\nanother one,ham")  # nothing recurs: alone, its first line looks like names
    assert look(second)["headed"] is True
    key = intake.add(path=str(headless), name="a.csv", test_path=str(second), test_name="b.csv")
    assert sorted(load(get_task(key), "test").text) == ["a new text", "another one"]


def test_a_line_that_repeats_the_header_is_left_out(file) -> None:
    key = add(file("joined.csv", csv_of(ROWS[:20]) + csv_of(ROWS[20:])))
    assert get_task(key).labels == ("bad", "good")
    assert preparation(key).problems == ("joined.csv line 22 repeats the names of the columns",)


def test_excels_word_on_the_separator_is_no_header(file) -> None:
    key = add(file("excel.csv", "sep=;\ntext;label\n" + "".join(f"a, b {i};{'xy'[i % 2]}\n" for i in range(20))))
    assert stored.get(key).columns.text == "text"
    assert len(texts(key)) == 20


def test_an_empty_row_does_not_hide_the_split_column(file) -> None:
    rows = [(f"t {i}", i % 2, "test" if i % 5 == 0 else "train") for i in range(40)]
    key = add(file("a.csv", csv_of([*rows, ("", "", ""), ("left over", "1", "")], "text,label,split")))
    assert stored.get(key).columns.split == "split"
    assert preparation(key).left_out == {"rows without a text": 1, "rows without a part": 1}
    assert preparation(key).splits["test"] == 8


def test_columns_of_the_same_name(file, tmp_path: Path) -> None:
    key = add(file("a.csv", csv_of([(f"t {i}", i % 2, "x") for i in range(20)], "text,label,text")))
    assert len(texts(key)) == 20
    arrays = [pa.array([f"t {i}" for i in range(20)]), pa.array([0, 1] * 10), pa.array(["x"] * 20)]
    pq.write_table(pa.Table.from_arrays(arrays, names=["text", "label", "text"]), tmp_path / "b.parquet")
    with pytest.raises(TaskError, match=r"b\.parquet has two columns called “text”; their names must differ"):
        add(tmp_path / "b.parquet")


def test_targets_of_any_size_stay_finite(file) -> None:
    rows = [(f"t {i}", ("1e308", "-1e308", "0")[i % 3]) for i in range(30)]
    task = get_task(add(file("a.csv", csv_of(rows, "text,score")), text="text", label="score", kind="regression"))
    assert {float(y) for split in task.splits for y in load(task, split).labels} == {0.0, 2.5, 5.0}


def test_parquet_text_that_is_no_utf8_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"text": [f"text {i}" for i in range(20)], "label": [0, 1] * 10}), path, compression="none")
    path.write_bytes(path.read_bytes().replace(b"text 1", b"text \xff"))
    with pytest.raises(TaskError, match="is a damaged Parquet file"):
        add(path)


def test_more_rows_than_are_read(file, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("spafit.tasks.upload.tables.ROWS", 30)
    pq.write_table(pa.table({"text": ["x"] * 40, "label": [0, 1] * 20}), tmp_path / "a.parquet")
    lines = "".join(json.dumps({"text": text, "label": label}) + "\n" for text, label in ROWS)
    for path in (file("a.csv", csv_of(ROWS)), file("a.jsonl", lines), tmp_path / "a.parquet"):
        with pytest.raises(TaskError, match=rf"{path.name} has more than 30 rows; bring a part of it"):
            add(path)


def test_a_file_beyond_the_limit_is_not_read(file, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPAFIT_MAX_FILE_MB", "1")
    with pytest.raises(TaskError, match=r"a.csv has 1.1 MB; the limit is 1 MB"):
        read_table(file("a.csv", csv_of([("x" * 1000, "y")] * 1100)))
    with pytest.raises(TaskError, match="limit is 1 MB"):
        stored.keep_upload("a.csv", b"x" * 1_000_001)
    read_table(file("b.csv", csv_of([("x" * 1000, "y")] * 900)))
    for usual in ("", "0", "-1", "many"):
        monkeypatch.setenv("SPAFIT_MAX_FILE_MB", usual)
        assert limit_mb() == 200


def test_uploads_that_nobody_stored_are_forgotten_after_a_day() -> None:
    old, young = stored.keep_upload("a.csv", b"old"), stored.keep_upload("b.csv", b"young")
    for path, hours in ((old, 25), (young, 23)):
        then = path.stat().st_mtime - hours * 3600
        os.utime(path, (then, then))
    (old.parent / "gone").symlink_to("nowhere")  # what another process deleted while we looked
    stored.keep_upload("c.csv", b"new")
    assert (old.exists(), young.exists()) == (False, True)


def test_parquet_that_expands_beyond_the_limit_is_refused(tmp_path: Path) -> None:
    """Two small files that stand for gigabytes: one by its repeated text, one by its number of rows."""
    repeated = pa.DictionaryArray.from_arrays(pa.array(np.zeros(20_000, np.int32)), pa.array(["x" * 100_000]))
    labels = pa.array(np.arange(20_000) % 2)
    pq.write_table(pa.table({"text": repeated, "label": labels}), tmp_path / "bomb.parquet")
    assert (tmp_path / "bomb.parquet").stat().st_size < 100_000
    with pytest.raises(TaskError, match="would expand to more than 1 GB; it is not read"):
        read_table(tmp_path / "bomb.parquet")
    pq.write_table(pa.table({"text": ["x" * 5_000_000] * 10, "label": [0, 1] * 5}), tmp_path / "cell.parquet")
    with pytest.raises(TaskError, match="a cell of more than 1,000,000 characters"):
        read_table(tmp_path / "cell.parquet")


def test_parquet_columns_become_text(tmp_path: Path) -> None:
    table = pa.table(
        {
            "text": [f"t {i}" for i in range(20)],
            "vector": [[1.0, 2.0]] * 20,
            "label": pa.array([True, False, None, True] * 5),
            "group": pa.array(["x", "y"] * 10).dictionary_encode(),
            "amount": pa.array([1.0, 2.5] * 10),
        }
    )
    pq.write_table(table, tmp_path / "a.parquet")
    read = read_table(tmp_path / "a.parquet")
    assert list(read.columns) == ["text", "label", "group", "amount"]
    assert read.cells("label")[:4] == ["true", "false", None, "true"]
    assert read.cells("group")[:2] == ["x", "y"]
    assert read.cells("amount")[:2] == ["1", "2.5"]
    assert get_task(add(tmp_path / "a.parquet")).labels == ("false", "true")
    assert get_task(add(tmp_path / "a.parquet", text="text", label="amount", kind="classification")).labels == (
        "1",
        "2.5",
    )


def test_whole_numbers_kept_as_fractions_are_whole_again(file) -> None:
    assert get_task(add(file("a.csv", csv_of([(f"t {i}", f"{i % 12}.0") for i in range(60)])))).labels == tuple(
        str(i) for i in range(12)
    )


def test_a_full_disk_is_one_sentence(file, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    path = file("a.csv", csv_of(ROWS))
    monkeypatch.setattr("spafit.tasks.prepared._write_part", full)
    with pytest.raises(ValueError, match=r"cannot be stored in .* \(No space left on device\)"):
        add(path)
    assert [p for p in (path.parent / "home" / "datasets").iterdir() if p.name != ".incoming"] == []


def test_the_helper_process_answers_and_refuses(file) -> None:
    path = file("a.csv", csv_of(ROWS))
    assert helper.call("look", path=str(path), name="a.csv")["rows"] == 40
    with pytest.raises(TaskError, match=r"^gone\.csv cannot be read \(No such file or directory\)\.$"):
        helper.call("look", path=str(path.with_name("gone.csv")), name="gone.csv")
    with pytest.raises(TaskError, match="took longer than 0 s"):
        helper.call("look", timeout=0.01, path=str(path), name="a.csv")


cells = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=30)


@given(st.lists(st.tuples(cells, cells), min_size=1, max_size=8))
def test_csv_cells_come_back(tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str]]) -> None:
    path = tmp_path_factory.mktemp("csv") / "a.csv"
    path.write_bytes(("\ufeff" + csv_of([("x", "y"), *rows])).encode())
    table = read_table(path)
    assert table.malformed == 0
    assert list(zip(table.cells("text"), table.cells("label"), strict=True)) == [("x", "y"), *rows]


@given(st.lists(st.tuples(cells, cells), min_size=1, max_size=8))
def test_json_cells_come_back(tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str]]) -> None:
    path = tmp_path_factory.mktemp("json") / "a.jsonl"
    path.write_bytes("\n".join(json.dumps({"a": a, "b": b}) for a, b in rows).encode())
    table = read_table(path)
    assert list(zip(table.cells("a"), table.cells("b"), strict=True)) == rows


def test_half_a_surrogate_pair_does_not_stop_a_file(file) -> None:
    lines = [json.dumps({"text": f"t {i} \ud83d", "label": i % 2}) for i in range(20)]
    assert "t 3 ?" in texts(add(file("a.jsonl", "\n".join(lines))))


def test_a_hub_data_set_from_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def part(name: str, count: int) -> list[dict]:
        return [{"review": f"{name} {i}", "label": i % 3 - 1, "split": "odd"} for i in range(count)]

    parts = {"train": part("train", 60), "test": part("test", 9), "unsupervised": part("more", 5)}
    columns = {"review": "string", "label": ["cold", "hot"], "split": "string"}
    write_cache(tmp_path, "owner/name", "default", columns, parts)
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    path = helper.call("hub", name="owner/name")
    key = intake.add(path=path, name="owner/name.parquet", title="owner/name")
    task = get_task(key)
    assert (task.name, task.labels) == ("owner/name", ("cold", "hot"))
    assert preparation(task).splits == {"train": 36, "validation": 4, "test": 6}
    assert preparation(task).left_out == {"rows without a label": 23}
    assert load(task, "test").text == [f"test {i}" for i in range(9) if i % 3]


def test_a_hub_data_set_offline_and_misnamed() -> None:
    with pytest.raises(TaskError, match=r"'\.\./\.\./etc' is not the name of a Hub data set"):
        helper.call("hub", name="../../etc")
    with pytest.raises(
        TaskError, match=r"owner/name cannot be had: it is not on this machine and the .* cannot be reached"
    ):
        helper.call("hub", name="owner/name")


PIECES = b'text label split train test , ; | " "" =1+1 1 -2.5 1e999 nan { } [ : \\ PAR1 <b> a b'.split()
PIECES += [b"\t", b"\n", b"\r", b"\r\n", b" ", b"\x00", b"\xff", b"\xff\xfe", b"\xef\xbb\xbf"]
PIECES += ["é".encode(encoding) for encoding in ("utf-8", "latin-1", "utf-16-le")]
pieces = st.sampled_from(PIECES)


@given(
    st.sampled_from(["a.csv", "a.tsv", "a.jsonl", "a.parquet"]),
    st.lists(pieces, max_size=60).map(b"".join) | st.binary(max_size=200),
    st.none() | st.booleans(),
)
def test_whatever_a_file_holds_is_a_table_or_one_sentence(
    tmp_path_factory: pytest.TempPathFactory, name: str, content: bytes, headed: bool | None
) -> None:
    path = tmp_path_factory.mktemp("any") / name
    path.write_bytes(content)
    try:
        looked = intake.look(path=str(path), name=name, headed=headed)
    except TaskError as error:
        assert "\n" not in str(error) and len(str(error)) < 300
        return
    json.dumps(looked, allow_nan=False)
    names = [column["name"] for column in looked["columns"]]
    assert len(set(names)) == len(names)
    assert all(name and "\n" not in name for name in names)
    guess = looked["guess"]
    chosen = [guess[part] for part in ("text", "label", "pair", "split") if guess[part] is not None]
    assert set(chosen) <= set(names)
    assert len(set(chosen)) == len(chosen)


label_cells = st.sampled_from(
    ["a", "b", "A ", "0", "1", "1.0", "2.5", "-3", "1e308", "-1e308", "1e-320", "nan", "inf", ""]
)
part_cells = st.sampled_from(["train", "train", "train", "Dev", "TEST", ""])
row_cells = st.tuples(st.text("ab \n\u00a0é", max_size=5), st.text("xy", max_size=2), label_cells, part_cells)


@given(
    st.lists(row_cells, min_size=10, max_size=60),
    st.sampled_from(["classification", "regression"]),
    st.booleans(),
    st.booleans(),
)
def test_whatever_is_taken_in_is_accounted_for(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple], kind: str, pair: bool, split: bool
) -> None:
    path = tmp_path_factory.mktemp("any") / "a.csv"
    path.write_bytes(csv_of(rows, "text,second,label,split").encode())
    columns = {"text": "text", "label": "label", "kind": kind}
    columns |= {"pair": "second"} if pair else {}
    columns |= {"split": "split"} if split else {}
    try:
        key = intake.add(columns, path=str(path), name="a.csv")
    except TaskError as error:
        assert "\n" not in str(error) and len(str(error)) < 300
        return
    task, done = get_task(key), preparation(key)
    assert done.rows_read == len(rows)
    kept = sum(done.splits.values())
    assert kept + sum(done.left_out.values()) + done.duplicates_removed + done.found_in_test == len(rows)
    there = {(text, second if pair else None) for text, second, _, _ in rows}
    for name in task.splits:
        part = load(key, name)
        assert np.isfinite(part.labels).all()
        assert set(zip(part.text, part.pair or [None] * len(part), strict=True)) <= there
        if kind == "classification":
            given = {label.strip().removesuffix(".0") for _, _, label, _ in rows}
            assert {task.answer(label).removesuffix(".0") for label in part.labels} <= given
    assert intake.add(columns, path=str(path), name="again.csv") == key

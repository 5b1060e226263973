"""Files as people have them, generated: encodings, quotes, separators, titles, columns, spellings of labels."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from spafit.tasks import TaskError, get_task, load, preparation
from spafit.tasks.files import read_table
from spafit.tasks.upload import intake, stored
from spafit.tasks.upload.encodings import decode
from tests.tasks.written import WRITTEN

SEPARATORS = [",", ";", "\t", "|"]
TEXTS = ["a warm and honest film", "cold soup and stale bread", "fits well and looks great", "I want my money back"]
File = Callable[[str, str | bytes], Path]


@pytest.fixture
def file(tmp_path: Path) -> File:
    def write(name: str, content: str | bytes) -> Path:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


@pytest.fixture(scope="module")
def anew(tmp_path_factory: pytest.TempPathFactory) -> File:
    """Return a file for each example of a property."""

    def write(name: str, content: str | bytes) -> Path:
        path = tmp_path_factory.mktemp("file") / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


def look(path: Path, columns: dict[str, Any] | None = None, **how: Any) -> dict[str, Any]:
    return intake.look(columns, path=str(path), name=path.name, **how)


def rows(count: int = 40, labels: tuple[str, ...] = ("neg", "pos")) -> list[tuple[str, str]]:
    return [(f"{TEXTS[i % 4]} {i}", labels[i % len(labels)]) for i in range(count)]


def separated(table: list[tuple[Any, ...]], separator: str = ",", **how: Any) -> str:
    out = io.StringIO()
    csv.writer(out, delimiter=separator, **how).writerows(table)
    return out.getvalue()


def said(seen: dict[str, Any]) -> str:
    return " ".join([seen["problem"], *seen["remarks"], *seen["problems"]])


# Encodings


@settings(derandomize=True, max_examples=150)  # which encoding letters are in is never certain: always the same letters
@given(st.sampled_from(WRITTEN), st.data(), st.integers(12, 60), st.sampled_from(SEPARATORS))
def test_text_in_any_encoding_is_read_in_it(anew: File, written: Any, data: st.DataObject, count: int, by: str) -> None:
    texts, labels, encoding = written
    chosen = data.draw(st.lists(st.sampled_from(texts), min_size=count, max_size=count))
    assume(len(set(chosen)) > 2)
    table = [(f"{text} {i}", labels[i % 2]) for i, text in enumerate(chosen)]
    content = separated([("text", "label"), *table], by).encode(encoding)
    seen = look(anew("a.csv", content))
    assert (seen["problem"], seen["rows"], set(seen["labels"])) == ("", count, set(labels))
    assert [example["text"] for example in seen["examples"]] == [text for text, _ in table[: len(seen["examples"])]]
    assert "its letters read as" in said(seen)
    assert decode(content, "a.csv", encoding).text == content.decode(encoding)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_what_says_its_encoding_needs_no_remark(file: File, encoding: str) -> None:
    texts, labels, _ = WRITTEN[0]
    table = [(f"{text} {i}", labels[i % 2]) for i, text in enumerate(texts * 8)]
    seen = look(file("a.csv", separated([("text", "label"), *table]).encode(encoding)))
    assert (seen["rows"], seen["labels"], seen["remarks"]) == (40, sorted(labels), [])


def test_bytes_that_no_encoding_fits_are_refused_and_a_chosen_one_is_checked(file: File) -> None:
    noise = b"text,label\n" + b"".join(bytes([129 + i, 141, 255, 144, 44, 48 + i % 2, 10]) for i in range(30))
    with pytest.raises(TaskError, match="in no encoding that can be told by its letters; say which one"):
        look(file("a.csv", noise))
    with pytest.raises(TaskError, match=r"is not Latin-1 \(Windows-1252\): byte 12, in line 2, has no meaning there"):
        look(file("a.csv", noise), encoding="cp1252")
    with pytest.raises(TaskError, match="There is no encoding “rot13”"):
        look(file("a.csv", noise), encoding="rot13")
    with pytest.raises(TaskError, match="There is no encoding “hex”"):
        look(file("a.csv", noise), encoding="hex")


def test_a_few_marks_in_an_english_text_are_western(file: File) -> None:
    table = [(f"It’s a film – “{text}” é", label) for text, label in rows()]
    seen = look(file("a.csv", separated([("text", "label"), *table]).encode("cp1252")))
    assert (seen["rows"], seen["encoding"]) == (40, "Latin-1 (Windows-1252)")


# Quotation marks and separators

cells = st.text('ab ,;|\t"\n', min_size=1, max_size=12).filter(lambda cell: cell.strip() and "\r" not in cell)


@given(
    st.lists(cells, min_size=12, max_size=30),
    st.sampled_from(SEPARATORS),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]),
    st.sampled_from(["\n", "\r\n"]),
    st.booleans(),
)
def test_quoted_cells_come_back_whatever_they_hold(
    anew: File, texts: list[str], by: str, quoting: int, end: str, first: bool
) -> None:
    table = [(text, ("neg", "pos")[i % 2]) for i, text in enumerate(texts)]
    header = ("text", "label")
    if first:
        header, table = ("label", "text"), [(label, text) for text, label in table]
    content = separated([header, *table], by, quoting=quoting, lineterminator=end)
    read = read_table(anew("a.csv", content))
    assert read.malformed == 0
    assert list(zip(*(read.cells(name) for name in header), strict=True)) == table


@given(st.lists(st.text('abc ,;"', min_size=1, max_size=15).filter(str.strip), min_size=10, max_size=25))
@example(['he said "no", twice'] * 10)
@example([";"] * 9 + ['",;'])
def test_quotation_marks_behind_a_backslash_come_back(anew: File, texts: list[str]) -> None:
    assume(any('"' in text for text in texts))
    lines = [f'"{text}",{("neg", "pos")[i % 2]}' for i, text in enumerate(t.replace('"', r"\"") for t in texts)]
    read = read_table(anew("a.csv", "\n".join(["text,label", *lines])))
    assert read.cells("text") == texts
    assert read.malformed == 0


@given(st.integers(30, 80), st.sampled_from(SEPARATORS), st.sets(st.integers(0, 29), min_size=1, max_size=4), st.data())
def test_a_stray_quotation_mark_swallows_no_row(
    anew: File, count: int, by: str, strays: set[int], data: st.DataObject
) -> None:
    label_first, quoted_rest = data.draw(st.booleans()), data.draw(st.booleans())
    lines, table = [by.join(("label", "text") if label_first else ("text", "label"))], []
    for i, (text, label) in enumerate(rows(count)):
        written = text
        if i in strays:
            opens = data.draw(st.sampled_from(['"{}', '{}"', '"{}"x', 'x "{}']))
            written = opens.format(text)
        elif quoted_rest:
            written = f'"{text}"'
        lines.append(by.join((label, written) if label_first else (written, label)))
        table.append((text, label))
    seen = read_table(anew("a.csv", "\n".join(lines)))
    assert len(seen) + seen.malformed == count
    assert seen.malformed <= len(strays)
    for text, label in zip(seen.cells("text"), seen.cells("label"), strict=True):
        assert any(original in (text or "") and label == answer for original, answer in table)
    assert len(set(seen.cells("text"))) == len(seen)


def test_a_long_stray_and_a_visitors_choice(file: File) -> None:
    lines = [f"{label}\t{text}" for text, label in rows(60)]
    lines[5] = 'pos\t"the staff were kind'
    lines[40] = 'neg\ta screen of 40"'
    path = file("a.tsv", "\n".join(["label\ttext", *lines]))
    seen = look(path)
    assert (seen["rows"], seen["labels"], sum(seen["left_out"].values())) == (60, ["neg", "pos"], 0)
    assert "delimits no cell was read as text in line 7" in said(seen)
    assert look(path, quotes="quoted")["rows"] < 30
    assert look(path, quotes="plain")["rows"] == 60
    assert look(path, quotes="plain")["remarks"] == []


def test_prose_over_several_lines_is_one_cell_though_its_lines_hold_commas(file: File) -> None:
    table = [(f"I liked it, mostly\nwould buy again, {i}\nthanks", label) for i, (_, label) in enumerate(rows())]
    seen = look(file("a.csv", separated([("text", "label"), *table])))
    assert (seen["rows"], seen["labels"]) == (40, ["neg", "pos"])
    assert seen["examples"][0]["text"] == table[0][0]


def test_where_nothing_tells_a_cell_from_rows_the_lines_are_named(file: File) -> None:
    lines = [
        f"{word} one,{word} two" for word in ("ant", "bee", "cat", "dog", "elk", "fox", "gnu", "hen", "ibis", "jay")
    ]
    lines[3:3] = ['"an apple, a pear', 'a plum", a fig']
    lines[3:5] = ['"an apple,a pear', 'a plum,a fig"']
    read = read_table(file("a.csv", "\n".join(["first,second", *lines])))
    assert len(read) == 12
    assert any("Lines 5-6 may be one quoted cell or rows of their own" in remark for remark in read.remarks)


def test_one_bad_line_in_many_is_left_out_and_many_are_refused(file: File) -> None:
    lines = [f"{text},{label}" for text, label in rows(50)]
    lines[20] += ",and more"
    seen = look(file("a.csv", "\n".join(["text,label", *lines])))
    assert (seen["rows"], seen["left_out"]) == (49, {"malformed lines": 1})
    assert "line 22 has 3 columns where 2 are expected" in said(seen)
    for i in range(0, 50, 4):
        lines[i] += ",and more"
    with pytest.raises(
        TaskError, match=r"is not CSV: line 2 has 3 columns where 2 are expected, and 12 more lines do not"
    ):
        look(file("a.csv", "\n".join(["text,label", *lines])))


def test_reading_ends_for_any_number_of_open_marks(file: File) -> None:
    """Each line opens a cell that all the others would continue: reading must not start over to the end each time."""
    read = read_table(file("a.csv", "text,label\n" + "x,y\n" * 12_000 + 'a",b,"c\n' * 2000))
    assert len(read) + read.malformed == 14_000


# Title lines, headers, columns that tell rows apart

NAMES = [
    ("text", "label"),
    ("review", "sentiment"),
    ("Comment", "Rating"),
    ("sentence", "class"),
    ("评论", "情感"),
    ("Text", "Klasse"),
]
titles = st.lists(
    st.sampled_from(["Customer feedback", "Exported by Anna", "", "as of 2024-05-01", "# a remark"]), max_size=3
)


@given(st.sampled_from(NAMES), titles, st.sampled_from(SEPARATORS), st.booleans(), st.booleans())
def test_a_header_below_title_lines_is_found(
    anew: File, names: tuple[str, str], above: list[str], by: str, padded: bool, blank: bool
) -> None:
    lines = [title + by * padded for title in above] + [by * padded] * blank
    lines += [by.join(names), *(by.join(row) for row in rows())]
    seen = look(anew("a.csv", "\n".join(lines)))
    assert (seen["problem"], seen["rows"], seen["headed"], seen["labels"]) == ("", 40, True, ["neg", "pos"])
    assert (seen["guess"]["text"], seen["guess"]["label"]) == names
    assert ("above the table" in said(seen)) == any(title.strip() for title in above)


MARKS: dict[str, Callable[[int], str]] = {
    "id": lambda i: str(i),
    "": lambda i: str(i + 1),
    "Clothing ID": lambda i: str(7 * i + 700),
    "uuid": lambda i: f"{i:04x}-9f{i:02x}",
    "created_at": lambda i: f"2024-03-{i % 28 + 1:02d} 10:00:00",
    "url": lambda i: f"https://example.org/{i}",
    "votes": lambda i: str(i % 5),
    "helpful_count": lambda i: str(i % 3),
    "Title": lambda i: ("Nice", "Poor", "Fine")[i % 3],
    "user": lambda i: f"anna{i % 9}",
    "notes": lambda _: "",
}


@given(
    st.lists(st.sampled_from(list(MARKS)), unique=True, max_size=5),
    st.sampled_from(["label", "Rating", "mood", "airline_sentiment"]),
    st.sampled_from(["text", "Review Text", "tweet", "reviewText", "what they said"]),
    st.randoms(use_true_random=False),
)
def test_text_and_label_are_found_among_other_columns(
    anew: File, others: list[str], label: str, text: str, random: Any
) -> None:
    columns: dict[str, Callable[[int], str]] = {name: MARKS[name] for name in others}
    columns |= {text: lambda i: rows(40)[i][0], label: lambda i: ("good", "bad")[i % 2]}
    order = list(columns)
    random.shuffle(order)
    table = [tuple(order), *(tuple(columns[name](i) for name in order) for i in range(40))]
    seen = look(anew("a.csv", separated(table)))
    assert (seen["problem"], seen["guess"]["text"], seen["guess"]["label"]) == ("", text, label)
    assert seen["labels"] == ["bad", "good"]


@given(
    st.lists(
        st.sampled_from([name for name in MARKS if name not in ("Title", "user")]), unique=True, min_size=1, max_size=4
    )
)
def test_what_tells_rows_apart_never_becomes_the_label(anew: File, others: list[str]) -> None:
    table = [
        ("comment_text", *others),
        *((text, *(MARKS[name](i) for name in others)) for i, (text, _) in enumerate(rows())),
    ]
    path = anew("a.csv", separated(table))
    try:
        seen = look(path)
    except TaskError as error:  # nothing but empty columns beside the text
        assert others == ["notes"] and "at least two columns" in str(error)
        return
    assert "looks like a label (its columns are comment_text, " in seen["problem"]
    assert seen["guess"]["label"] is None
    with pytest.raises(TaskError, match="looks like a label"):
        intake.add(path=str(path), name="a.csv")


@given(st.integers(2, 6), st.sampled_from([("0", "1"), ("no", "yes"), ("False", "True"), ("0.0", "1.0")]))
def test_several_columns_of_yes_or_no_are_refused_or_one_is_chosen(
    anew: File, many: int, words: tuple[str, str]
) -> None:
    names = ["toxic", "obscene", "threat", "insult", "hate", "spam"][:many]
    table = [("id", "comment", *names)]
    table += [(str(i), text, *(words[(i >> k) % 2] for k in range(many))) for i, (text, _) in enumerate(rows(64))]
    path = anew("a.csv", separated(table))
    assert f"several labels a row (multi-label), yes or no in each of {', '.join(names)}" in look(path)["problem"]
    chosen = look(path, {"label": "obscene"})
    assert (chosen["problem"], chosen["guess"]["text"], len(chosen["labels"])) == ("", "comment", 2)


def test_other_columns_that_could_be_the_label_are_named(file: File) -> None:
    table = [("id", "Title", "Review Text", "Rating", "Recommended IND")]
    table += [(i, "Nice", text, i % 5 + 1, i % 2) for i, (text, _) in enumerate(rows())]
    seen = look(file("a.csv", separated(table)))
    assert (seen["guess"]["text"], seen["guess"]["label"]) == ("Review Text", "Rating")
    assert "“Rating” is taken for the label; “Recommended IND” could be too" in said(seen)


# Labels

CASES = [str.lower, str.upper, str.title, str.capitalize, lambda word: f" {word}", lambda word: f"{word}  "]
CLASSES = [
    ("positive", "negative"),
    ("sport", "tech", "arts"),
    ("iyi", "kötü", "sıkıcı"),
    ("хорошо", "плохо"),
    ("θετικό", "αρνητικό"),
]


@given(st.sampled_from(CLASSES), st.lists(st.sampled_from(CASES), min_size=30, max_size=60))
def test_a_label_in_several_spellings_is_one_class(anew: File, classes: tuple[str, ...], spellings: list[Any]) -> None:
    cells = [spell(classes[i % len(classes)]) for i, spell in enumerate(spellings)]
    table = [("text", "label"), *((f"{TEXTS[i % 4]} {i}", cell) for i, cell in enumerate(cells))]
    seen = look(anew("a.csv", separated(table)))
    assert len(seen["labels"]) == len(classes)
    several = len({cell.strip() for cell in cells}) > len(classes)
    assert ("Labels in several spellings are one class" in said(seen)) == several


@given(
    st.lists(
        st.tuples(st.integers(0, 4), st.sampled_from(["{}", "{}.0", "+{}", "{}.00", " {} "])), min_size=30, max_size=50
    )
)
def test_numbers_are_one_class_however_they_are_written(anew: File, written: list[tuple[int, str]]) -> None:
    assume(len({number for number, _ in written}) > 1)
    table = [("text", "label"), *((f"{TEXTS[i % 4]} {i}", how.format(n)) for i, (n, how) in enumerate(written))]
    seen = look(anew("a.csv", separated(table)))
    assert seen["labels"] == sorted({str(number) for number, _ in written})


def test_files_of_one_data_set_spell_their_classes_alike(file: File) -> None:
    train = file("train.csv", separated([("text", "label"), *rows(40, ("0", "1"))]))
    test = file("test.csv", separated([("text", "label"), *((f"new {t}", f"{a}.0") for t, a in rows(20, ("0", "1")))]))
    key = intake.add(path=str(train), name="train.csv", test_path=str(test), test_name="test.csv")
    assert get_task(key).labels == ("0", "1")
    assert preparation(key).splits["test"] == 20
    assert np.bincount(load(key, "test").labels).tolist() == [10, 10]
    other = file("other.csv", separated([("text", "label"), *((f"new {t}", f"class {a}") for t, a in rows(20))]))
    with pytest.raises(
        TaskError, match="has none of the training part's labels: “class neg”, “class pos”, not “0”, “1”"
    ):
        intake.add(path=str(train), name="train.csv", test_path=str(other))


@pytest.mark.parametrize("words", [("yes", "no", "Y", "N"), ("True", "FALSE", "t", "f"), ("true", "0", "1", "False")])
def test_short_and_long_answers_are_the_same(file: File, words: tuple[str, ...]) -> None:
    seen = look(file("a.csv", separated([("text", "label"), *rows(40, words)])))
    assert len(seen["labels"]) == 2
    assert "several spellings" in said(seen)


def test_what_is_no_label_is_left_out_counted_and_named(file: File) -> None:
    seen = look(file("a.csv", separated([("text", "label"), *rows(40, ("pos", "neg", "-", "neg"))])))
    assert (seen["rows"], seen["labels"]) == (30, ["neg", "pos"])
    assert seen["left_out"] == {"rows without a label (“-”)": 10}
    assert "a.csv line 4 is a row without a label (“-”)" in said(seen)
    signs = look(file("b.csv", separated([("text", "label"), *rows(40, ("+", "-"))])))
    assert (signs["rows"], signs["labels"]) == (40, ["+", "-"])


def test_minus_one_is_a_class_unless_a_whole_part_has_nothing_else(file: File) -> None:
    seen = look(file("a.csv", separated([("text", "label"), *rows(40, ("-1", "1"))])))
    assert (seen["rows"], seen["labels"]) == (40, ["-1", "1"])
    assert "-1 is taken for a class" in said(seen)
    table = [(text, *(("-1", "test") if i > 30 else (label, "train"))) for i, (text, label) in enumerate(rows(40))]
    path = file("b.csv", separated([("text", "label", "split"), *table]))
    seen = look(path)
    assert (seen["rows"], seen["labels"]) == (31, ["neg", "pos"])
    assert seen["left_out"] == {"rows without a label (“-1” throughout the test part)": 9}
    assert "No row of the test part has a label" in said(seen)
    assert get_task(intake.add(path=str(path), name="b.csv")).labels == ("neg", "pos")


def test_names_of_classes_in_a_parquet_file(tmp_path: Path) -> None:
    features = {"text": {"_type": "Value"}, "label": {"names": ["cold", "hot"], "_type": "ClassLabel"}}
    metadata = {b"huggingface": json.dumps({"info": {"features": features}}).encode()}
    table = pa.table({"text": [text for text, _ in rows()], "label": [i % 3 - 1 for i in range(40)]})
    pq.write_table(table.replace_schema_metadata(metadata), tmp_path / "a.parquet")
    seen = look(tmp_path / "a.parquet")
    assert (seen["rows"], seen["labels"], seen["left_out"]) == (26, ["cold", "hot"], {"rows without a label": 14})
    assert "names that the file gives them, -1 as no label" in said(seen)
    few = table.set_column(1, "label", pa.array([i % 4 for i in range(40)])).replace_schema_metadata(metadata)
    pq.write_table(few, tmp_path / "b.parquet")
    with pytest.raises(TaskError, match="has the class 2, but names 2 classes only"):
        look(tmp_path / "b.parquet")


def test_a_class_that_training_has_not_is_named(file: File) -> None:
    train = file("train.csv", separated([("text", "label"), *rows()]))
    test = file("test.csv", separated([("text", "label"), ("a new one", "pos"), ("another", "mixed")]))
    seen = look(train, test_path=str(test))
    assert "No training example has the label “mixed”, so it cannot be learned" in said(seen)
    key = intake.add(path=str(train), name="train.csv", test_path=str(test))
    assert any("“mixed”" in remark for remark in stored.get(key).remarks)
    copied = [("the only one of its kind", "rare"), *rows()]
    train = file("train.csv", separated([("text", "label"), *copied]))
    test = file("test.csv", separated([("text", "label"), copied[0], *((f"new {t}", a) for t, a in rows(5))]))
    key = intake.add(path=str(train), name="train.csv", test_path=str(test))
    assert any("No training example has the label “rare”" in remark for remark in stored.get(key).remarks)


@given(st.lists(st.integers(-4999, 4999), min_size=25, max_size=60, unique=True), st.sampled_from([";", "\t", "|"]))
def test_decimal_commas_are_numbers(anew: File, hundredths: list[int], by: str) -> None:
    assume(any(value % 100 for value in hundredths))
    cells = [f"{value / 100:.2f}".replace(".", ",") for value in hundredths]
    table = [("Text", "Bewertung"), *((f"{TEXTS[i % 4]} {i}", cell) for i, cell in enumerate(cells))]
    seen = look(anew("a.csv", separated(table, by)))
    assert (seen["problem"], seen["rows"], seen["guess"]["kind"]) == ("", len(cells), "regression")
    assert "read with a comma before the decimals" in said(seen)
    low, high = min(hundredths) / 100, max(hundredths) / 100
    span = (lambda x: 5 * (x - low) / (high - low)) if max(abs(low), abs(high)) > 10 else (lambda x: x)
    for shown, value in zip(seen["examples"], hundredths, strict=False):
        assert shown["label"] == pytest.approx(span(value / 100), abs=1e-4)


def test_thousands_are_told_from_decimals(file: File) -> None:
    table = [("text", "price"), *((text, f"{i % 7 + 1},{i * 31 % 1000:03d}.50") for i, (text, _) in enumerate(rows()))]
    seen = look(file("a.csv", separated(table)))
    assert (seen["guess"]["kind"], seen["rows"]) == ("regression", 40)
    assert "commas between thousands" in said(seen)


# Other ways to write a table

RECORDS = [{"text": text, "label": label} for text, label in rows()]
WAYS = {
    "list": ("a.json", json.dumps(RECORDS)),
    "pretty list": ("a.json", json.dumps(RECORDS, indent=2)),
    "list in JSON lines": ("a.jsonl", json.dumps(RECORDS)),
    "columns": (
        "a.json",
        json.dumps({k: {str(i): row[k] for i, row in enumerate(RECORDS)} for k in ("text", "label")}),
    ),
    "pretty columns": (
        "a.json",
        json.dumps({k: {str(i): r[k] for i, r in enumerate(RECORDS)} for k in RECORDS[0]}, indent=1),
    ),
    "lists": ("a.json", json.dumps({k: [row[k] for row in RECORDS] for k in ("text", "label")})),
    "split": ("a.json", json.dumps({"columns": ["text", "label"], "data": [list(row.values()) for row in RECORDS]})),
    "index": ("a.json", json.dumps({str(i): row for i, row in enumerate(RECORDS)})),
    "table": ("a.json", json.dumps({"schema": {"fields": []}, "data": RECORDS})),
    "pretty objects": ("a.jsonl", "\n".join(json.dumps(row, indent=2) for row in RECORDS)),
    "bad first line": ("a.jsonl", "oops\n" + "\n".join(json.dumps(row) for row in RECORDS)),
    "lists of one": ("a.jsonl", "\n".join(json.dumps(row | {"label": [row["label"]]}) for row in RECORDS)),
    "with nested data beside": ("a.jsonl", "\n".join(json.dumps(row | {"meta": {"a": 1}}) for row in RECORDS)),
    "fastText": ("a.txt", "".join(f"__label__{label} {text}\n" for text, label in rows())),
    "fastText by its ending": ("a.ft", "".join(f"__label__{label} {text}\n" for text, label in rows())),
    "R's table": ("a.txt", '"text" "label"\n' + "".join(f'"{i}" "{t}" "{a}"\n' for i, (t, a) in enumerate(rows()))),
    "R's row names": ("a.tsv", "text\tlabel\n" + "".join(f"{i}\t{t}\t{a}\n" for i, (t, a) in enumerate(rows()))),
    "tab in a text file": ("a.txt", "text\tlabel\n" + "".join(f"{t}\t{a}\n" for t, a in rows())),
    "a separator that ends lines": ("a.csv", "text,label\n" + "".join(f"{t},{a},\n" for t, a in rows())),
    "spaces after commas": ("a.csv", "text, label\n" + "".join(f'"{t}, so", "{a}"\n' for t, a in rows())),
    "no header, label first": ("a.tsv", "".join(f"{a}\t{t}\n" for t, a in rows())),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_table_in_another_way(file: File, way: str) -> None:
    seen = look(file(*WAYS[way]))
    assert (seen["problem"], seen["rows"], seen["labels"]) == ("", 40, ["neg", "pos"])
    assert [example["label"] for example in seen["examples"][:2]] == ["neg", "pos"]
    assert seen["examples"][1]["text"].startswith("cold soup and stale bread 1")


TAGS = ("food|wine", "food", "wine")
REFUSED = {
    "lists of labels": (
        "a.jsonl",
        [json.dumps({"text": text, "labels": [label, "x"]}) for text, label in rows()],
        "holds lists, several labels a row (multi-label)",
    ),
    "labels in a cell": (
        "a.csv",
        ["text,tags", *(f"{text},{TAGS[i % 3]}" for i, (text, _) in enumerate(rows()))],
        "several labels in a cell (multi-label), parted by “|”",
    ),
    "fastText": (
        "a.txt",
        [f"__label__{label} __label__x {text}" for text, label in rows()],
        "40 lines with several labels, the first being line 1",
    ),
    "nested": (
        "a.json",
        [json.dumps([{"review": {"text": text, "stars": i % 5}} for i, (text, _) in enumerate(rows())])],
        "nested records (in review)",
    ),
    "nested beside a label": (
        "a.jsonl",
        [json.dumps({"review": {"text": text}, "label": label}) for text, label in rows()],
        "nested records (in review)",
    ),
    "documents": (
        "a.json",
        [json.dumps({"version": 1, "articles": {"a": [1], "b": {"c": 2}}})],
        "nested records (in articles)",
    ),
    "NUL": ("a.csv", ["text,label", *(f"{text},{label}" for text, label in rows()), "a\x00b,pos"], "zero (NUL)"),
    "a list of numbers": ("a.json", ["[1, 2, 3]"], "a JSON list of something else than objects"),
    "cut off": ("a.json", ['[{"text": "a", "label": 1},', '{"text": "b"'], "is no JSON: line 2 cannot be read"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_read_is_named_for_what_it_is(file: File, case: str) -> None:
    name, lines, says = REFUSED[case]
    with pytest.raises(TaskError) as caught:
        intake.add(path=str(file(name, "\n".join(lines))), name=name)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 300


def test_a_text_with_a_bare_separator_is_no_row_name(file: File) -> None:
    for header, line in (("text,label", "{text}, really,{label}"), ("label,text", "{label},{text}, really")):
        lines = [line.format(text=text, label=label) for text, label in rows()]
        with pytest.raises(TaskError, match="have a cell more than it has names of columns"):
            look(file("a.csv", "\n".join([header, *lines])))


def test_fasttext_labels_may_stand_behind_the_text_or_before_a_comma(file: File) -> None:
    for line in ("{text} __label__{label}", "__label__{label}, {text}"):
        lines = [line.format(text=text, label=label) for text, label in rows()]
        seen = look(file("a.txt", "\n".join(lines)))
        assert (seen["format"], seen["rows"], seen["labels"]) == ("fastText", 40, ["neg", "pos"])
        assert seen["examples"][0]["text"] == TEXTS[0] + " 0"


def test_a_list_of_lists_has_names_or_none(file: File) -> None:
    pairs = [list(row) for row in rows()]
    assert look(file("a.json", json.dumps(pairs)))["rows"] == 40
    seen = look(file("b.json", json.dumps([["text", "label"], *pairs])))
    assert (seen["rows"], seen["guess"]["text"]) == (40, "text")


def test_cells_that_are_lists_are_several_labels(file: File) -> None:
    table = [(text, ("['calm']", "['calm', 'glad']")[i % 2]) for i, (text, _) in enumerate(rows())]
    assert "several labels in a cell" in look(file("a.csv", separated([("text", "labels"), *table])))["problem"]


def test_a_column_that_is_the_same_throughout_is_no_label_beside_another(file: File) -> None:
    table = [("captions", text, f"{text} too", f"{i % 26 / 5:.2f}") for i, (text, _) in enumerate(rows())]
    seen = look(file("a.csv", separated([("genre", "sentence1", "sentence2", "score"), *table])))
    assert (seen["guess"]["label"], seen["guess"]["kind"], seen["guess"]["pair"]) == (
        "score",
        "regression",
        "sentence2",
    )

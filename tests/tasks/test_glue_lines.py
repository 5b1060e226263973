"""GLUE's files line by line as they are published: which column is which, what a quote is, where a header is.

Written out here in full, so that a column mistaken in the code is not mistaken in the same way by the test.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from spafit.tasks import get_task, load, preparation

PAIRS = "index\tsentence1\tsentence2\tlabel"
MNLI = (
    "index\tpromptID\tpairID\tgenre\tsentence1_binary_parse\tsentence2_binary_parse\tsentence1_parse\tsentence2_parse"
)
# key -> folder, header ("": none), line, text, second text, class number or target, answer in words
LINES = {
    "cola": (
        "CoLA",
        "",
        'gj04\t0\t*\tThey drank the "pub.',
        'They drank the "pub.',
        None,
        0,
        "unacceptable",
    ),
    "sst2": (
        "SST-2",
        "sentence\tlabel",
        '"hide new secretions from the parental units \t1',
        '"hide new secretions from the parental units ',
        None,
        1,
        "positive",
    ),
    "mrpc": (
        "MRPC",
        "\ufeffQuality\t#1 ID\t#2 ID\t#1 String\t#2 String",
        '1\t702876\t702977\tAmrozi accused "the witness" .\t"Referring to him as "the witness" , he lied .',
        'Amrozi accused "the witness" .',
        '"Referring to him as "the witness" , he lied .',
        1,
        "equivalent",
    ),
    "stsb": (
        "STS-B",
        "index\tgenre\tfilename\tyear\told_index\tsource1\tsource2\tsentence1\tsentence2\tscore",
        "0\tmain-captions\tMSRvid\t2012test\t0001\tnone\tnone\tA plane is taking off.\tAn air plane takes off.\t4.750",
        "A plane is taking off.",
        "An air plane takes off.",
        4.75,
        "4.75",
    ),
    "qqp": (
        "QQP",
        "id\tqid1\tqid2\tquestion1\tquestion2\tis_duplicate",
        '133273\t213221\t213222\tWhat is "ROI"?\tHow is "ROI" worked out?\t0',
        'What is "ROI"?',
        'How is "ROI" worked out?',
        0,
        "not_duplicate",
    ),
    "mnli": (
        "MNLI",
        f"{MNLI}\tsentence1\tsentence2\tlabel1\tgold_label",
        "0\t31193\t31193n\tgovernment\t( ( a ) )\t( ( b ) )\t(ROOT (a))\t(ROOT (b))\tHe slept.\tHe was awake."
        "\tneutral\tcontradiction",
        "He slept.",
        "He was awake.",
        2,
        "contradiction",
    ),
    "qnli": (
        "QNLI",
        "index\tquestion\tsentence\tlabel",
        '0\tWho sang "it"?\tIt was sung by Ada.\tentailment',
        'Who sang "it"?',
        "It was sung by Ada.",
        0,
        "entailment",
    ),
    "rte": (
        "RTE",
        PAIRS,
        "0\tIt is red.\tIt is blue.\tnot_entailment",
        "It is red.",
        "It is blue.",
        1,
        "not_entailment",
    ),
    "wnli": ("WNLI", PAIRS, "0\tIt broke.\tThe pin broke.\t1", "It broke.", "The pin broke.", 1, "entailment"),
}


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Return a function that writes a task's files: the line above first, in every test part, and enough to train."""
    monkeypatch.setenv("SPAFIT_GLUE_DIR", str(tmp_path))

    def written(key: str, more: str = "") -> None:
        folder, header, line, text, *_ = LINES[key]
        (tmp_path / folder).mkdir()
        rows = [line.replace(text, f"{text} {i}", 1) for i in range(12)]
        train = "\n".join([*([header] if header else []), *rows]) + "\n"
        (tmp_path / folder / "train.tsv").write_text(train, encoding="utf-8")
        stems = ("dev_matched", "dev_mismatched") if key == "mnli" else ("dev",)
        for stem in stems:
            if key == "mnli":  # its test files have the labels of five people where train.tsv has one
                header = f"{MNLI}\tsentence1\tsentence2\tlabel1\tlabel2\tlabel3\tlabel4\tlabel5\tgold_label"
                line = line.replace("\tneutral\t", "\tneutral\tneutral\tentailment\tneutral\tneutral\t")
                line = line.replace("He slept.", f"He slept. {stem}")
            dev = "\n".join([*([header] if header else []), line]) + "\n" + more
            (tmp_path / folder / f"{stem}.tsv").write_text(dev, encoding="utf-8")
            line = LINES[key][2]

    return written


@pytest.mark.parametrize("key", LINES)
def test_every_column_is_what_glue_says_it_is(key: str, write) -> None:
    write(key)
    task = get_task(key)
    _, _, _, text, second, label, answer = LINES[key]
    for part, stem in (("test", "dev_matched"), ("test_mismatched", "dev_mismatched")):
        if part in task.splits:
            examples = load(task, part)
            assert examples.text == [f"{text} {stem}" if key == "mnli" else text]
            assert examples.pair == (None if second is None else [second])
            assert examples.labels.tolist() == [label]  # the number that the data set on the Hub has for this class
            assert task.answer(examples.labels[0]) == answer
    assert preparation(task).left_out == {}
    assert preparation(task).rows_read == 12 + len(task.extra_tests) + 1
    trained = load(task, "train")
    assert len(trained) == 11
    assert {number.removeprefix(f"{text} ") for number in trained.text} < {str(i) for i in range(12)}


def test_a_line_with_a_column_too_many_is_left_out_and_named(write) -> None:
    write("rte", more="1\ta\tb\tentailment\tentailment\n2\ta\tb\tentailment\n")
    assert load("rte", "test").text == ["It is red.", "a"]
    assert preparation("rte").problems == ("dev.tsv line 3 has 5 columns where 4 are expected",)


def test_line_numbers_of_a_file_without_a_header_count_from_its_first_line(write) -> None:
    write("cola", more="gj04\t1\n")
    assert preparation("cola").problems == ("dev.tsv line 2 has 2 columns where 4 are expected",)


def test_line_ends_of_windows_are_no_part_of_a_text_or_label(write, tmp_path: Path) -> None:
    write("sst2")
    path = tmp_path / "SST-2" / "dev.tsv"
    path.write_bytes(b"label\tsentence\r\n1\tgood\r\n")
    assert load("sst2", "test").text == ["good"]
    assert preparation("sst2").left_out == {}


def test_a_training_pair_that_is_in_the_mismatched_part_is_not_trained_on(write, tmp_path: Path) -> None:
    write("mnli")
    with (tmp_path / "MNLI" / "train.tsv").open("a", encoding="utf-8") as file:
        file.write(LINES["mnli"][2].replace("He slept.", "HE slept.  dev_mismatched") + "\n")
    assert preparation("mnli").found_in_test == 1
    assert preparation("mnli").splits == {"train": 11, "validation": 1, "test": 1, "test_mismatched": 1}

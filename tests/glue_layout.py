"""Small files in GLUE's official layout, for tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from spafit.tasks.glue.files import LAYOUTS

HEADERS = {
    "cola": None,
    "sst2": "sentence\tlabel",
    "mrpc": "Quality\t#1 ID\t#2 ID\t#1 String\t#2 String",
    "stsb": "index\tgenre\tfilename\tyear\told_index\tsource1\tsource2\tsentence1\tsentence2\tscore",
    "qqp": "id\tqid1\tqid2\tquestion1\tquestion2\tis_duplicate",
    "mnli": "index\tpromptID\tpairID\tgenre\tsentence1_binary_parse\tsentence2_binary_parse\tsentence1_parse\t"
    "sentence2_parse\tsentence1\tsentence2\tlabel1\tgold_label",
    "qnli": "index\tquestion\tsentence\tlabel",
    "rte": "index\tsentence1\tsentence2\tlabel",
    "wnli": "index\tsentence1\tsentence2\tlabel",
}
NUMBERED = ("cola", "sst2", "mrpc", "qqp", "wnli")  # their files hold class numbers, the others class names


Words = Callable[[str, int], str]


def quoted(part: str, i: int) -> str:
    """Return a text that says where it is from, with a quotation mark that nothing closes."""
    return f'{part} "text {i}'


def row(key: str, part: str, i: int, words: Words = quoted) -> str:
    """Line `i` of a file of a task, as GLUE writes it."""
    layout = LAYOUTS[key]
    label = f"{i % 6 * 0.9:.3f}"
    if layout.labels:
        number = i % len(layout.labels)
        label = str(number) if key in NUMBERED else layout.labels[number]
    cells = {layout.text: words(part, i), layout.label: label}
    if layout.pair:
        cells[layout.pair] = words(f"{part} second", i)
    names = list(layout.columns) or HEADERS[key].split("\t")
    return "\t".join(cells.get(name, f"{name}{i}") for name in names)


def write_task(root: Path, key: str, train: int = 40, dev: int = 12, words: Words = quoted) -> Path:
    """Write the files of a task into GLUE's folder for it, under `root`; returns that folder."""
    layout = LAYOUTS[key]
    folder = root / layout.folder
    folder.mkdir(parents=True)
    for name in layout.files.values():
        stem = name.removesuffix(".tsv")
        lines = [HEADERS[key]] if HEADERS[key] else []
        lines += [row(key, stem, i, words) for i in range(train if stem == "train" else dev)]
        (folder / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder

"""Small files in layouts that people have, beside the checkout, and what is right for each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

CASES = Path(__file__).parents[2] / "shared" / "cases"
NEG_POS = {"text": "text", "label": "label", "labels": ["neg", "pos"], "left_out": 0}
RIGHT: dict[str, dict[str, Any]] = {
    "stray_quote.tsv": NEG_POS | {"rows": 60},
    "gbk.csv": {"rows": 60, "labels": ["好", "差"], "encoding": "GB18030 (GBK)"},
    "cp1251.csv": {"rows": 60, "labels": ["плохо", "хорошо"], "encoding": "Windows-1251 (Cyrillic)"},
    "title_line.csv": {"rows": 40, "text": "review", "label": "sentiment", "labels": ["neg", "pos"]},
    "label_spellings.csv": {"rows": 60, "labels": ["Positive", "negative"]},
    "labels_01_train.csv": {"rows": 60, "labels": ["0", "1"]},
    "no_gold.jsonl": {
        "rows": 54,
        "left_out": 6,
        "text": "sentence1",
        "pair": "sentence2",
        "labels": ["contradiction", "entailment", "neutral"],
    },
    "decimal_comma.csv": {"rows": 60, "kind": "regression", "labels": []},
    "title_and_review.csv": {"rows": 60, "text": "Review Text", "label": "Rating", "labels": ["2", "5"]},
    "array.json": NEG_POS | {"rows": 40},
    "pandas_columns.json": NEG_POS | {"rows": 40},
    "fasttext.txt": NEG_POS | {"rows": 40},
    "r_row_names.tsv": NEG_POS | {"rows": 40},
    "backslash_quotes.csv": NEG_POS | {"rows": 40},
    "one_bad_line.csv": NEG_POS | {"rows": 60, "left_out": 1},
}
REMARKED = {
    "stray_quote.tsv": "delimits no cell was read as text in line 11",
    "gbk.csv": "its letters read as GB18030",
    "label_spellings.csv": "“Positive” (also “POSITIVE”)",
    "labels_01_train.csv": "“1” (also “1.0”)",
    "no_gold.jsonl": "6 rows without a label (“-”)",
    "title_and_review.csv": "“Recommended IND” could be too",
    "one_bad_line.csv": "line 32 has 3 columns",
}
SECOND = {"labels_01_train.csv": "labels_01_test.csv"}
REFUSED = {
    "id_and_text.csv": "looks like a label (its columns are id, comment_text)",
    "several_labels.csv": "several labels a row (multi-label), yes or no in each of toxic, obscene, threat, insult",
}


def case(name: str) -> Path:
    """Return the file; skip where there is none."""
    if not (CASES / name).is_file():
        pytest.skip("No files in ../shared/cases beside the checkout.")
    return CASES / name

"""The model card of an exported run: its real numbers, from what `spafit.json` records."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from spafit.stratification import Stratification


def model_card(document: Mapping[str, Any]) -> str:
    """Return the README.md of an exported folder (Markdown with the Hub's front matter)."""
    spec = document["spec"]
    settings = spec["settings"]
    stratification = Stratification.from_dict(spec["stratification"])
    adapter = document["format"] == "adapter"
    # Names come from people: in front matter they are JSON strings, in the text they are code.
    front = {
        "base_model": document["model"],
        "library_name": "peft" if adapter else "transformers",
        "pipeline_tag": "text-classification",
        "tags": ["spafit", "peft" if adapter else "text-classification"],
    }
    lines = ["---", *(f"{key}: {json.dumps(value)}" for key, value in front.items()), "---", ""]
    lines += [f"# {_code(document['model'])} on {_code(document['task'])}, {stratification.name}", ""]
    share = 100 * document["trainable"] / document["total"]
    lines += [
        f"Trained {document['trainable']:,} of {document['total']:,} parameters ({share:.3g} %): "
        + "; ".join(f"stratum {s.number}, {s.span}: {s.recipe.value}" for s in stratification.strata() if s.size)
        + ".",
        "",
        "## Scores",
        "",
        "| part | metric | score | baseline |",
        "|---|---|---|---|",
    ]
    lines += [f"| validation | {name} | {value:.4f} | |" for name, value in document["validation_metrics"].items()]
    lines += _rows("test", document["metrics"], document["baseline"])
    for part, scores in (document["further_tests"] or {}).items():
        lines += _rows(part.replace("_", " "), scores["metrics"], scores["baseline"])
    lines += [
        "",
        "The baseline is what always answering the majority class (regression: the mean) reaches. One run, one seed "
        f"({document['seed']}): another seed gives other figures, often by a point or more.",
        "",
        "## Setting",
        "",
        *(f"- {key.replace('_', ' ')}: {_code(value)}" for key, value in settings.items() if value is not None),
        "",
        "## Data",
        "",
        *_data(document),
        "",
        "## Use",
        "",
        *_use(document, adapter),
        "",
        "## Environment",
        "",
        f"- device: {_code(document['device'])}, {_code((document['hardware'] or {}).get('cpu', 'unknown'))}",
        *(f"- {name} {version}" for name, version in sorted((document["versions"] or {}).items())),
        f"- SHA-256 of the base weights: `{document['base_sha256']}`",
        "",
    ]
    return "\n".join(lines)


def _data(document: Mapping[str, Any]) -> list[str]:
    origin = document.get("data")
    if not origin:
        return [f"Trained on {_code(document['task'])}, whose origin and licence are not known here any more."]
    return [f"- origin: {_code(origin['origin'])}", f"- licence of the texts: {_code(origin['licence'])}"]


def _rows(part: str, scores: Mapping[str, float], baseline: Mapping[str, float]) -> list[str]:
    floors = {name: f"{baseline[name]:.4f}" if name in baseline else "" for name in scores}
    return [f"| {part} | {name} | {value:.4f} | {floors[name]} |" for name, value in scores.items()]


def _use(document: Mapping[str, Any], adapter: bool) -> list[str]:
    labels = max(1, len(document["labels"]))
    if adapter:
        return [
            "```python",
            "from peft import AutoPeftModelForSequenceClassification",
            "from transformers import AutoTokenizer",
            "",
            f'model = AutoPeftModelForSequenceClassification.from_pretrained("FOLDER", num_labels={labels})',
            'tokenizer = AutoTokenizer.from_pretrained("FOLDER")',
            "```",
        ]
    return [
        "```python",
        "from transformers import pipeline",
        "",
        'pipeline("text-classification", model="FOLDER")("a text", truncation=True)',
        "```",
    ]


def _code(value: object) -> str:
    """Return foreign text as code, which Markdown neither formats nor links."""
    text = " ".join(str(value).split()).replace("`", "'")
    return f"`{text}`"

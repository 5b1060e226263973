"""What is trained: bundled model and texts where installed, else a copy, else the shape with random values.

A model's folder and a task's key are all that the measurements see.
"""

from __future__ import annotations

import json
import random
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

SEED = 0
WORDS = "a the film is was not very good bad fine dull great poor plot actor scene story and but it this of in to with"
SENTENCES = {"train": 2400, "dev": 200}
TINY = {
    "hidden_size": 32,
    "num_attention_heads": 4,
    "intermediate_size": 64,
    "num_hidden_layers": 6,
    "max_position_embeddings": 64,
}
WEIGHTS = "model.safetensors"


@dataclass(frozen=True)
class Material:
    """What every part trains on. `pretrained`: whether scores mean anything."""

    device: str
    tiny: bool
    model: str
    """The bundled model's folder, or one of its shape."""
    weights: str
    """Where its weights are from, in words."""
    pretrained: bool
    large: str
    """A folder with BERT-large's shape and random weights."""
    task: str
    data: str
    """Where its texts are from, in words."""
    glue: str = ""
    """The folder with made-up texts, in GLUE's layout; empty where there are real ones."""

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON types."""
        return asdict(self)


def gather(out: Path, device: str, *, tiny: bool, weights: Path | None) -> Material:
    """Find or make models and texts under `out`. Raises `SpafitError` when the folder named has no usable weights."""
    from spafit.models import registry
    from spafit.models.weights import check_weights

    made = out / "made"
    bundled = None if tiny or weights is not None else registry.bundled_folder()
    if weights is not None:
        check_weights(weights)
        model, said = weights.resolve(), f"from {weights.name}, as stored"
    elif bundled is not None:
        model, said = bundled, "bundled"
    else:
        model, said = made / "model", "random"
        _make_model(model, _shape("minilm-l6", tiny), None)
    large = made / "large"
    _make_model(large, _shape("bert-large-uncased", tiny), None if said == "random" else model)
    task, data, glue = ("rotten-tomatoes", "Rotten Tomatoes", "") if not tiny and _has_reviews() else _texts(made)
    return Material(device, tiny, str(model), said, said != "random", str(large), task, data, glue)


def _has_reviews() -> bool:
    from spafit.tasks import TaskError, bundled

    try:
        return bool(bundled.folder("rotten-tomatoes"))
    except TaskError:
        return False


def _texts(folder: Path) -> tuple[str, str, str]:
    """Write made-up sentences as SST-2's files, of which "good" ones are positive."""
    rng, words = random.Random(SEED), WORDS.split()
    place = folder / "glue" / "SST-2"
    place.mkdir(parents=True, exist_ok=True)
    for part, count in SENTENCES.items():
        lines = ["sentence\tlabel"]
        for _ in range(count):
            label = rng.randrange(2)
            text = [*rng.choices(words, k=rng.randrange(4, 40)), "good" if label else "bad"]
            lines.append(f"{' '.join(rng.sample(text, len(text)))}\t{label}")
        (place / f"{part}.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return "sst2", "made-up sentences", str(place.parent)


def _shape(key: str, tiny: bool) -> dict[str, Any]:
    from spafit.models.registry import catalogue

    return catalogue()[key]["config"] | (TINY if tiny else {})


def _make_model(folder: Path, config: dict[str, Any], tokenizer: Path | None) -> None:
    """Write a model of this shape with random weights, and the tokenizer of another folder or a made-up one."""
    import torch
    from safetensors.torch import save_file
    from tokenizers.implementations import BertWordPieceTokenizer

    from spafit.models.build import build_anatomy, transformers_config

    folder.mkdir(parents=True, exist_ok=True)
    if tokenizer is None:
        words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS.split()]
        BertWordPieceTokenizer(vocab={word: i for i, word in enumerate(words)}).save(str(folder / "tokenizer.json"))
        about = {"tokenizer_class": "BertTokenizer", "model_max_length": 512}
        about |= {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
        (folder / "tokenizer_config.json").write_text(json.dumps(about), encoding="utf-8")
    else:
        for file in tokenizer.glob("*token*.json"):
            shutil.copy(file, folder)
    config = config | {"model_type": "bert", "architectures": ["BertModel"]}
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    if (folder / WEIGHTS).is_file():
        return
    from transformers import AutoModelForSequenceClassification

    torch.manual_seed(SEED)
    model = AutoModelForSequenceClassification.from_config(transformers_config(config, 2))
    fresh = {tensor.name for tensor in build_anatomy(folder).tensors if tensor.fresh}
    kept = {name: value.contiguous() for name, value in model.state_dict().items() if name not in fresh}
    save_file(kept, folder / WEIGHTS, metadata={"format": "pt"})


def variables(device: str) -> dict[str, str]:
    """Return what has to be set before libraries are imported: no network, and no card where the CPU is asked for."""
    given = {"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
    return given | {"CUDA_VISIBLE_DEVICES": ""} if device == "cpu" else given

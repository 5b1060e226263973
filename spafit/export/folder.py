"""A run as a folder that people carry home: an adapter for PEFT, or a plain model, that loads without spafit."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path
from typing import Any, Literal

from spafit.counting import count
from spafit.export.adapter import merge, save_peft_adapter
from spafit.export.card import model_card
from spafit.export.head import whole_weights
from spafit.models.anatomy import Anatomy
from spafit.models.registry import get_model
from spafit.tasks import list_tasks
from spafit.tasks.tokens import load_tokenizer
from spafit.trained.restore import ExportError, Trained

SCHEMA_VERSION = 1
RECORD = "spafit.json"
Format = Literal["adapter", "merged"]
FORMATS: tuple[Format, ...] = ("adapter", "merged")


def format_named(name: str | None) -> Format | None:
    """Return the format of this name; None stays None. Raises `ExportError` for any other name."""
    for kind in FORMATS:
        if name == kind:
            return kind
    if name is None:
        return None
    raise ExportError(f"The format cannot be {name!r}; choose one of {', '.join(FORMATS)}.")


def default_format(trained: Trained) -> Format:
    """Return "adapter" where LoRA adapters are what was trained; everything else is a plain model."""
    stratification = trained.spec.stratification
    whole = whole_weights(trained.anatomy, stratification)
    return "adapter" if stratification.uses_lora and not whole else "merged"


def export(trained: Trained, target: Path, kind: Format | None = None) -> list[str]:
    """Write the run's model into a new folder, whole or not at all; return the names of its files in order.

    The folder holds the weights (safetensors), the tokenizer, label names, `spafit.json` and a model card.

    Raises:
        ExportError: the folder exists and is not empty, or cannot be written.
        SpafitError: the format cannot hold what was trained.
    """
    target = target.absolute()
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise ExportError(f"{target} exists already; name a folder that does not, or an empty one.")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}.") as scratch:
            made = Path(scratch) / "made"
            made.mkdir()
            _write(trained, made, kind or default_format(trained))
            if target.is_dir():
                target.rmdir()
            shutil.move(made, target)
    except OSError as error:
        raise ExportError(f"{target} cannot be written ({error.strerror or error}).") from error
    return sorted(path.relative_to(target).as_posix() for path in target.rglob("*") if path.is_file())


def record(trained: Trained, kind: Format, anatomy: Anatomy) -> dict[str, Any]:
    """Return what `spafit.json` says: the setting, its seed and figures, versions and hashes, as JSON types."""
    run = trained.run
    document = run.to_dict()
    kept = ("model", "task", "stratification", "seed", "metrics", "validation_metrics", "baseline", "further_tests")
    kept += ("data_hash", "seconds", "versions", "hardware", "device")
    counts = count(anatomy, trained.spec.stratification)
    return {
        "schema": SCHEMA_VERSION,
        "run": run.id,
        "format": kind,
        **{key: document[key] for key in kept},
        "trainable": counts.trainable,
        "total": counts.total,
        "spec": document["spec"],
        "labels": list(trained.labels),
        "pair": trained.pair,
        "max_length": trained.max_length,
        "base_sha256": trained.base_digest,
        "data": _data(run.task),
    }


def _data(task: str) -> dict[str, str] | None:
    """Return where a task's texts are from and under what licence; None when the task is gone. No data is read."""
    found = next((one for one in list_tasks() if one.key == task), None)
    return None if found is None else {"origin": found.origin, "licence": found.licence}


def _write(trained: Trained, folder: Path, kind: Format) -> None:
    if kind == "adapter":
        base, anatomy = trained.base()
        _name_labels(base.config, trained)
        called = get_model(trained.run.model).hub_id or str(trained.folder)
        save_peft_adapter(base, anatomy, trained.spec.stratification, trained.state, folder, called)
        (folder / "README.md").unlink(missing_ok=True)  # peft's own is a form to fill in
        base.config.save_pretrained(folder)  # label names, which PEFT's own file has no place for
    else:
        model, anatomy = trained.model()
        merged = merge(model)
        _name_labels(merged.config, trained)
        merged.save_pretrained(folder)
    _save_tokenizer(trained, folder)
    document = record(trained, kind, anatomy)
    (folder / RECORD).write_text(json.dumps(document, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    (folder / "README.md").write_text(model_card(document), encoding="utf-8")


def _name_labels(config: Any, trained: Trained) -> None:
    """Write the label names, and what kind of answer the outputs are, where transformers' pipelines look for them."""
    if not trained.labels:
        config.id2label, config.label2id = {0: "score"}, {"score": 0}
        config.problem_type = "regression"
        return
    config.id2label = dict(enumerate(trained.labels))
    config.label2id = {label: number for number, label in enumerate(trained.labels)}
    config.problem_type = "single_label_classification"


def _save_tokenizer(trained: Trained, folder: Path) -> None:
    """Write the tokenizer so that it cuts and pads as it did in training."""
    tokenizer = load_tokenizer(trained.folder)
    tokenizer.model_max_length = trained.max_length
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    config = json.loads((trained.folder / "config.json").read_text(encoding="utf-8"))
    if (config.get("type_vocab_size") or 0) <= 1:  # a model without token types must not be handed any
        tokenizer.model_input_names = [name for name in tokenizer.model_input_names if name != "token_type_ids"]
    tokenizer.save_pretrained(str(folder))

"""spafit from a notebook or a script: what ``import spafit`` gives, without a page or a terminal.

Everything heavy is imported when it is called, so that ``import spafit`` stays quick.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spafit.stratification import LoraSettings, Stratification, preset

if TYPE_CHECKING:
    import pandas as pd
    from transformers import PreTrainedModel

    from spafit.training.events import Event

__all__ = ["apply", "count_parameters", "curve", "export_run", "layers", "list_runs", "stratify", "train"]


def stratify(
    model: str, n1: int | None = None, n2: int | None = None, *, method: str = "spafit", **lora: Any
) -> Stratification:
    """Return a stratification for a model's depth; a notebook shows it as a picture.

    Args:
        model: a folder, a key of `spafit models`, or a Hub id.
        n1: the last frozen layer; a third of the depth when left out.
        n2: the last layer of stratum 2; two thirds when left out.
        method: spafit, full, bitfit, lora or probe; only spafit has boundaries.
        lora: rank, alpha, dropout and targets, where other than the usual ones are wanted.

    Raises:
        SpafitError: no such model, or boundaries out of range.
    """
    from spafit.models.load import load_anatomy

    _show_pictures()
    return preset(method, load_anatomy(model).num_layers, n1, n2, LoraSettings(**lora))


def layers(model: str, *, num_labels: int = 2) -> pd.DataFrame:
    """Return a model's tensors, one a line: name, row (embeddings, layer or head), layer, roles, kind, shape, size."""
    import pandas as pd

    from spafit.models.load import load_anatomy

    anatomy = load_anatomy(model, num_labels=num_labels)
    lines = [
        {
            "name": tensor.name,
            "row": tensor.row,
            "layer": tensor.layer,
            "roles": ", ".join(tensor.roles),
            "kind": tensor.kind,
            "shape": " x ".join(map(str, tensor.shape)),
            "size": tensor.size,
            "fresh": tensor.fresh,
        }
        for tensor in anatomy.tensors
    ]
    return pd.DataFrame(lines).astype({"layer": "Int64"})


def count_parameters(model: str, stratification: Stratification, *, num_labels: int = 2) -> pd.DataFrame:
    """Return what trains, row by row: biases, LoRA, weights, their sum, and the total with adapters."""
    from spafit.counting import count
    from spafit.models.load import load_anatomy

    return count(load_anatomy(model, num_labels=num_labels), stratification).frame()


def apply(model: PreTrainedModel, stratification: Stratification) -> PreTrainedModel:
    """Stratify a sequence-classification model that you loaded, in place, and return it; train it with anything.

    LoRA adapters are drawn from torch's random state, so seed it first.

    Raises:
        SpafitError: a family that cannot be stratified, or a stratification for another depth.
    """
    from spafit import adapt
    from spafit.models.build import build_anatomy

    num_labels: int = model.config.num_labels or 1
    return adapt.apply(model, build_anatomy(model.config, num_labels=num_labels), stratification)


def train(model: str, task: str, stratification: Stratification, **settings: Any) -> Iterator[Event]:
    """Train in this process and yield what happens; the last event holds the final scores.

    Nothing is stored: `spafit train` and the Train page keep runs. ``settings`` are those of a run: epochs,
    learning_rate, batch_size, train_samples, max_length, seed and so on.

    Raises:
        SpafitError: the run cannot start or go on.
    """
    from spafit.training.config import RunSpec, TrainSettings
    from spafit.training.loop import train as run

    return run(RunSpec(model, task, stratification, TrainSettings(**settings)))


def list_runs() -> pd.DataFrame:
    """Return the stored runs, newest first: setting, state, seed, scores and cost of each."""
    import pandas as pd

    from spafit.runs import Store

    lines = [
        {
            "run": run.id,
            "state": run.state.value,
            "model": run.model,
            "task": run.task,
            "stratification": run.stratification,
            "seed": run.seed,
            "trainable": run.trainable,
            "total": run.total,
            **{f"validation {name}": value for name, value in run.validation_metrics.items()},
            **{f"test {name}": value for name, value in run.metrics.items()},
            "seconds": run.seconds,
        }
        for run in Store.open().list(limit=None)
    ]
    return pd.DataFrame(lines)


def curve(run_id: str) -> pd.DataFrame:
    """Return a stored run's curve, a point a line: step, epoch, training loss, evaluation loss and metrics, seconds.

    Raises:
        SpafitError: there is no such run.
    """
    import pandas as pd

    from spafit.runs import Store

    store = Store.open()
    store.get(run_id)
    lines: dict[int, dict[str, Any]] = {}
    for _, event in store.events(run_id):
        if event["kind"] == "step":
            kept = {key: event[key] for key in ("step", "epoch", "loss", "learning_rate", "seconds")}
            lines.setdefault(event["step"], {}).update(kept)
        elif event["kind"] == "evaluated":
            point = {"step": event["step"], "epoch": event["epoch"], "evaluation loss": event["loss"]}
            lines.setdefault(event["step"], {}).update(point | event["metrics"])
    return pd.DataFrame([lines[step] for step in sorted(lines)])


def export_run(run_id: str, folder: str | Path, format: str | None = None) -> Path:
    """Write a stored run's model into a new folder that loads without spafit; return the folder.

    Args:
        run_id: a finished run.
        folder: where to; it must not exist or be empty.
        format: adapter (for PEFT) or merged (a plain model); what suits the run when left out.

    Raises:
        SpafitError: no such run or format, the run kept no weights, or the folder cannot be written.
    """
    from spafit.export.folder import export, format_named
    from spafit.runs import Store
    from spafit.trained.restore import restore

    store = Store.open()
    run = store.get(run_id)
    export(restore(run, store.folder(run.id)), Path(folder), format_named(format))
    return Path(folder)


def _show_pictures() -> None:
    """Let a notebook that is running draw stratifications; elsewhere do nothing."""
    import sys

    from spafit.figures.strata import svg

    notebook = sys.modules.get("IPython")
    shell = notebook.get_ipython() if notebook else None
    if shell is not None:
        shell.display_formatter.formatters["image/svg+xml"].for_type(Stratification, svg)

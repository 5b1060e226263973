"""Knocking layers out of a trained model: how much worse it is with them back in their pretrained state.

For a process of its own: ``spafit.helper.call("spafit.trained.knockout:knock_out", {...})``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from spafit.errors import SpafitError
from spafit.runs import Store
from spafit.trained.blend import Blend, Factors
from spafit.trained.restore import restore
from spafit.training.batches import Batch, Feed
from spafit.training.device import prepare_cpu
from spafit.training.evaluation import Evaluator
from spafit.training.loop import never
from spafit.training.preparation import fit_data, prepare_data

SCHEMA_VERSION = 1
MOST_PARTS = 200


def knock_out(run: str, parts: Sequence[Sequence[int]]) -> dict[str, Any]:
    """Score a finished run's model on its live validation examples in fp32, whole and without each part.

    Args:
        run: its id.
        parts: layers (1-based) that go back to their pretrained state together, without their LoRA; the head stays as
            it was trained.

    Returns:
        "metric"; "examples": how many; "trained": the whole model's score; "scores": without each part, in order.

    Raises:
        SpafitError: the run kept no weights, its model or task is gone, or it has no such layer.
    """
    if len(parts) > MOST_PARTS:
        raise SpafitError(f"{len(parts)} parts are more than {MOST_PARTS}, the most at once.")
    prepare_cpu()
    store = Store.open()
    trained = restore(store.get(run), store.folder(run))
    model, anatomy, before = trained.with_before()
    blend = Blend(model, anatomy, before)
    data = fit_data(prepare_data(trained.spec, trained.folder, trained.max_length), model, trained.spec.model)

    def logits(batch: Batch) -> torch.Tensor:
        return model(**batch.inputs).logits

    evaluator, live = Evaluator(logits, data.task.metrics, never), Feed(data.live, torch.device("cpu"))

    def score(layers: Sequence[int]) -> float:
        blend.set(Factors(dict.fromkeys(layers, 0.0)))
        return evaluator.measure(live).metrics[data.task.metric]

    return {
        "schema": SCHEMA_VERSION,
        "metric": data.task.metric,
        "examples": len(data.live),
        "trained": score(()),
        "scores": [score(layers) for layers in parts],
    }

"""A part knocked out costs what the blended model says it does, on the run's own live validation examples."""

from pathlib import Path

import numpy as np
import pytest
import torch

from spafit.errors import SpafitError
from spafit.stratification import preset
from spafit.tasks import get_task
from spafit.trained.blend import Blend, Factors
from spafit.trained.knockout import knock_out
from spafit.training.batches import Feed
from spafit.training.preparation import prepare_data
from tests.trained.runs import LAYERS, trained_run


def test_a_part_knocked_out_is_scored_like_the_model_without_it(home: Path, tmp_path: Path) -> None:
    whole = trained_run(tmp_path, "bert", preset("spafit", LAYERS, 1, 2), get_task("rotten-tomatoes").labels)
    told = knock_out(whole.run.id, [[1], [3], [2, 3]])
    assert told["scores"][0] == told["trained"]  # layer 1 is frozen
    live = prepare_data(whole.spec, whole.folder, whole.max_length).live
    assert told["examples"] == len(live)

    model, anatomy, before = whole.with_before()
    blend = Blend(model, anatomy, before)
    feed = Feed(live, torch.device("cpu"))
    everything = feed.batch(np.arange(len(live)))  # in one batch, so padded otherwise
    for layers, score in (({}, told["trained"]), ({3: 0.0}, told["scores"][1]), ({2: 0.0, 3: 0.0}, told["scores"][2])):
        blend.set(Factors(layers))
        with torch.no_grad():
            answers = model(**everything.inputs).logits.argmax(1).numpy()
        assert score == pytest.approx(float((answers == live.labels).mean()), abs=0.004)


def test_a_layer_that_is_not_there_is_one_sentence(home: Path, tmp_path: Path) -> None:
    whole = trained_run(tmp_path, "bert", preset("spafit", LAYERS, 1, 2), get_task("rotten-tomatoes").labels)
    with pytest.raises(SpafitError, match="There is no layer 9"):
        knock_out(whole.run.id, [[9]])

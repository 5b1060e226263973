"""Training steps of every family are the same with the prefix cached, recomputed, and on the model as it is."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from spafit.stratification import LoraSettings, Method, preset
from spafit.training.config import RunSpec, TrainSettings
from tests.tiny import DECODERS, FAMILIES, save_tiny_model
from tests.training.ready import ready_trainer


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("families")


def test_a_decoder_whose_config_names_no_padding_reads_the_last_token_before_that_of_its_tokenizer(tmp_path):
    model = save_tiny_model(tmp_path / "llama", "llama")
    config = json.loads((model / "config.json").read_text()) | {"pad_token_id": None, "eos_token_id": [7, 3]}
    (model / "config.json").write_text(json.dumps(config))
    settings = TrainSettings(train_samples=24, max_length=24, eval_samples=16)
    strat = preset(Method.SPAFIT, 3, 1, 2, lora=LoraSettings(rank=2))
    run = ready_trainer(RunSpec(str(model), "rotten-tomatoes", strat, settings))
    rows = np.argsort(run.data.train.lengths)[[0, 11, 23]]
    assert len(set(run.data.train.lengths[rows])) > 1
    with torch.inference_mode():
        together = run.engine.logits(run.feed.batch(rows))
        run.engine.restore()
        alone = []
        for row in rows:
            ids = run.data.train.input_ids[run.data.train.offsets[row] : run.data.train.offsets[row + 1]]
            alone.append(run.model(input_ids=torch.from_numpy(ids.astype(np.int64))[None]).logits)
    torch.testing.assert_close(together, torch.cat(alone), rtol=1e-4, atol=1e-5)


def losses(model: Path, n1: int, prefix_cache: str, plain: bool = False, parts: int = 1) -> list[float]:
    """Return the losses of three steps and of an evaluation, with whatever dropout the family has."""
    settings = TrainSettings(
        train_samples=24,
        batch_size=8 // parts,
        accumulation=parts,
        max_length=24,
        eval_samples=16,
        learning_rate=1e-2,
        prefix_cache=prefix_cache,
    )
    strat = preset(Method.SPAFIT, 3, n1, max(n1, 2), lora=LoraSettings(rank=2))
    run = ready_trainer(RunSpec(str(model), "rotten-tomatoes", strat, settings))
    assert (run.engine.cached_layers >= n1) is (prefix_cache == "on")
    if plain:
        run.engine.restore()
    torch.manual_seed(0)
    run.mode(True)
    found = [float(run.optimizer_step(1e-2)) / 8 for _ in range(3)]
    evaluated = [event for event in run.evaluate() if event.kind == "evaluated"]
    run.engine.restore()
    return [*found, evaluated[0].loss]


@pytest.mark.parametrize("family", FAMILIES)
def test_cached_and_recomputed_prefix_give_the_same_losses(folders, family):
    model = folders / family
    if not model.exists():
        save_tiny_model(model, family)
    for n1 in (1, 3):
        assert losses(model, n1, "on") == pytest.approx(losses(model, n1, "off"), abs=3e-5)


def test_accumulating_small_batches_takes_the_steps_of_a_large_one(folders):
    model = folders / "llama"
    if not model.exists():
        save_tiny_model(model, "llama")
    assert losses(model, 1, "on", parts=4) == pytest.approx(losses(model, 1, "on"), abs=3e-5)


@pytest.mark.parametrize("family", [family for family in DECODERS if family not in ("gpt2", "opt")])
def test_the_fast_path_takes_the_same_steps_as_the_plain_model(folders, family):
    """For the families without dropout, whose draws would differ."""
    model = folders / family
    if not model.exists():
        save_tiny_model(model, family)
    assert losses(model, 1, "off") == pytest.approx(losses(model, 1, "off", plain=True), abs=3e-5)

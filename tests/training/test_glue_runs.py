"""The nine tasks of GLUE from their files to the final figures, with tiny models on small files in GLUE's layout."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from spafit import adapt, tasks
from spafit.models.build import build_anatomy
from spafit.stratification import LoraSettings, Method, preset
from spafit.tasks import metrics
from spafit.tasks.glue.tasks import KEYS
from spafit.tasks.tokens import load_tokenizer, tokenize
from spafit.training import checkpoint, preparation
from spafit.training.accelerated.layout import flat_tokens
from spafit.training.batches import fixed_batches
from spafit.training.config import RunSpec, TrainSettings
from spafit.training.engine import Engine
from spafit.training.estimates.remaining import Forecast
from spafit.training.evaluation import Evaluator
from spafit.training.events import Evaluated, Finished, Phase, Started
from spafit.training.loading import load_model
from spafit.training.loop import train
from tests.glue_layout import row, write_task
from tests.tiny import WORDS, save_tiny_model
from tests.training.test_loop import StepClock

SETTINGS = TrainSettings(train_samples=24, epochs=1, batch_size=8, eval_every=2, max_length=32, learning_rate=1e-2)


def words(part: str, i: int) -> str:
    """Return a text that the tiny tokenizer knows, another one for each part and row."""
    at = i * 7 + len(part)
    return f"{part} {WORDS[at % len(WORDS)]} {WORDS[(at // 3) % len(WORDS)]} {' '.join(WORDS[: i % 5])} {i}"


def spec(model: Path, task: str, settings: TrainSettings = SETTINGS) -> RunSpec:
    return RunSpec(str(model), task, preset(Method.SPAFIT, 3, 1, 2, lora=LoraSettings(rank=2)), settings)


def started_and_finished(events: list) -> tuple[Started, Finished]:
    return next(event for event in events if isinstance(event, Started)), events[-1]


@pytest.fixture
def glue_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SPAFIT_GLUE_DIR", str(tmp_path / "glue"))
    return tmp_path / "glue"


@pytest.fixture(scope="session")
def tiny_roberta(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a model that has no token types."""
    return save_tiny_model(tmp_path_factory.mktemp("models") / "roberta", "roberta")


@pytest.fixture
def mnli(glue_dir: Path) -> Path:
    """MNLI with 12 matched test pairs and 17 mismatched ones, of which more than a third are of one class."""
    folder = write_task(glue_dir, "mnli", words=words)
    with (folder / "dev_mismatched.tsv").open("a", encoding="utf-8") as file:
        file.writelines(row("mnli", "dev_mismatched", 3 * i, words) + "\n" for i in range(20, 25))
    return folder


@pytest.fixture
def seen_inputs(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, torch.Tensor]]:
    """Return what the model is given, batch by batch."""
    seen: list[dict[str, torch.Tensor]] = []
    logits = Engine.logits

    def watched(self: Engine, batch):
        seen.append(batch.inputs)
        return logits(self, batch)

    monkeypatch.setattr(Engine, "logits", watched)
    return seen


@pytest.mark.parametrize("key", sorted(KEYS))
def test_a_run_on_every_task(key, glue_dir, tiny_bert, seen_inputs):
    write_task(glue_dir, key, words=words)
    task = tasks.get_task(key)
    events = list(train(spec(tiny_bert, key)))
    started, finished = started_and_finished(events)
    assert finished.state == "finished" and started.train_examples == 24
    for measured in (finished.metrics, finished.validation_metrics, finished.baseline):
        assert tuple(measured) == task.metrics
        assert np.isfinite(list(measured.values())).all()
    assert tuple(next(e for e in events if isinstance(e, Evaluated)).metrics) == task.metrics
    assert finished.baseline == tasks.baseline(task, tasks.load(task, "test").labels)
    assert tuple(finished.further_tests) == task.extra_tests
    assert {int(inputs["token_type_ids"].max()) for inputs in seen_inputs} == {1 if task.pair else 0}


def test_a_model_without_token_types_is_given_none(glue_dir, tiny_roberta, seen_inputs):
    write_task(glue_dir, "rte", words=words)
    *_, finished = train(spec(tiny_roberta, "rte"))
    assert finished.state == "finished"
    assert seen_inputs and not any("token_type_ids" in inputs for inputs in seen_inputs)


@pytest.mark.parametrize("family", ["gpt2", "distilbert", "deberta-v2"])
def test_types_that_a_tokenizer_gives_to_a_model_without_them_are_left_out(family, glue_dir, tmp_path, seen_inputs):
    folder = save_tiny_model(tmp_path / family, family)
    place = folder / "tokenizer_config.json"
    text = place.read_text()
    assert '"input_ids",' in text
    place.write_text(text.replace('"input_ids",', '"input_ids", "token_type_ids",'))
    write_task(glue_dir, "rte", words=words)
    assert tokenize(tasks.load("rte", "train"), folder, 32, None).token_type_ids is not None
    *_, finished = train(spec(folder, "rte"))
    assert finished.state == "finished"
    assert not any("token_type_ids" in inputs for inputs in seen_inputs)


def test_both_test_parts_of_mnli_are_scored_on_the_plain_model(mnli, tiny_bert, tmp_path):
    started, finished = started_and_finished(list(train(spec(tiny_bert, "mnli"), folder=tmp_path / "run")))
    assert started.final_examples == 4 + 12 + 17
    described = build_anatomy(tiny_bert, num_labels=3)
    model, _ = load_model(tiny_bert, described, seed=99)
    adapt.apply(model, described, spec(tiny_bert, "mnli").stratification)
    adapt.load_trainable_state(model, checkpoint.read_trained(tmp_path / "run" / checkpoint.TRAINED))

    def scored(part: str) -> dict[str, float]:
        examples = tasks.load("mnli", part)
        tokens = load_tokenizer(tiny_bert)(
            examples.text, examples.pair, truncation=True, max_length=32, padding=True, return_tensors="pt"
        )
        with torch.inference_mode():
            return metrics.compute(["accuracy"], model.eval()(**tokens).logits.numpy(), examples.labels)

    assert scored("test") == pytest.approx(finished.metrics)
    assert finished.baseline == {"accuracy": pytest.approx(4 / 12)}
    further = finished.further_tests["test_mismatched"]
    assert scored("test_mismatched") == pytest.approx(further["metrics"])
    assert further["baseline"] == {"accuracy": pytest.approx(9 / 17)}


def test_a_run_says_where_its_data_is_and_what_was_left_out(glue_dir, tiny_bert):
    folder = write_task(glue_dir, "wnli", words=words)
    with (folder / "train.tsv").open("a", encoding="utf-8") as file:
        file.write("40\tonly two\n41\ta\tb\t2\n")
    started, _ = started_and_finished(list(train(spec(tiny_bert, "wnli"))))
    assert "WNLI: the data is on this machine, in a folder or file of yours." in started.decisions
    (left_out,) = [sentence for sentence in started.decisions if "Left out" in sentence]
    assert left_out == (
        "Left out of the data: malformed lines (2); the first: train.tsv line 42 has 2 columns where 4 are expected."
    )


def test_each_test_part_is_looked_at_once_after_training(mnli, tiny_bert, monkeypatch):
    sizes = []
    measure = Evaluator.measure

    def watched(self, feed):
        sizes.append(len(feed))
        return measure(self, feed)

    monkeypatch.setattr(Evaluator, "measure", watched)
    list(train(spec(tiny_bert, "mnli")))
    assert sizes == [4, 4, 4, 12, 17]  # two live evaluations on the validation part, then every part once


def test_a_stopped_run_has_no_test_figures(mnli, tiny_bert):
    phases = []  # stopped during the final evaluation, by a clock at which every question is asked
    clock = StepClock()
    for finished in train(spec(tiny_bert, "mnli"), should_stop=lambda: phases[-1:] == ["final"], clock=clock):
        if isinstance(finished, Phase):
            phases.append(finished.name)
    assert phases[-1] == "final"
    assert (finished.state, finished.metrics, finished.further_tests) == ("stopped", {}, {})


def test_the_time_left_counts_every_part_of_the_final_evaluation(mnli, tiny_bert, monkeypatch):
    counted = {}

    class Watched(Forecast):
        def __init__(self, *arguments, **named):
            counted.update(named)
            super().__init__(*arguments, **named)

    monkeypatch.setattr("spafit.training.trainer.Forecast", Watched)
    list(train(spec(tiny_bert, "mnli")))
    expected = 0
    for part in ("validation", "test", "test_mismatched"):
        lengths = tokenize(tasks.load("mnli", part), tiny_bert, 32, None).lengths
        expected += sum(flat_tokens(int(lengths[rows].sum())) for rows in fixed_batches(lengths))
    assert counted["final_positions"] == expected


def test_the_seed_chooses_the_training_examples_and_nothing_else(glue_dir, tiny_bert):
    write_task(glue_dir, "qqp", train=400, words=words)

    def read(seed: int) -> preparation.Data:
        return preparation.prepare_data(spec(tiny_bert, "qqp", replace(SETTINGS, seed=seed)), tiny_bert, 32)

    first, again, other = read(0), read(0), read(1)
    assert first.train.input_ids.tolist() == again.train.input_ids.tolist() != other.train.input_ids.tolist()
    assert np.bincount(first.train.labels).tolist() == np.bincount(other.train.labels).tolist() == [12, 12]
    for part in ("validation", "test"):
        assert first.final[part].input_ids.tolist() == other.final[part].input_ids.tolist()


def test_only_the_examples_that_are_used_are_tokenised_and_the_next_run_tokenises_nothing(
    glue_dir, tiny_bert, tmp_path, monkeypatch
):
    monkeypatch.setenv("SPAFIT_HOME", str(tmp_path / "home"))
    write_task(glue_dir, "qqp", train=400, words=words)
    counts = []

    def watched(examples, *rest):
        counts.append(len(examples))
        return tokenize(examples, *rest)

    monkeypatch.setattr(preparation, "tokenize", watched)
    first, _ = started_and_finished(list(train(spec(tiny_bert, "qqp"))))
    assert counts == [24, 40, 12]  # of 360 training pairs, then validation and test
    monkeypatch.setattr("spafit.tasks.tokens.load_tokenizer", lambda folder: pytest.fail("tokenised again"))
    again, _ = started_and_finished(list(train(spec(tiny_bert, "qqp"))))
    assert (again.train_examples, again.eval_examples) == (first.train_examples, first.eval_examples)

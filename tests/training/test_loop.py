"""Whole runs of a tiny model on real sentences: what they tell, what they keep, and how they end."""

import json
import math
import shutil
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from spafit import adapt, tasks
from spafit.models.build import build_anatomy
from spafit.models.weights import WeightsError
from spafit.stratification import LoraSettings, Method, preset
from spafit.tasks import metrics
from spafit.training import checkpoint
from spafit.training.config import RunSpec, TrainSettings
from spafit.training.engine import Engine
from spafit.training.events import Evaluated, Finished, Phase, Progress, Started, Step, event_from_dict
from spafit.training.loading import load_model
from spafit.training.loop import TrainingFailed, train
from spafit.training.points import Points
from spafit.training.predictions import FILE
from spafit.training.trainer import Trainer

SMALL = TrainSettings(
    train_samples=64, epochs=2, batch_size=8, eval_samples=40, eval_every=6, max_length=24, learning_rate=1e-2
)


SHORT = replace(SMALL, max_steps=6)


@pytest.fixture(autouse=True)
def fewer_final_examples(monkeypatch):
    """Have the final evaluation look at 200 examples of each split: all would take half of each run here."""
    load = tasks.load

    def some(task, split, limit=None, **more):
        return load(task, split, limit=limit if split == "train" else 200, **more)

    monkeypatch.setattr(tasks, "load", some)


class StepClock:
    """A clock that moves on by a fixed time whenever it is read, so that every step is reported."""

    def __init__(self, tick: float = 0.2) -> None:
        self.now, self.tick = 0.0, tick

    def __call__(self) -> float:
        self.now += self.tick
        return self.now


def spec(model: Path, settings: TrainSettings = SMALL, method: Method = Method.SPAFIT, n1: int = 1) -> RunSpec:
    boundaries = {"n1": n1, "n2": max(n1, 2)} if method is Method.SPAFIT else {}
    strat = preset(method, 3, **boundaries, lora=LoraSettings(rank=2))
    return RunSpec(str(model), "rotten-tomatoes", strat, settings)


def run(model: Path, settings: TrainSettings = SMALL, **changes) -> list:
    options = {name: changes.pop(name) for name in ("should_stop", "folder") if name in changes}
    return list(train(spec(model, settings, **changes), clock=StepClock(), **options))


def of(events: list, kind: type) -> list:
    return [event for event in events if isinstance(event, kind)]


def losses(events: list) -> list[float]:
    return [event.loss for event in of(events, Step)]


def test_a_run_tells_its_story_in_order(tiny_bert, tmp_path):
    events = run(tiny_bert, folder=tmp_path)
    started, finished = of(events, Started)[0], events[-1]
    assert isinstance(events[0], Phase) and events[0].name == "imports"
    assert started.total_steps == 16 and started.train_examples == 64 and started.eval_examples == 40
    assert [event.step for event in of(events, Step)] == list(range(1, 17))
    assert [event.step for event in of(events, Evaluated)] == [6, 12, 16]
    assert finished.state == "finished" and finished.steps == 16
    assert set(finished.metrics) == {"accuracy", "f1"} == set(finished.baseline)
    assert sum(seconds for _, seconds in finished.timeline) == pytest.approx(finished.seconds, rel=0.05)
    assert 0 < finished.padding < 0.06 and finished.peak_memory > 0
    (batches,) = (choice for choice in started.choices if choice.subject == "Batches")
    assert batches.choice == "drawn at random"  # the figure is the first epoch's
    assert float(batches.reason.partition("%")[0]) / 100 == pytest.approx(finished.padding, abs=0.01)
    assert all(event_from_dict(event.to_dict()) == event for event in events)
    assert of(events, Step)[-1].learning_rate > 0
    rates = [event.learning_rate for event in of(events, Step)]
    assert rates.index(max(rates)) == 2  # a tenth of 16 steps of warm-up, then down
    seconds = [event.seconds for event in events]
    assert seconds == sorted(seconds)


def test_the_curve_is_the_same_however_fast_the_steps_are(tiny_bert):
    slow, fast = run(tiny_bert), list(train(spec(tiny_bert), clock=StepClock(0.001)))
    assert [(e.step, e.loss, e.examples) for e in of(slow, Step)] == [
        (e.step, e.loss, e.examples) for e in of(fast, Step)
    ]
    for events in (slow, fast):  # no point comes after the evaluation of a later step
        steps = [e.step for e in events if isinstance(e, (Step, Evaluated))]
        assert steps == sorted(steps)


def test_a_long_run_averages_its_losses_over_several_steps(tiny_bert, monkeypatch):
    every = losses(run(tiny_bert))
    monkeypatch.setattr("spafit.training.points.MOST_POINTS", 6)  # of 16 steps: one point for three
    some = of(run(tiny_bert), Step)
    assert [event.step for event in some] == [1, 3, 6, 9, 12, 15, 16]
    means = [float(np.mean(every[i:j])) for i, j in pairwise([0, 1, 3, 6, 9, 12, 15, 16])]  # all batches are of eight
    assert [event.loss for event in some] == pytest.approx(means, rel=1e-5)


def test_a_run_that_ends_between_two_points_has_one_at_its_last_step(tiny_bert, monkeypatch):
    monkeypatch.setattr("spafit.training.points.MOST_POINTS", 4)  # of 16 steps: one point for four
    early = replace(SMALL, learning_rate=1e-9, early_stopping=2, eval_every=2)
    steps = [event.step for event in of(run(tiny_bert, early), Step)]
    assert steps == [1, 4, 6]
    answers = iter([False] * 12)
    stopped = run(tiny_bert, should_stop=lambda: next(answers, True))
    assert of(stopped, Step)[-1].step == stopped[-1].steps > 4
    assert sum(event.examples for event in of(stopped, Step)[-1:]) == stopped[-1].steps * 8


def test_between_points_that_are_far_apart_a_run_tells_how_far_it_is(tiny_bert, monkeypatch):
    monkeypatch.setattr("spafit.training.points.MOST_POINTS", 2)  # of 16 steps: one point for eight
    events = run(tiny_bert, replace(SMALL, eval_every=16))
    assert not of(events, Progress)
    monkeypatch.setattr("spafit.training.trainer.PROGRESS_SECONDS", 0.5)
    slow = run(tiny_bert, replace(SMALL, eval_every=16))
    told = of(slow, Progress)
    assert [event.step for event in told] == sorted({event.step for event in told}) and len(told) > 3
    assert all(event.remaining is not None and event.remaining > 0 for event in told[1:])
    assert losses(slow) == losses(events)  # the curve is the same


def test_divergence_between_points_is_noticed(tiny_bert, monkeypatch):
    monkeypatch.setattr("spafit.training.points.MOST_POINTS", 1)
    monkeypatch.setattr("spafit.training.trainer.PROGRESS_SECONDS", 0.5)
    take = Trainer.optimizer_step

    def broken(self, rate):
        loss = take(self, rate)
        return loss * math.nan if self.step == 5 else loss

    monkeypatch.setattr(Trainer, "optimizer_step", broken)
    with pytest.raises(TrainingFailed, match=r"loss at step ([5-9]|10) is not"):
        run(tiny_bert, replace(SMALL, eval_every=16))


def test_points_before_a_divergence_are_told_and_its_step_is_named(tiny_bert, monkeypatch):
    take = Trainer.optimizer_step
    monkeypatch.setattr(
        Trainer, "optimizer_step", lambda self, rate: take(self, rate) * (math.nan if self.step == 4 else 1.0)
    )
    seen = []
    with pytest.raises(TrainingFailed, match="loss at step 4 is not"):
        seen.extend(train(spec(tiny_bert), clock=StepClock(0.001)))  # so fast that all are looked at together
    assert [event.step for event in of(seen, Step)] == [1, 2, 3]


def test_losses_are_read_at_most_ten_times_a_second(tiny_bert, monkeypatch):
    read = []
    take = Points.take
    monkeypatch.setattr(Points, "take", lambda self, left: read.append(len(got := take(self, left))) or got)
    list(train(spec(tiny_bert), clock=StepClock(0.02)))
    assert sum(read) == 16 and 3 <= len(read) < 10


def test_same_seed_same_curve_and_another_seed_another_one(tiny_bert):
    first, again = run(tiny_bert, SHORT), run(tiny_bert, SHORT)
    assert losses(first) == losses(again)
    assert first[-1].metrics == again[-1].metrics
    assert losses(run(tiny_bert, replace(SHORT, seed=1))) != losses(first)


@pytest.mark.parametrize("n1", [1, 2, 3])
def test_the_prefix_cache_changes_no_loss(tiny_bert, n1):
    on = run(tiny_bert, replace(SHORT, prefix_cache="on"), n1=n1)
    off = run(tiny_bert, replace(SHORT, prefix_cache="off"), n1=n1)
    assert of(on, Started)[0].cached_layers == n1 and of(off, Started)[0].cached_layers == 0
    assert losses(on) == pytest.approx(losses(off), abs=2e-5)
    assert [e.loss for e in of(on, Evaluated)] == pytest.approx([e.loss for e in of(off, Evaluated)], abs=2e-5)
    assert on[-1].metrics == off[-1].metrics


def test_dropout_in_frozen_layers_turns_the_cache_off_and_says_so(tiny_bert):
    events = run(tiny_bert, replace(SMALL, frozen_dropout=True, max_steps=2))
    started = of(events, Started)[0]
    assert started.cached_layers == 0
    assert any("dropout in the frozen layers" in sentence for sentence in started.decisions)
    assert losses(events) != losses(run(tiny_bert, replace(SMALL, max_steps=2)))


def test_stored_parameters_reproduce_the_final_metrics_on_the_plain_model(tiny_bert, tmp_path):
    finished = run(tiny_bert, folder=tmp_path)[-1]
    described = build_anatomy(tiny_bert)
    model, _ = load_model(tiny_bert, described, seed=99)  # the head of another seed: all that counts is in the file
    adapt.apply(model, described, spec(tiny_bert).stratification)
    adapt.load_trainable_state(model, checkpoint.read_trained(tmp_path / checkpoint.TRAINED))
    from spafit.tasks.tokens import load_tokenizer

    examples = tasks.load("rotten-tomatoes", "test")
    tokens = load_tokenizer(tiny_bert)(
        examples.text, truncation=True, max_length=24, padding=True, return_tensors="pt", return_token_type_ids=True
    )
    with torch.inference_mode():
        logits = model.eval()(**tokens).logits.numpy()
    assert metrics.compute(["accuracy", "f1"], logits, examples.labels) == pytest.approx(finished.metrics)
    assert {path.name for path in tmp_path.iterdir()} == {checkpoint.TRAINED, FILE}


def test_a_repeated_run_reads_the_prefix_back_and_has_the_same_curve(tiny_bert, tmp_path, monkeypatch):
    monkeypatch.setenv("SPAFIT_HOME", str(tmp_path))
    settings = replace(SHORT, prefix_cache="on")
    first, again = run(tiny_bert, settings), run(tiny_bert, settings)
    assert "computed once" in " ".join(of(first, Started)[0].decisions)
    assert "earlier run" in " ".join(of(again, Started)[0].decisions)
    assert losses(again) == losses(first)


def test_bf16_products_learn_and_the_final_figures_are_fp32(tiny_bert):
    exact = run(tiny_bert, replace(SHORT, learning_rate=1e-9))
    rounded = run(tiny_bert, replace(SHORT, learning_rate=1e-9, precision="bf16"))
    assert losses(rounded) != losses(exact)
    assert losses(rounded) == pytest.approx(losses(exact), abs=0.02)
    assert rounded[-1].metrics == exact[-1].metrics  # next to nothing was learned, so the models are the same


def test_checkpointing_gives_the_same_losses(tiny_bert):
    settings = replace(SMALL, max_steps=4)
    plain, recomputed = run(tiny_bert, settings), run(tiny_bert, replace(settings, checkpointing=True))
    assert losses(recomputed) == pytest.approx(losses(plain), abs=1e-5)


def test_stopping_keeps_what_was_learned(tiny_bert, tmp_path):
    answers = iter([False] * 12)
    events = run(tiny_bert, folder=tmp_path, should_stop=lambda: next(answers, True))
    finished = events[-1]
    assert isinstance(finished, Finished) and finished.state == "stopped"
    assert 0 < finished.steps < 16 and finished.metrics == {}
    assert (tmp_path / checkpoint.TRAINED).is_file()


def test_early_stopping_ends_the_run_and_keeps_the_best(tiny_bert):
    settings = replace(SMALL, learning_rate=1e-9, early_stopping=2, eval_every=2)  # nothing ever improves
    finished = run(tiny_bert, settings)[-1]
    assert finished.state == "finished" and finished.early and finished.steps == 6


def test_after_early_stopping_only_the_final_evaluation_is_left(tiny_bert):
    settings = replace(SMALL, epochs=50, learning_rate=1e-9, early_stopping=1, eval_every=10)
    first, last = of(run(tiny_bert, settings), Evaluated)
    assert last.remaining < first.remaining / 4


def test_a_run_tells_what_changed_in_each_stratum(tiny_bert):
    finished = run(tiny_bert, replace(SMALL, max_steps=3))[-1]
    kinds = {row: {c.kind for c in finished.changes if c.layer == row} for row in (None, 1, 2, 3)}
    assert kinds == {None: {"bias", "weight"}, 1: set(), 2: {"bias"}, 3: {"bias", "lora"}}
    assert all(change.ratio > 0 for change in finished.changes)


@pytest.mark.parametrize("path", ["embeddings.LayerNorm.bias", "encoder.layer.0.output.dense.weight"])
def test_a_run_whose_frozen_parameters_changed_fails(tiny_bert, tmp_path, monkeypatch, path):
    step = Trainer.optimizer_step

    def leaky(self: Trainer, rate: float) -> torch.Tensor:
        with torch.no_grad():
            leaking[0].view(-1)[3] += 1e-6
        return step(self, rate)

    prepare, leaking = Trainer.__init__, []
    monkeypatch.setattr(
        Trainer,
        "__init__",
        lambda self, prepared, *rest: (
            leaking.append(prepared.model.get_parameter(f"bert.{path}")),
            prepare(self, prepared, *rest),
        )[1],
    )
    monkeypatch.setattr(Trainer, "optimizer_step", leaky)
    with pytest.raises(TrainingFailed, match=f"freezes changed in training \\(bert.{path}\\)"):
        run(tiny_bert, replace(SMALL, max_steps=2), folder=tmp_path)


def test_divergence_is_a_sentence_that_names_the_rate(tiny_bert, tmp_path):
    events = train(spec(tiny_bert, replace(SMALL, learning_rate=1e6, max_grad_norm=1e6)), clock=StepClock())
    seen = []
    with pytest.raises(TrainingFailed, match=r"diverged.*rate was 1e\+06; try 0\.003, the default"):
        seen.extend(events)
    assert all(math.isfinite(loss) for loss in losses(seen))


@pytest.mark.parametrize("method", list(Method))
def test_every_method_trains_and_its_loss_falls(tiny_bert, tmp_path, method):
    """Every step on the same few examples and without dropout, so that nothing but learning moves the loss."""
    folder = Path(shutil.copytree(tiny_bert, tmp_path / "model"))
    config = json.loads((folder / "config.json").read_text())
    without = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    (folder / "config.json").write_text(json.dumps(config | without))
    few = replace(SMALL, train_samples=16, batch_size=16, max_steps=24, eval_every=1000)
    curve = losses(run(folder, few, method=method))
    assert np.mean(curve[-5:]) < np.mean(curve[:5])


def test_regression_trains_too(tiny_bert, glue):
    settings = replace(SMALL, max_steps=4)
    events = list(train(replace(spec(tiny_bert, settings), task="stsb"), clock=StepClock()))
    assert set(events[-1].metrics) == {"pearson", "spearman"}


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"model": "no/such/folder/here"}, "."),
        ({"task": "no-such-task"}, "no-such-task"),
        ({"stratification": preset(Method.SPAFIT, 6)}, "6 layers"),
    ],
)
def test_what_cannot_start_is_one_sentence(tiny_bert, changes, message):
    with pytest.raises(ValueError, match=message) as caught:
        list(train(replace(spec(tiny_bert), **changes)))
    assert "\n" not in str(caught.value)


def test_weights_with_nan_are_not_blamed_on_the_learning_rate(tiny_bert, tmp_path):
    folder = Path(shutil.copytree(tiny_bert, tmp_path / "model"))
    weights = load_file(folder / "model.safetensors")
    weights["bert.embeddings.word_embeddings.weight"][40] = math.nan  # a word of few texts
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(WeightsError, match=r"NaN or infinity in bert\.embeddings\.word_embeddings\.weight"):
        run(folder)


def test_the_tokenizer_of_another_model_is_refused_before_training(tiny_bert, tmp_path):
    folder = Path(shutil.copytree(tiny_bert, tmp_path / "model"))
    tokenizer = json.loads((folder / "tokenizer.json").read_text())
    tokenizer["model"]["vocab"]["the"] = 30_000
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    seen = []
    with pytest.raises(
        TrainingFailed, match=r"token numbers up to 30,000 .* has 64 rows, so it belongs to another"
    ) as e:
        seen.extend(train(spec(folder)))
    assert "\n" not in str(e.value)
    assert not of(seen, Started)


def test_longer_texts_than_the_model_takes_are_cut_and_it_says_so(tiny_bert):
    events = run(tiny_bert, replace(SMALL, max_length=5000, max_steps=1))
    assert any("64 tokens" in sentence for sentence in of(events, Started)[0].decisions)


def test_running_out_of_memory_names_a_batch_size(tiny_bert, monkeypatch):
    def refuse(self, batch):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB")

    monkeypatch.setattr(Engine, "logits", refuse)
    with pytest.raises(TrainingFailed, match="batch size 4 with accumulation 2"):
        run(tiny_bert)


def test_a_disk_that_refuses_the_parameters_fails_the_run(tiny_bert, tmp_path):
    occupied = tmp_path / "file"
    occupied.write_text("not a folder")
    with pytest.raises(TrainingFailed, match="cannot be saved"):
        run(tiny_bert, replace(SMALL, max_steps=1), folder=occupied)

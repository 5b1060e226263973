"""The Python script of a run: it needs nothing of this package, trains what we count, and does what the run did."""

import ast
import json
import os
import re
import runpy
import shutil
import subprocess
import sys
from dataclasses import replace
from itertools import islice
from pathlib import Path

import peft
import pytest
import torch
from transformers import AutoModelForSequenceClassification

from spafit import adapt, tasks
from spafit.counting import count
from spafit.errors import SpafitError
from spafit.export.script import LEFT_OUT, UNKNOWN_MODEL, python_script, script_of
from spafit.models.build import build_anatomy
from spafit.models.load import load_anatomy
from spafit.models.registry import bundled_folder
from spafit.stratification import HeadRecipe, LoraSettings, Recipe, Stratification, preset
from spafit.training.checkpoint import read_trained
from spafit.training.config import QUICK, SETTINGS, RunSpec, TrainSettings
from spafit.training.events import Step
from spafit.training.loading import load_model
from spafit.training.loop import train
from spafit.training.preparation import set_mode
from tests.glue_layout import write_task
from tests.tiny import FAMILIES, WORDS, save_tiny_model, tiny_anatomy, tiny_batch, tiny_model

LAYERS = 3
MIXED = Stratification(LAYERS, 1, 2, (Recipe.LORA_BIAS, Recipe.FROZEN, Recipe.LORA), lora=LoraSettings(rank=2))
WHOLE = Stratification(
    LAYERS, 0, 1, (Recipe.FROZEN, Recipe.FULL, Recipe.BIAS), Recipe.BIAS, HeadRecipe(Recipe.FULL, Recipe.FULL)
)
SCRIPT = Path(adapt.__file__).parent / "export" / "finetune.py"


def run(
    script: str, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture, *options: str
) -> str:
    """Run a script as `python finetune.py` in a folder of its own; return what it printed."""
    monkeypatch.chdir(folder)
    path = folder / "finetune.py"
    path.write_text(script, encoding="utf-8")
    monkeypatch.setattr(sys, "argv", [str(path), *options])
    capsys.readouterr()
    runpy.run_path(str(path), run_name="__main__")
    return capsys.readouterr().out


def losses(printed: str) -> list[float]:
    """Return the losses that a script printed, step by step."""
    return [float(loss) for loss in re.findall(r"loss ([\d.]+)", printed)]


def lines_of(examples: tasks.Examples) -> str:
    """Examples as the script reads them."""
    return "".join(f"{text}\t{label}\n" for text, label in zip(examples.text, examples.labels, strict=True))


def constants_of(script: str) -> dict[str, object]:
    """Return what a script assigns at its beginning, as far as it is written out."""
    found = {}
    for node in ast.parse(script).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            try:
                found[node.targets[0].id] = ast.literal_eval(node.value)
            except ValueError:  # computed
                continue
    return found


# Each family with an adapter or with whole weights, in turn: that an adapter fits every family is tested elsewhere.
IN_TURN = [(family, *((MIXED, "adapter"), (WHOLE, "model"))[place % 2]) for place, family in enumerate(FAMILIES)]


@pytest.mark.parametrize(("family", "stratification", "saved"), IN_TURN, ids=FAMILIES)
def test_the_script_trains_what_we_count_and_saves_what_was_trained(
    family: str,
    stratification: Stratification,
    saved: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> None:
    folder = save_tiny_model(tmp_path / "model", family)
    anatomy = tiny_anatomy(family, LAYERS)
    counts = count(anatomy, stratification)
    spec = RunSpec(str(folder), "any", stratification, TrainSettings(max_steps=2, learning_rate=0.01))
    printed = run(python_script(spec, anatomy), tmp_path, monkeypatch, capsys, "--out", saved)
    assert f"trainable {counts.trainable:,} of {counts.total:,} " in printed
    assert len(losses(printed)) == 2 and printed.count("accuracy") == 3

    ours = adapt.apply(load_model(folder, anatomy, seed=0)[0], anatomy, stratification)
    adapt.load_trainable_state(ours, read_trained(tmp_path / saved / "trained.safetensors"))
    if saved == "adapter":
        base = AutoModelForSequenceClassification.from_pretrained(folder, num_labels=2)
        theirs = peft.PeftModel.from_pretrained(base, str(tmp_path / saved / "adapter"))
    else:
        theirs = AutoModelForSequenceClassification.from_pretrained(tmp_path / saved / "model")
    batch = tiny_batch(seed=1)
    with torch.no_grad():
        torch.testing.assert_close(theirs.eval()(**batch).logits, ours.eval()(**batch).logits, rtol=0, atol=1e-5)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("embeddings", [Recipe.FROZEN, Recipe.BIAS])
def test_dropout_stays_where_the_run_has_it(
    family: str, embeddings: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also in families with a final norm, whose biases train above the layers and say nothing of what lies below."""
    anatomy = tiny_anatomy(family, LAYERS)
    stratification = replace(preset("spafit", LAYERS, 1, 2), embeddings=embeddings)
    path = tmp_path / "finetune.py"
    path.write_text(python_script(RunSpec("minilm-l6", "any", stratification), anatomy), encoding="utf-8")
    script = runpy.run_path(str(path), run_name="read")
    theirs = script["stratify"](tiny_model(family, LAYERS))
    script["training_mode"](theirs)
    ours = adapt.apply(tiny_model(family, LAYERS), anatomy, stratification)
    set_mode(ours, anatomy, training=True, frozen_dropout=False)
    assert dropouts(theirs) == dropouts(ours)


def dropouts(model: torch.nn.Module) -> dict[str, bool]:
    """Return which dropouts are on, by their modules' paths."""
    return {path: module.training for path, module in model.named_modules() if isinstance(module, torch.nn.Dropout)}


OTHERWISE = {
    "batch_size": 4,
    "accumulation": 2,
    "warmup": 0.4,
    "weight_decay": 0.9,
    "max_grad_norm": 0.05,
    "max_length": 12,
    "seed": 3,
    "epochs": 1.5,
}


USUAL = {"train_samples": 40, "batch_size": 16, "learning_rate": 3e-3, "max_length": 32, "eval_samples": 10}
COMPARED = [
    ("spafit", 6, {}),
    ("spafit", 8, OTHERWISE),
    ("spafit", 3, {"max_steps": 3, "checkpointing": True, "frozen_dropout": True}),
    ("full", 8, OTHERWISE | {"group_by_length": True}),
]
NOT_IN_THE_LOSSES = {
    "eval_every": "which evaluations there are",
    "early_stopping": "when it ends",
    "head_weights": "compared below, on a checkpoint that has a head",
    "precision": "how it is computed",
    "device": "where",
    "prefix_cache": "the script has none",
}


def test_every_setting_is_compared_with_the_run_or_is_said_to_change_no_loss() -> None:
    compared = set(USUAL).union(*(changes for _, _, changes in COMPARED))
    assert compared.isdisjoint(NOT_IN_THE_LOSSES)
    assert compared | NOT_IN_THE_LOSSES.keys() == SETTINGS.keys()


@pytest.mark.parametrize(("method", "steps", "changes"), COMPARED)
def test_the_script_has_the_losses_of_the_run(
    method: str,
    steps: int,
    changes: dict,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> None:
    folder = save_tiny_model(tmp_path / "model", "bert")
    config = json.loads((folder / "config.json").read_text())
    without_dropout = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    (folder / "config.json").write_text(json.dumps(config | without_dropout))
    write_task(tmp_path, "sst2", train=60, words=lambda _part, i: " ".join(WORDS[i % 7 : i % 7 + 1 + i % 11]))
    monkeypatch.setenv("SPAFIT_GLUE_DIR", str(tmp_path))
    spec = RunSpec(str(folder), "sst2", preset(method, LAYERS), TrainSettings(**(USUAL | changes)))

    seconds = iter(range(10**6))
    steps_of_the_run = (e for e in train(spec, clock=lambda: float(next(seconds))) if isinstance(e, Step))
    ours = [event.loss for event in islice(steps_of_the_run, steps)]  # without its final evaluation, which takes long
    data = tmp_path / "train.tsv"
    data.write_text(lines_of(tasks.load("sst2", "train", limit=40, seed=spec.settings.seed)))
    script = python_script(spec, build_anatomy(folder), tasks.get_task("sst2"))
    theirs = losses(run(script, tmp_path, monkeypatch, capsys, "--data", str(data), "--eval", str(data)))
    assert len(ours) == steps
    assert theirs == pytest.approx(ours, abs=2e-4)
    assert len({round(loss, 4) for loss in theirs}) > 1


def test_a_head_that_the_checkpoint_has_is_drawn_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    bare, headed = save_tiny_model(tmp_path / "bare"), tmp_path / "headed"
    AutoModelForSequenceClassification.from_pretrained(bare, num_labels=2).save_pretrained(headed)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(bare / name, headed / name)
    found = {}

    def script(folder: Path, head: str) -> str:
        settings = TrainSettings(max_steps=1, learning_rate=1e-3, head_weights=head)
        return python_script(RunSpec(str(folder), "any", preset("probe", LAYERS), settings), build_anatomy(folder))

    for folder, head in ((bare, "new"), (headed, "new"), (headed, "kept")):
        found[folder.name, head] = losses(run(script(folder, head), tmp_path, monkeypatch, capsys))
    assert found["bare", "new"] == found["headed", "new"] != found["headed", "kept"]
    with pytest.raises(SystemExit, match=r"has no head with 2 outputs that could be kept\.$"):
        run(script(bare, "kept"), tmp_path, monkeypatch, capsys)


def test_every_setting_of_the_run_is_in_its_script() -> None:
    given = {
        "train_samples": 100,
        "epochs": 3.5,
        "max_steps": 7,
        "batch_size": 5,
        "learning_rate": 0.02,
        "max_length": 33,
        "seed": 9,
        "eval_every": 4,
        "eval_samples": 11,
        "early_stopping": 2,
        "warmup": 0.3,
        "weight_decay": 0.2,
        "max_grad_norm": 3.0,
        "accumulation": 6,
        "checkpointing": True,
        "precision": "bf16",
        "device": "cpu",
        "prefix_cache": "off",
        "frozen_dropout": True,
        "head_weights": "kept",
        "group_by_length": True,
    }
    assert given.keys() == SETTINGS.keys()
    script = python_script(
        RunSpec("minilm-l6", "any", preset("spafit", 6), TrainSettings(**given)), load_anatomy("minilm-l6")
    )
    constants = constants_of(script)
    assert {name: constants[name.upper()] for name in given if name not in LEFT_OUT} == {
        name: value for name, value in given.items() if name not in LEFT_OUT
    }
    used = {
        node.id for node in ast.walk(ast.parse(script)) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
    }
    assert {name.upper() for name in SETTINGS if name not in LEFT_OUT} <= used


def test_a_rate_that_was_left_open_is_written_out_and_a_length_is_what_the_model_takes() -> None:
    spec = RunSpec("minilm-l6", "any", preset("probe", 6), TrainSettings(max_length=131_072))
    constants = constants_of(python_script(spec, load_anatomy("minilm-l6")))
    assert (constants["LEARNING_RATE"], constants["MAX_LENGTH"]) == (spec.learning_rate, 512)


def test_early_stopping_keeps_the_best_parameters(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    folder = save_tiny_model(tmp_path / "model", "bert")
    settings = TrainSettings(max_steps=50, eval_every=1, early_stopping=2, learning_rate=1e-9)
    spec = RunSpec(str(folder), "any", preset("spafit", LAYERS), settings)
    printed = run(python_script(spec, build_anatomy(folder)), tmp_path, monkeypatch, capsys)
    assert len(losses(printed)) == 3  # the first evaluation is the best one, two more are no better
    assert "stopped early" in printed


def test_classes_pairs_and_numbers_are_read_from_the_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    folder = save_tiny_model(tmp_path / "model", "bert")
    settings = TrainSettings(max_steps=1, learning_rate=1e-3)
    for key, label in (("mrpc", "equivalent"), ("stsb", "2.5")):
        task = tasks.get_task(key)
        spec = RunSpec(str(folder), key, preset("spafit", LAYERS), settings)
        anatomy = build_anatomy(folder, num_labels=task.num_labels)
        other = "1" if task.labels else "4"
        data = tmp_path / "pairs.tsv"
        data.write_text(f"the film\tthe plot\t{label}\na good story\tit is bad\t{other}\n" * 10)
        printed = run(python_script(spec, anatomy, task), tmp_path, monkeypatch, capsys, "--data", str(data))
        assert "on the 2 examples for evaluation" in printed
        assert all(f"{metric} " in printed for metric in task.metrics)


@pytest.mark.slow
def test_the_script_for_the_bundled_model_runs_offline_as_it_is(tmp_path: Path) -> None:
    spec = RunSpec("minilm-l6", "rotten-tomatoes", preset("spafit", 6), replace(QUICK, max_steps=2))
    script = script_of(spec)
    assert str(bundled_folder()) not in script and str(Path.home()) not in script
    (tmp_path / "finetune.py").write_text(script, encoding="utf-8")
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path / "empty")}
    done = subprocess.run(
        [sys.executable, "-I", "finetune.py"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "trainable 67,202 of 22,763,138" in done.stdout and "accuracy" in done.stdout
    config = json.loads((tmp_path / "finetuned" / "adapter" / "adapter_config.json").read_text())
    assert config["base_model_name_or_path"] == "sentence-transformers/all-MiniLM-L6-v2"


def test_a_folder_on_this_machine_is_only_named_where_it_may_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = save_tiny_model(tmp_path / "model", "bert")
    spec = RunSpec(str(folder), "any", preset("spafit", LAYERS))
    anatomy = build_anatomy(folder, name="tiny")
    assert constants_of(python_script(spec, anatomy))["MODEL"] == str(folder)
    monkeypatch.setattr("spafit.export.script.shared", lambda: True)
    hidden = python_script(spec, anatomy)
    assert str(tmp_path) not in hidden and constants_of(hidden)["MODEL"] == UNKNOWN_MODEL


def test_a_run_of_a_task_that_is_gone_says_so() -> None:
    with pytest.raises(SpafitError, match="gone-task"):
        script_of(RunSpec("minilm-l6", "gone-task", preset("spafit", 6)))


def test_the_script_imports_nothing_of_ours_and_survives_odd_names() -> None:
    anatomy = replace(tiny_anatomy("gpt2", LAYERS), name='we"ird\\name """\nimport os')
    script = python_script(RunSpec("gpt2", "any", MIXED), anatomy)
    imported = {
        name
        for node in ast.walk(ast.parse(script))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in ([node.module] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names])
    }
    standard = {name for name in imported if name.split(".")[0] in sys.stdlib_module_names}
    assert {name.split(".")[0] for name in imported - standard} == {
        *("numpy", "peft", "torch", "safetensors", "scipy", "sklearn", "transformers")
    }
    assert max(map(len, script.splitlines())) <= 120
    assert ast.parse(script).body[0].value.value.startswith("Strata-")  # the name stays inside the docstring


def test_the_script_that_is_kept_is_one_that_runs() -> None:
    """What stands in the place of a run's values makes a script of its own: the linear probe on the bundled model."""
    counts = count(load_anatomy("minilm-l6"), preset("probe", 6))
    assert constants_of(SCRIPT.read_text(encoding="utf-8"))["COUNTS"] == (counts.trainable, counts.total)

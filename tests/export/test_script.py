"""The Python script that Explore hands out: it runs without this package, trains what we count, and learns as we do."""

import ast
import json
import re
import runpy
import sys
from pathlib import Path

import pytest

from spafit import tasks
from spafit.counting import count
from spafit.export.script import ScriptSettings, python_script
from spafit.models.build import build_anatomy
from spafit.stratification import HeadRecipe, LoraSettings, Recipe, Stratification, preset
from spafit.training.config import RunSpec, TrainSettings
from spafit.training.events import Step
from spafit.training.loop import train
from tests.tiny import FAMILIES, save_tiny_model, tiny_anatomy

LAYERS = 3
MIXED = Stratification(LAYERS, 1, 2, (Recipe.LORA_BIAS, Recipe.FROZEN, Recipe.LORA), lora=LoraSettings(rank=2))
WHOLE = Stratification(
    LAYERS, 0, 1, (Recipe.FROZEN, Recipe.FULL, Recipe.BIAS), Recipe.BIAS, HeadRecipe(Recipe.FULL, Recipe.FULL)
)


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
    """The losses that a script printed, step by step."""
    return [float(loss) for loss in re.findall(r"loss ([\d.]+)", printed)]


@pytest.mark.parametrize("family", FAMILIES)
def test_the_script_trains_what_we_count(
    family: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    folder = save_tiny_model(tmp_path / "model", family)
    anatomy = tiny_anatomy(family, LAYERS)
    for stratification in (MIXED, WHOLE):
        counts = count(anatomy, stratification)
        script = python_script(str(folder), anatomy, stratification, ScriptSettings(1e-3, epochs=1))
        printed = run(script, tmp_path, monkeypatch, capsys)
        assert f"trainable {counts.trainable:,} of {counts.total:,} " in printed
        assert len(losses(printed)) == 1


@pytest.mark.parametrize("method", ["spafit", "full"])
def test_the_script_has_our_losses(
    method: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    folder = save_tiny_model(tmp_path / "model", "bert")
    config = json.loads((folder / "config.json").read_text())
    without_dropout = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    (folder / "config.json").write_text(json.dumps(config | without_dropout))
    stratification = preset(method, LAYERS)
    examples = tasks.load("rotten-tomatoes", "train", limit=16, seed=0)
    data = tmp_path / "train.tsv"
    data.write_text("".join(f"{text}\t{label}\n" for text, label in zip(examples.text, examples.labels, strict=True)))

    settings = TrainSettings(
        train_samples=16, epochs=4, batch_size=16, learning_rate=3e-3, max_length=32, eval_every=4, eval_samples=10
    )
    seconds = iter(range(10**6))
    spec = RunSpec(str(folder), "rotten-tomatoes", stratification, settings)
    events = train(spec, clock=lambda: float(next(seconds)))
    ours = [event.loss for event in events if isinstance(event, Step)]

    script_settings = ScriptSettings(3e-3, batch_size=16, max_length=32, epochs=4)
    script = python_script(str(folder), build_anatomy(folder), stratification, script_settings)
    theirs = losses(run(script, tmp_path, monkeypatch, capsys, "--data", str(data)))
    assert len(ours) == 4
    assert theirs == pytest.approx(ours, abs=2e-4)
    assert theirs[0] != theirs[-1]


def test_the_script_imports_nothing_of_ours_and_survives_odd_names() -> None:
    anatomy = tiny_anatomy("gpt2", LAYERS)
    script = python_script('we"ird\\name', anatomy, MIXED, ScriptSettings(1e-4))
    imported = {
        name
        for node in ast.walk(ast.parse(script))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in ([node.module] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names])
    }
    assert imported == {"argparse", "random", "pathlib", "peft", "torch", "safetensors.torch", "transformers"}
    assert max(map(len, script.splitlines())) <= 120

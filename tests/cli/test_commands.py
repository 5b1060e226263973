"""The command line as other programs rely on it: documents, exit codes, and one sentence for bad input."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from spafit.cli import main
from spafit.cli.parser import parse
from spafit.cli.runs import _beside
from spafit.cli.settings import settings
from spafit.runs import State, Store
from spafit.stratification import Stratification, preset
from spafit.training.config import SETTINGS, RunSpec, TrainSettings
from spafit.training.events import Finished
from spafit.training.setting import Kind
from tests.cli.calling import document, printed


def test_count_is_the_document_that_other_tools_read(capsys: pytest.CaptureFixture[str]) -> None:
    counts = document(capsys, "count", "bert-large-cased", "--n1", "4", "--n2", "9")
    assert (counts["name"], counts["base_total"]) == ("SPAFIT-4-9", 333_581_314)
    layers = counts["layers"]
    assert [row["layer"] for row in layers] == list(range(1, 25))
    assert [row["stratum"] for row in layers] == [1] * 4 + [2] * 5 + [3] * 15
    assert {row["recipe"] for row in layers[9:]} == {"lora_bias"}
    assert [row["trainable"] for row in layers[:9]] == [0] * 4 + [11_264] * 5
    assert layers[-1]["lora"] == 4 * 2 * 8 * 1024
    rows = [counts["embeddings"], *layers, counts["head"]]
    for key in ("trainable", "total"):
        assert sum(row[key] for row in rows) == counts[key]
    assert all(row["bias"] + row["lora"] + row["weight"] == row["trainable"] for row in rows)
    assert counts["percent"] == 100 * counts["trainable"] / counts["total"]


@pytest.mark.parametrize(
    ("options", "name"),
    [
        (["--method", "bitfit"], "BitFit"),
        (["--method", "full"], "Full"),
        (["--method", "probe"], "Probe"),
        (["--method", "lora", "--lora-rank", "4"], "LoRA+rank=4"),
        ([], "SPAFIT-2-4"),
        (["--n1", "5"], "SPAFIT-5-5"),
        (["--recipes", "frozen, frozen,full", "--n1", "0", "--n2", "3"], "Strata-0-3-frozen-frozen-full"),
        (["--embeddings", "bias", "--lora-targets", "value,query"], "SPAFIT-2-4+embeddings=bias+targets=query.value"),
    ],
)
def test_options_make_the_stratification_they_name(
    capsys: pytest.CaptureFixture[str], options: list[str], name: str
) -> None:
    assert document(capsys, "count", "minilm-l6", *options)["name"] == name


def test_a_stratification_comes_from_a_file(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    wanted = preset("spafit", 6, 1, 5)
    (tmp_path / "mine.json").write_text(wanted.to_json())
    assert (
        document(capsys, "count", "minilm-l6", "--stratification", str(tmp_path / "mine.json"))["name"] == "SPAFIT-1-5"
    )
    deeper = Stratification(24, 4, 9)
    (tmp_path / "deep.json").write_text(deeper.to_json())
    assert main(["count", "minilm-l6", "--stratification", str(tmp_path / "deep.json")]) == 2
    assert "is for 24 layers but the model has 6" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("", "required: COMMAND"),
        ("frobnicate", "invalid choice: 'frobnicate'"),
        ("count", "required: MODEL"),
        ("count minilm-l6 --n1 four", "--n1: invalid int value: 'four'"),
        ("count minilm-l6 --n1 5 --n2 2", "boundary 1 must come first"),
        ("count minilm-l6 --n2 7", "Boundary 2 is 7 but must be a whole number from 0 to 6"),
        ("count minilm-l6 --n1=-1", "Boundary 1 is -1"),
        ("count minilm-l6 --method bitfit --n1 2", "Only SPAFIT has boundaries"),
        ("count minilm-l6 --method magic", "invalid choice: 'magic'"),
        ("count minilm-l6 --method full --recipes bias,bias,bias", "contradict each other"),
        ("count minilm-l6 --recipes bias,bias", "three recipes are needed"),
        ("count minilm-l6 --recipes bias,bias,magic", "stratum 3 cannot be 'magic'"),
        ("count minilm-l6 --recipes frozen,,bias,lora", "three recipes are needed"),
        ("count minilm-l6 --lora-rank 0", "LoRA rank is 0"),
        ("count minilm-l6 --method bitfit --lora-rank 99999999999999999999", "LoRA rank is 99999999999999999999"),
        ("count minilm-l6 --lora-rank 4000", "choose a rank from 1 to 384"),
        ("count minilm-l6 --lora-targets quary", "'quary'"),
        ("count minilm-l6 --num-labels 0", "labels"),
        ("count minilm-l6 --stratification nowhere.json", "cannot be read"),
        ("count minilm-l6 --stratification {broken}", "not valid JSON"),
        ("count minilm-l6 --stratification {good} --n1 2", "leave out --n1"),
        ("count {empty}", "config.json"),
        ("count {brokenmodel}", "JSON"),
        ("count nowhere", "is no model"),
        ("count minilm-l6 --frob", "--frob"),
        ("train minilm-l6 nothing", "'nothing'"),
        ("train nowhere rotten-tomatoes", "is no model"),
        ("train gpt2 rotten-tomatoes", "would have to be downloaded, and the Hub is out of reach"),
        ("train minilm-l6 cola", "SPAFIT_GLUE_DIR can name a folder"),
        ("train minilm-l6 rotten-tomatoes --batch-size 0", "batch_size must be a whole number from 1"),
        ("train minilm-l6 rotten-tomatoes --lr=-1", "learning_rate must be a number above 0"),
        ("train minilm-l6 rotten-tomatoes --epochs nan", "epochs must be a number"),
        ("train minilm-l6 rotten-tomatoes --train-samples many", "invalid whole number value: 'many'"),
        ("train minilm-l6 rotten-tomatoes --device toaster", "invalid choice: 'toaster'"),
        ("train minilm-l6 rotten-tomatoes --n1 9", "Boundary 1 is 9"),
        ("train minilm-l6 rotten-tomatoes --lora-rank 4000", "choose a rank from 1 to 384"),
        ("train {configonly} rotten-tomatoes", "has no model.safetensors"),
        ("cuont minilm-l6", "did you mean 'count'?"),
        ("count minilm-l6 --method lroa", "did you mean 'lora'?"),
        ("count minilm-l6 --lora-targets q_proj,value", "'q_proj' is query."),
        ("count minilm-l6 --lora-targets c_attn", "'c_attn' is key and query and value."),
        ("count minilm-l6 --lora-targets atention_output", "did you mean 'attention_output'?"),
        ("count minilm-l7", "did you mean minilm-l6"),
        ("train minilm-l6 rotten-tomatos", "Did you mean 'rotten-tomatoes'?"),
        ("train minilm-l6", "MODEL and TASK are required"),
        ("train --spec nowhere.json", "cannot be read"),
        ("train --spec {broken}", "it is no JSON"),
        ("train --spec {good}", "specification"),
        ("train minilm-l6 rotten-tomatoes --spec {good}", "leave out MODEL and TASK"),
        ("train --spec {good} --n1 2 --lr 1", "leave out --n1, --lr"),
        ("delete nope --yes", "There is no run 'nope'"),
        ("show nope", "There is no run 'nope'"),
        ("stop nope", "There is no run 'nope'"),
        ("runs --state lost", "There is no state 'lost'"),
    ],
)
def test_bad_input_is_one_sentence_on_stderr(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str, said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("empty", "brokenmodel", "configonly"):
        (tmp_path / name).mkdir()
    (tmp_path / "brokenmodel" / "config.json").write_text("{")
    (tmp_path / "configonly" / "config.json").write_text('{"model_type": "bert"}')
    (tmp_path / "broken.json").write_text("{")
    (tmp_path / "good.json").write_text(preset("spafit", 6).to_json())
    places = {"empty": "empty", "brokenmodel": "brokenmodel", "configonly": "configonly"}
    files = {"broken": "broken.json", "good": "good.json"}
    assert main(command.format(**places, **files).split(" ") if command else []) == 2
    written = capsys.readouterr()
    assert written.out == ""
    assert said in written.err
    assert len(written.err.splitlines()) == 1 and written.err.rstrip().endswith((".", "?"))
    assert Store.open().list(archived=None) == []


def test_a_glue_folder_without_the_task_is_said_to_be_so(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPAFIT_GLUE_DIR", str(tmp_path))
    assert main(["train", "minilm-l6", "cola"]) == 2
    assert "the folder that SPAFIT_GLUE_DIR names has no CoLA" in capsys.readouterr().err


def test_an_unexpected_error_is_a_sentence_too(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_arguments: object) -> None:
        raise ZeroDivisionError("oops")

    monkeypatch.setattr("spafit.models.registry.list_models", broken)
    assert main(["models"]) == 1
    written = capsys.readouterr()
    assert written.out == "" and "ZeroDivisionError: oops" in written.err and "Traceback" not in written.err


def test_any_encoding_of_stdout_will_do() -> None:
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    code = "from spafit.cli import main\nfor command in ('tasks', 'tasks --json'): assert main(command.split()) == 0"
    out = subprocess.check_output([sys.executable, "-c", code], env=environment).decode("ascii")
    examples = [task["example"] for task in json.loads(out.splitlines()[-1])["tasks"]]
    assert any("“" in example for example in examples)


def test_counting_and_listing_never_import_pytorch() -> None:
    code = (
        "import sys; from spafit.cli import main\n"
        "for command in ('count minilm-l6', 'models', 'tasks', 'runs'): main(command.split())\n"
        "print(sorted({'torch', 'transformers', 'datasets', 'sklearn', 'streamlit'} & set(sys.modules)))"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True).splitlines()[-1] == "[]"


def test_the_list_of_tasks_says_in_which_order_glue_is_looked_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tasks"]) == 0
    said = capsys.readouterr().err
    assert said.index("SPAFIT_GLUE_DIR") < said.index("Hugging Face cache") < said.index("on the Hub")


def test_models_and_tasks_have_keys_names_and_sources(capsys: pytest.CaptureFixture[str]) -> None:
    for command, key in (("models", "minilm-l6"), ("tasks", "rotten-tomatoes")):
        found = document(capsys, command)
        assert found["schema"] == 1
        listed = found[command]
        assert {"key": key, "source": "bundled"}.items() <= next(one for one in listed if one["key"] == key).items()
        assert all(one["name"] and one["source"] in ("bundled", "cached", "hub", "local") for one in listed)
        assert key in printed(capsys, command)


@pytest.mark.slow
def test_the_doctor_examines_everything(capsys: pytest.CaptureFixture[str]) -> None:
    found = document(capsys, "doctor")
    assert found["ok"] and found["problems"] == []
    assert found["device"] in ("cpu", "cuda", "mps") and found["devices"][0]["device"] == "cpu"
    assert found["bundled"]["minilm-l6"] == "intact" and found["database"]["usable"]
    assert found["hub"]["reachable"] is False  # switched off in tests
    assert {"python", "spafit", "torch"} <= set(found["versions"])


def test_the_doctor_fails_when_something_is_missing(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("spafit.cli.doctor.device_facts", lambda: {"device": "cpu", "devices": []})
    monkeypatch.setattr("spafit.cli.doctor.LITTLE_SPACE", 10**30)
    found = document(capsys, "doctor", code=1)
    assert not found["ok"] and "of disk are free" in found["problems"][0]


@pytest.mark.usefixtures("helpers_in_process")
def test_a_folder_with_only_a_config_can_be_counted(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    config = {"model_type": "bert", "hidden_size": 32, "num_hidden_layers": 3, "num_attention_heads": 4}
    config |= {"intermediate_size": 64, "vocab_size": 100, "max_position_embeddings": 16}
    (tmp_path / "config.json").write_text(json.dumps(config))
    counts = document(capsys, "count", str(tmp_path), "--n1", "1", "--n2", "2", "--num-labels", "3")
    assert [row["recipe"] for row in counts["layers"]] == ["frozen", "bias", "lora_bias"]
    assert counts["layers"][2]["lora"] == 4 * 2 * 8 * 32


def test_the_baseline_stands_beside_the_metric_it_belongs_to(capsys: pytest.CaptureFixture[str]) -> None:
    store = Store.open()
    run = store.claim(store.submit(RunSpec("minilm-l6", "mrpc", preset("spafit", 6))), "here")
    assert run is not None
    scores, baseline = {"accuracy": 0.7, "f1": 0.82}, {"accuracy": 0.684, "f1": 0.812}
    store.conclude(run, State.FINISHED, None, [Finished("finished", scores, scores, baseline, 9.0, 20).to_dict()])
    assert "accuracy 0.700 (baseline 0.684), f1 0.820" in " ".join(printed(capsys, "runs").split())


def test_the_baseline_stands_beside_its_own_metric_only() -> None:
    assert (
        _beside({"accuracy": 0.7, "f1": 0.8}, {"f1": 0.5, "accuracy": 0.6})
        == "accuracy 0.700 (baseline 0.600), f1 0.800"
    )
    assert _beside({"pearson": 0.7}, {"spearman": 0.0}) == "pearson 0.700"


def test_runs_are_narrowed_ordered_and_limited(capsys: pytest.CaptureFixture[str]) -> None:
    store = Store.open()
    spec = RunSpec("minilm-l6", "mrpc", preset("spafit", 6))
    first = store.submit(spec, owner="Ada", name="100% spafit")
    second = store.submit(replace(spec, task="cola"), owner="Ada", name="other")
    third = store.submit(spec, name="Spafit again")

    def listed(*options: str) -> list[str]:
        return [run["run"] for run in document(capsys, "runs", *options)["runs"]]

    assert listed() == [third, second, first] == list(reversed(listed("--order", "oldest")))
    assert listed("--task", "cola") == [second]
    assert listed("--name", "SPAFIT") == [third, first]
    assert listed("--name", "0%") == [first]  # a part of the name, not a pattern
    assert listed("--owner", "Ada", "--task", "mrpc") == [first]
    assert listed("--limit", "2") == [third, second] and listed("--limit", "0") == [third, second, first]
    assert document(capsys, "runs", "--limit", "2")["more"] and not document(capsys, "runs", "--limit", "3")["more"]
    assert main(["runs", "--limit", "1"]) == 0
    assert "The newest 1 runs; there are more" in capsys.readouterr().err


def test_flags_of_before_are_understood_and_not_shown(capsys: pytest.CaptureFixture[str]) -> None:
    former = {flag: setting for setting in SETTINGS.values() for flag in setting.former_flags}
    assert "--train-samples" in former and "--checkpointing" in former
    with pytest.raises(SystemExit):
        main(["train", "--help"])
    shown = capsys.readouterr().out
    for flag, setting in former.items():
        value = [] if setting.kind is Kind.SWITCH else ["3"]
        assert flag not in shown.replace(setting.flag, "") and setting.flag in shown
        chosen = settings(parse(["train", "m", "t", flag, *value]))
        assert chosen == settings(parse(["train", "m", "t", setting.flag, *value])) != TrainSettings()

"""What was exported gives our answers in a process that knows nothing of spafit."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from spafit.errors import SpafitError
from spafit.export.folder import RECORD, default_format, export
from spafit.runs import Store
from spafit.stratification import LoraSettings, Role, preset
from spafit.tasks.metrics import compute
from spafit.trained.restore import restore
from spafit.training.checkpoint import save_trained
from spafit.training.config import RunSpec, TrainSettings
from spafit.training.loop import train
from spafit.tryout.predict import Prediction, Predictor
from tests.tiny import FAMILIES, save_tiny_model
from tests.trained.runs import LABELS, LAYERS, trained_run

Answers = dict[str, dict[str, list]]
Ours = dict[str, list[Prediction]]
TEXTS = [
    "long " * 40,
    *(f"{article} {adjective} {noun}" for article in ["a", "the"] for adjective in ["great", "dull", "funny", "bad"]
      for noun in ["film", "plot", "actor"]),
]  # fmt: skip
CLASSES = np.arange(len(TEXTS)) % len(LABELS)
"""The labels of these texts, for the sake of a score."""
FLIP_MARGIN = 1e-4
"""Between the two largest probabilities: where it is larger, the same class has to win."""
ELSEWHERE = """
import json, sys, torch
from peft import AutoPeftModelForSequenceClassification
from transformers import AutoModelForSequenceClassification, AutoTokenizer, pipeline
texts, folders, answers = json.loads(sys.argv[1]), json.loads(sys.argv[2]), {}
for folder, adapter in folders:
    kind = AutoPeftModelForSequenceClassification if adapter else AutoModelForSequenceClassification
    model = kind.from_pretrained(folder, **({"num_labels": 3} if adapter else {})).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    batch = [tokenizer(text, truncation=True, return_tensors="pt") for text in texts]
    with torch.no_grad():
        logits = [model(**one).logits[0].tolist() for one in batch]
    answers[folder] = {"logits": logits}
    if not adapter:
        named = pipeline("text-classification", model=folder)(texts, truncation=True)
        answers[folder]["labels"] = [one["label"] for one in named]
        answers[folder]["scores"] = [one["score"] for one in named]
assert not [name for name in sys.modules if name.startswith("spafit")]
print(json.dumps(answers))
"""


def elsewhere(folders: list[tuple[Path, bool]]) -> Answers:
    """Return what a fresh process without spafit answers, by the folders' names."""
    arguments = json.dumps(TEXTS), json.dumps([[str(folder), adapter] for folder, adapter in folders])
    done = subprocess.run(
        [sys.executable, "-c", ELSEWHERE, *arguments], capture_output=True, text=True, check=False, cwd=folders[0][0]
    )
    assert done.returncode == 0, done.stderr
    return {Path(folder).name: answer for folder, answer in json.loads(done.stdout.splitlines()[-1]).items()}


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> tuple[Answers, Ours]:
    """Export every family both ways and a regression; return the answers of one process without spafit, and ours."""
    place = tmp_path_factory.mktemp("exported")
    kinds, ours = [], {}
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("SPAFIT_HOME", str(place / "home"))
        for family in FAMILIES:
            whole = trained_run(
                place, family, preset("spafit", LAYERS, 1, 2, LoraSettings(targets=(Role.QUERY, Role.FFN_OUT)))
            )
            expected = Predictor(whole).predict(TEXTS)
            for kind in ("adapter", "merged"):
                target = place / "out" / f"{family}-{kind}"
                export(whole, target, kind)
                kinds.append((target, kind == "adapter"))
                ours[target.name] = expected
        whole = trained_run(place / "regression", "bert", preset("full", LAYERS), ())
        export(whole, place / "out" / "regression")
        kinds.append((place / "out" / "regression", False))
        ours["regression"] = Predictor(whole).predict(TEXTS)
    return elsewhere(kinds), ours


@pytest.mark.slow
def test_every_family_answers_the_same_without_spafit(answers: tuple[Answers, Ours]) -> None:
    theirs, ours = answers
    assert len(ours) == 2 * len(FAMILIES) + 1
    for name in ours.keys() - {"regression"}:
        answer, expected = theirs[name], ours[name]
        logits = np.array(answer["logits"])
        wanted = np.array([list(each.probabilities.values()) for each in expected])
        # Logits are told by probabilities up to a constant that no answer depends on.
        np.testing.assert_allclose(_centred(logits), _centred(np.log(wanted)), rtol=0, atol=1e-4, err_msg=name)
        second, best = np.sort(wanted, axis=1)[:, -2:].T
        sure = best - second > FLIP_MARGIN
        flipped = sure & (logits.argmax(1) != wanted.argmax(1))
        assert [TEXTS[row] for row in np.flatnonzero(flipped)] == [], name
        assert sure.mean() > 0.8, name
        reached = [compute(["accuracy", "macro_f1"], each[sure], CLASSES[sure]) for each in (logits, wanted)]
        assert reached[0] == reached[1], name
        if "labels" in answer:
            assert answer["labels"] == [each.label for each in expected], name
            assert answer["scores"] == pytest.approx([each.score for each in expected], abs=1e-5), name


def _centred(values: np.ndarray) -> np.ndarray:
    return values - values.mean(axis=1, keepdims=True)


def test_a_regression_keeps_its_scale_and_its_correlations(answers: tuple[Answers, Ours]) -> None:
    theirs, ours = (np.array(each) for each in (answers[0]["regression"]["scores"], scores(answers[1]["regression"])))
    np.testing.assert_allclose(theirs, ours, rtol=0, atol=1e-4)
    for metric, value in compute(["pearson", "spearman"], ours, CLASSES.astype(float)).items():
        assert compute([metric], theirs, CLASSES.astype(float))[metric] == pytest.approx(value, abs=1e-6)


def scores(predictions: list[Prediction]) -> list[float]:
    """Return the predicted numbers."""
    return [each.score for each in predictions]


def test_the_format_follows_what_was_trained(tmp_path: Path) -> None:
    methods = {"spafit": "adapter", "lora": "adapter", "bitfit": "merged", "probe": "merged", "full": "merged"}
    for number, (method, kind) in enumerate(methods.items()):
        whole = trained_run(tmp_path / str(number), "bert", preset(method, LAYERS))
        assert default_format(whole) == kind
    with pytest.raises(SpafitError, match="export the merged model instead"):
        export(whole, tmp_path / "out", "adapter")
    assert not (tmp_path / "out").exists()
    assert not list(tmp_path.glob(".out*"))  # nothing half written stays


def test_the_folder_says_what_it_is(tmp_path: Path) -> None:
    whole = trained_run(tmp_path, "bert", preset("spafit", LAYERS, 1, 2))
    files = export(whole, tmp_path / "out")
    assert {"adapter_model.safetensors", "adapter_config.json", "tokenizer.json", RECORD, "README.md"} <= set(files)
    document = json.loads((tmp_path / "out" / RECORD).read_text())
    assert (document["stratification"], document["labels"], document["max_length"]) == ("SPAFIT-1-2", list(LABELS), 24)
    assert RunSpec.from_dict(document["spec"]) == whole.spec
    assert len(document["base_sha256"]) == 64
    with pytest.raises(SpafitError, match="exists already"):
        export(whole, tmp_path / "out")


def test_a_run_that_cannot_come_back_says_why(tmp_path: Path) -> None:
    whole = trained_run(tmp_path, "bert", preset("spafit", LAYERS, 1, 2))
    folder = Store.open().folder(whole.run.id)
    with pytest.raises(SpafitError, match="no saved weights"):
        restore(whole.run, tmp_path / "nowhere")
    save_trained(folder, whole.state, {"labels": "[]", "base": "0" * 64})
    with pytest.raises(SpafitError, match="have changed since"):
        restore(whole.run, folder)
    save_trained(folder, whole.state, {"labels": '["a", "b"]'})
    with pytest.raises(SpafitError, match="names 2 labels, but its trained head has 3 outputs"):
        restore(whole.run, folder)
    save_trained(folder, whole.state, {"labels": json.dumps(LABELS)})
    (Path(whole.run.model) / "model.safetensors").unlink()
    with pytest.raises(SpafitError, match=r"has no model\.safetensors"):
        restore(whole.run, folder)


def test_a_run_that_trained_can_be_taken_away_when_its_task_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = save_tiny_model(tmp_path / "base")
    settings = TrainSettings(train_samples=32, max_steps=2, max_length=16, eval_samples=20)
    spec = RunSpec(str(base), "rotten-tomatoes", preset("spafit", LAYERS, 1, 2), settings)
    store = Store.open()
    run = store.get(store.submit(spec))
    for _ in train(spec, folder=store.folder(run.id)):
        pass
    monkeypatch.setattr("spafit.tasks.get_task", lambda key: pytest.fail("the task was asked for"))
    whole = restore(run, store.folder(run.id))
    assert (whole.labels, whole.pair, whole.max_length) == (("negative", "positive"), False, 16)
    assert {each.label for each in Predictor(whole).predict(TEXTS)} <= set(whole.labels)
    export(whole, tmp_path / "out")

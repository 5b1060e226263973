"""``spafit train`` and the commands that look after runs, with scripted runs and once with a real one."""

from __future__ import annotations

import io
import json
import re
import signal
import subprocess
from pathlib import Path

import pytest

from spafit.cli import main
from spafit.runs import State, Store
from spafit.stratification import preset
from spafit.tasks import preparation
from spafit.training.config import RunSpec
from tests.cli.calling import SPAFIT, document, printed
from tests.glue_layout import write_task
from tests.runs.helpers import eventually, processes_of


def hear_ctrl_c() -> None:
    """Ctrl-C reaches a command also when it is started by something that ignores it, as pytest's workers do."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def over(store: Store) -> str:
    """Return a run that is over without any process having been started."""
    run = store.claim(store.submit(RunSpec("minilm-l6", "rotten-tomatoes", preset("spafit", 6))), "a test")
    assert run is not None
    store.conclude(run, State.STOPPED)
    return run.id


class TestTraining:
    """With scripted runs: `SCRIPTED` says what the run does."""

    @pytest.fixture(autouse=True)
    def scripted(self, scripted_runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("SCRIPTED", "steps=3 delay=0.01")

    def test_the_last_line_is_the_run(self) -> None:
        command = [*SPAFIT, "train", "minilm-l6", "rotten-tomatoes", "--n1", "2", "--n2", "4", "--seed", "5", "--json"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        run = json.loads(done.stdout.splitlines()[-1])
        assert {"state": "finished", "metrics": {"accuracy": 0.7}, "trainable": 10, "total": 100}.items() <= run.items()
        assert run["seconds"] > 0 and re.fullmatch("[a-z0-9]{8}", run["run"])
        stored = Store.open().get(run["run"])
        assert (stored.state, stored.stratification, stored.seed) == (State.FINISHED, "SPAFIT-2-4", 5)
        assert "Traceback" not in done.stderr

    def test_every_setting_reaches_the_run(self, capsys: pytest.CaptureFixture[str]) -> None:
        options = (
            "--train-samples all --epochs 1.5 --max-steps 7 --batch-size 8 --lr 0.01 --max-length 32 --seed 3 "
            "--eval-every 2 --eval-samples 50 --early-stopping 4 --warmup 0.2 --weight-decay 0 --max-grad-norm 2 "
            "--accumulation 2 --checkpointing --precision fp32 --device cpu --prefix-cache off --frozen-dropout "
            "--head new --group-by-length"
        )
        run = document(capsys, "train", "minilm-l6", "bbc-news", "--detach", "--priority", "2", *options.split())
        assert run["spec"]["settings"] == {
            "train_samples": None,
            "epochs": 1.5,
            "max_steps": 7,
            "batch_size": 8,
            "learning_rate": 0.01,
            "max_length": 32,
            "seed": 3,
            "eval_every": 2,
            "eval_samples": 50,
            "early_stopping": 4,
            "warmup": 0.2,
            "weight_decay": 0.0,
            "max_grad_norm": 2.0,
            "accumulation": 2,
            "checkpointing": True,
            "precision": "fp32",
            "device": "cpu",
            "prefix_cache": "off",
            "frozen_dropout": True,
            "head_weights": "new",
            "group_by_length": True,
        }
        assert run["priority"] == 2

    def test_a_file_is_trained_on_and_what_was_guessed_is_said(
        self, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = tmp_path / "reviews.csv"
        path.write_text(
            "words,mood\n" + "".join(f"a text {i},{('good', 'bad')[i % 2]}\n" for i in range(40)) + ",good\n"
        )
        assert main(["train", "minilm-l6", str(path), "--detach", "--json"]) == 0
        told = capsys.readouterr()
        run = json.loads(told.out)
        assert run["task"].startswith("data-")
        assert f"{path}, kept as {run['task']}: one of 2 classes from the column “mood”, given “words”" in told.err
        assert "28 / 4 / 8; left out: 1." in told.err
        monkeypatch.setenv("SPAFIT_MAX_FILE_MB", "1")
        path.write_text("words,mood\n" + "x" * 1_000_000)
        assert main(["train", "minilm-l6", str(path)]) == 2
        assert capsys.readouterr() == ("", "reviews.csv has 1.0 MB; the limit is 1 MB.\n")

    def test_a_failed_run_has_its_reason_on_stderr_and_its_document_on_stdout(
        self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("SCRIPTED", "steps=2 then=diverge")
        assert main(["train", "minilm-l6", "rotten-tomatoes", "--json"]) == 1
        written = capsys.readouterr()
        run = json.loads(written.out.splitlines()[-1])
        assert (run["state"], run["metrics"]) == ("failed", {})
        assert "The loss became NaN" in run["reason"] and run["reason"] in written.err

    def test_ctrl_c_stops_the_run_and_keeps_it(self, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("SCRIPTED", "steps=9999 delay=0.02")
        command = [*SPAFIT, "train", "minilm-l6", "rotten-tomatoes", "--json"]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        with subprocess.Popen(command, preexec_fn=hear_ctrl_c, **pipes) as training:  # noqa: PLW1509
            eventually(lambda: [run for run in Store.open().list() if run.step > 2])
            training.send_signal(signal.SIGINT)
            out, err = training.communicate(timeout=30)
        assert training.returncode == 130
        run = json.loads(out.splitlines()[-1])
        assert run["state"] == "stopped" and run["step"] > 2
        assert "Traceback" not in err
        assert [event["kind"] for _seq, event in Store.open().events(run["run"])].count("step") > 2
        eventually(lambda: not processes_of(home))

    def test_ctrl_c_while_the_run_is_being_queued_stops_it_too(
        self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def interrupted() -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr("spafit.cli.train.ensure_supervisor", interrupted)
        assert document(capsys, "train", "minilm-l6", "rotten-tomatoes", code=130)["state"] == "stopped"

    def test_a_run_goes_on_when_its_terminal_goes_away(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("SCRIPTED", "steps=12 delay=0.1")
        with subprocess.Popen(
            [*SPAFIT, "train", "minilm-l6", "rotten-tomatoes"], stdout=subprocess.DEVNULL
        ) as training:
            eventually(lambda: [run for run in Store.open().list() if run.step])
            training.send_signal(signal.SIGHUP)
            training.wait(timeout=30)
        run = eventually(lambda: [run for run in Store.open().list() if run.state.over])[0]
        assert run.state is State.FINISHED

    def test_detach_runs_show_and_stop(
        self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("SCRIPTED", "steps=9999 delay=0.02")
        first = document(capsys, "train", "minilm-l6", "rotten-tomatoes", "--detach")
        second = document(capsys, "train", "minilm-l6", "bbc-news", "--owner", "Ada", "--detach")
        eventually(lambda: Store.open().get(first["run"]).step)
        assert "queued, number 1" in printed(capsys, "runs", "--owner", "Ada")
        assert [run["run"] for run in document(capsys, "runs")["runs"]] == [second["run"], first["run"]]
        assert document(capsys, "show", second["run"])["position"] == 1
        assert document(capsys, "stop", second["run"])["state"] == "stopped"
        assert document(capsys, "stop", first["run"])["state"] == "stopped"
        shown = document(capsys, "show", first["run"], "--events")
        assert [event["kind"] for event in shown["events"]][:2] == ["phase", "started"]
        assert document(capsys, "runs", "--state", "running")["runs"] == []
        both = document(capsys, "stop", first["run"], second["run"])
        assert [run["run"] for run in both["runs"]] == [first["run"], second["run"]] and both["schema"] == 1
        assert main(["stop", first["run"]]) == 0
        assert "stopped already" in capsys.readouterr().err

    def test_where_the_data_is_and_what_was_left_out_of_it_is_said(
        self, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with (write_task(tmp_path, "rte") / "dev.tsv").open("a", encoding="utf-8") as file:
            file.write("12\tonly two\n")
        monkeypatch.setenv("SPAFIT_GLUE_DIR", str(tmp_path))
        preparation("rte")  # as the run would, were it not a scripted one
        assert main(["train", "minilm-l6", "rte"]) == 0
        said = capsys.readouterr().err
        assert "RTE: the data is on this machine, in a folder or file of yours." in said
        assert "malformed lines (1); the first: dev.tsv line 14 has 2 columns where 4 are expected." in said

    def test_runs_are_deleted_together_or_not_at_all(
        self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        ids = [over(Store.open()) for _ in range(2)]
        folder = Path(document(capsys, "show", ids[0])["folder"])
        folder.mkdir(parents=True, exist_ok=True)
        monkeypatch.setenv("SCRIPTED", "steps=9999 delay=0.02")
        going = document(capsys, "train", "minilm-l6", "rotten-tomatoes", "--detach")["run"]
        assert main(["delete", *ids, going, "--yes"]) == 2
        assert "Nothing was deleted." in capsys.readouterr().err
        assert main(["delete", *ids]) == 2  # no terminal to ask in
        assert "--yes has to say so" in capsys.readouterr().err and folder.is_dir()
        assert document(capsys, "delete", *ids, "--yes")["deleted"] == ids
        assert not folder.exists()
        assert [run["run"] for run in document(capsys, "runs")["runs"]] == [going]
        assert document(capsys, "stop", going)["state"] == "stopped"

    @pytest.mark.parametrize("what", ["show", "page"])
    def test_a_run_is_repeated_from_its_own_record(
        self, capsys: pytest.CaptureFixture[str], tmp_path: Path, what: str
    ) -> None:
        options = "--n1 1 --n2 3 --seed 4 --lora-rank 2 --max-steps 7 --train-examples all"
        first = document(capsys, "train", "minilm-l6", "bbc-news", *options.split())
        record = (
            document(capsys, "show", first["run"]) if what == "show" else Store.open().get(first["run"]).spec_document
        )
        (tmp_path / "record.json").write_text(json.dumps(record))
        again = document(capsys, "train", "--spec", str(tmp_path / "record.json"))
        assert again["run"] != first["run"]
        assert again["spec"] == first["spec"] and again["metrics"] == first["metrics"]

    def test_a_run_of_hours_is_asked_about_once(
        self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("spafit.cli.train._expected_seconds", lambda *_: 3601.0)
        assert main(["train", "minilm-l6", "rotten-tomatoes"]) == 2
        written = capsys.readouterr()
        assert written.out == "" and "This run takes about 1.0 hours" in written.err and "--yes" in written.err
        assert Store.open().list() == []
        assert document(capsys, "train", "minilm-l6", "rotten-tomatoes", "--yes")["state"] == "finished"
        monkeypatch.setattr("spafit.cli.train._expected_seconds", lambda *_: 3600.0)
        assert document(capsys, "train", "minilm-l6", "rotten-tomatoes")["state"] == "finished"

    @pytest.mark.parametrize(("answer", "code"), [("y", 0), ("n", 1), ("", 1)])
    def test_in_a_terminal_the_answer_decides(
        self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, answer: str, code: int
    ) -> None:
        class Terminal(io.StringIO):
            def isatty(self) -> bool:
                return True

        run = document(capsys, "train", "minilm-l6", "rotten-tomatoes")["run"]
        monkeypatch.setattr("sys.stdin", Terminal(f"{answer}\n"))
        monkeypatch.setattr("sys.stderr", Terminal())
        assert main(["delete", run]) == code
        assert (Store.open().list() == []) == (code == 0)

    def test_show_says_where_the_time_went_and_what_was_decided(
        self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("SCRIPTED", "steps=2")
        run = document(capsys, "train", "minilm-l6", "rotten-tomatoes")["run"]
        shown = document(capsys, "show", run)
        assert [phase for phase, _seconds in shown["timeline"]] == ["data"]
        assert shown["decisions"][0] == "Precision: fp32 on cpu."
        text = printed(capsys, "show", run)
        assert "Reading and tokenizing the task" in text
        assert "- Precision: fp32 on cpu." in text

    def test_json_has_no_nan(self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("SCRIPTED", "steps=1 loss=nan")
        run = document(capsys, "train", "minilm-l6", "rotten-tomatoes")
        text = printed(capsys, "show", run["run"], "--events", "--json")
        json.loads(text, parse_constant=lambda word: pytest.fail(f"{word} is not JSON"))


def test_a_table_takes_nothing_for_markup(
    capsys: pytest.CaptureFixture[str], scripted_runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCRIPTED", "steps=1")
    name = "[red]x[/] & <b>"
    assert name in printed(capsys, "train", "minilm-l6", "rotten-tomatoes", "--name", name, "--owner", "[i]Ada")
    table = printed(capsys, "runs")
    assert name in table and "[i]Ada" in table


@pytest.mark.slow
def test_a_real_training_keeps_the_contract() -> None:
    options = "--n1 2 --n2 4 --train-samples 64 --epochs 1 --max-length 16 --eval-samples 64 --device cpu --json"
    done = subprocess.run(
        [*SPAFIT, "train", "minilm-l6", "rotten-tomatoes", *options.split()],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    run = json.loads(done.stdout.splitlines()[-1])
    assert (run["state"], run["reason"], run["trainable"], run["device"]) == ("finished", None, 67_202, "cpu")
    assert 0 < run["metrics"]["accuracy"] < 1 and "accuracy" in run["baseline"]
    assert run["step"] == run["total_steps"] == 4 and run["seconds"] > 0
    assert (Store.open().folder(run["run"]) / "trained.safetensors").stat().st_size > 67_202 * 4

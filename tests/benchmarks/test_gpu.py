"""`python -m benchmarks.gpu` on a CPU with tiny models, so that it works the day that a GPU is at hand."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from benchmarks.gpu import needs
from benchmarks.gpu.material import Material
from benchmarks.gpu.parts import Apart
from benchmarks.gpu.result import Skipped, carry_out, read
from benchmarks.gpu.speed import covered

ROOT = Path(__file__).parents[2]
BLOCK = """
import sys

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("streamlit", "plotly"):
            with open({told!r}, "a") as file:
                file.write(name + "\\n")
            raise ImportError(name + " must not be needed here")

sys.meta_path.insert(0, Refuse())
"""
GIVEN = Material("cpu", True, "", "", False, "", "", "")


def call(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "benchmarks.gpu", *arguments]
    return subprocess.run(command, cwd=ROOT, env=os.environ | environment, capture_output=True, text=True, check=False)


@pytest.mark.slow
@pytest.mark.timeout(600)  # seconds on idle cores, minutes on busy ones
def test_everything_holds_on_a_cpu_without_streamlit_and_plotly(tmp_path: Path) -> None:
    told = tmp_path / "told"
    (tmp_path / "sitecustomize.py").write_text(BLOCK.format(told=str(told)))
    out = tmp_path / "out"
    done = call("--device", "cpu", "--tiny", "--minutes", "60", "--out", str(out), PYTHONPATH=str(tmp_path))
    assert done.returncode == 0, done.stdout + done.stderr
    assert not told.exists(), told.read_text()
    parts = {path.stem.partition("-")[2]: read(path) for path in out.glob("[0-9]*.json")}
    assert {part["state"] for part in parts.values()} == {"done"}
    checks = parts["correctness"]["results"] | parts["queue"]["results"]
    assert {name for name, found in checks.items() if not found.get("ok")} == {"out of memory"}
    assert checks["prefix cache, fp32"]["layers_replayed"] == [4, 0]
    assert checks["one run, end to end"]["points"] > 0
    speed = parts["speed-bundled-spafit-2-4-4"]["results"]
    assert speed["ours"]["steps_per_second"] > 0 and speed["Trainer"]["steps_per_second"] > 0
    (peak,) = parts["memory"]["results"].values()
    assert abs(peak["error_percent"]) < 20
    assert all(f"{number:02}-" in done.stdout for number in range(1, len(parts) + 1))
    assert "random, so scores mean nothing" in done.stdout


def test_what_is_missing_is_said_in_one_line_before_anything_else(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import importlib.util as u\nreal = u.find_spec\n"
        "u.find_spec = lambda name, *more: None if name in ('peft', 'sklearn') else real(name, *more)\n"
    )
    done = call("--out", str(tmp_path / "out"), PYTHONPATH=str(tmp_path))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines() == [
        "Missing here: peft, scikit-learn (benchmarks/README.md says how to bring them)."
    ]
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("found", "said"),
    [
        ({"torch": "2.11.0+cu130", "transformers": "5.17.0"}, ""),
        ({"torch": "2.13.0", "transformers": "5.23.0"}, ""),
        ({"torch": "2.10.1", "transformers": "5.20.0"}, "torch 2.10.1 (written for 2.11 to 2.13)"),
        ({"torch": "2.12.0a0", "transformers": "6.0.0"}, "transformers 6.0.0 (written for 5.17 to 5.23)"),
    ],
)
def test_other_releases_are_remarked_upon(found: dict[str, str], said: str) -> None:
    assert said in needs.remark(found)
    assert bool(needs.remark(found)) == bool(said)


def test_a_failing_check_is_a_result_and_the_others_go_on(tmp_path: Path) -> None:
    def fail() -> dict[str, Any]:
        raise RuntimeError("no kernel image\nis available")

    def skip() -> dict[str, Any]:
        raise Skipped("only on a card")

    seen = []

    def work(_given: Material) -> Any:
        yield "first", fail
        seen.append(json.loads((tmp_path / "part.json").read_text())["results"])  # on disk at once
        yield "second", skip
        yield "third", lambda: {"ok": True}

    carry_out(work, GIVEN, {}, tmp_path / "part.json", {})
    results = read(tmp_path / "part.json")["results"]
    assert results["first"]["failed"] == "RuntimeError: no kernel image is available"
    assert [results["second"], results["third"]] == [{"skipped": "only on a card"}, {"ok": True}]
    assert list(seen[0]) == ["first"]


def test_a_part_that_takes_too_long_is_ended_with_what_it_started(tmp_path: Path) -> None:
    apart = Apart(tmp_path, preload=())
    assert apart.do("quick", 60, quick, str(tmp_path / "quick")) == ""
    assert (tmp_path / "quick").read_text() == str(tmp_path / "homes" / "quick")
    assert apart.do("dying", 60, os._exit, 3) == "its process ended with exit code 3"
    assert apart.do("hardly begun", 0, endless, str(tmp_path / "nothing")) == "ended after 0 s, its limit"
    for seconds in (3, 15, 75):  # busy cores may not come as far as starting something in three
        assert apart.do("endless", seconds, endless, str(tmp_path / "pid")) == f"ended after {seconds} s, its limit"
        if (tmp_path / "pid").exists():
            break
    started = int((tmp_path / "pid").read_text())
    assert not Path(f"/proc/{started}").exists() or "Z" in Path(f"/proc/{started}/stat").read_text().split()[2]


def quick(path: str) -> None:
    Path(path).write_text(os.environ["SPAFIT_HOME"])


def endless(path: str) -> None:
    """Start a process of a session of its own, as the queue's supervisor is, and never end."""
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
    Path(path).write_text(str(child.pid))
    time.sleep(600)


@pytest.mark.parametrize(
    ("spans", "together"),
    [([], 0.0), ([(0, 2), (1, 3), (5, 6)], 4.0), ([(5, 6), (0, 10), (1, 2)], 10.0), ([(0, 1), (1, 2)], 2.0)],
)
def test_overlapping_kernels_count_once(spans: list[tuple[float, float]], together: float) -> None:
    assert covered(spans) == together

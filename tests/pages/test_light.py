"""The app's own process never loads what only training needs."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from spafit.runs import Run

ROOT = Path(__file__).parents[2]
VISIT = """
import sys
from streamlit.testing.v1 import AppTest
run, *pages = sys.argv[1:]
app = AppTest.from_file("app.py", default_timeout=60).run()
for page in pages:
    app.switch_page(page).run()
    assert not app.exception, (page, app.exception)
app.query_params["run"] = run
for page in ("pages/train.py", "pages/runs.py"):
    app.switch_page(page).run()
    assert not app.exception, (page, app.exception)
heavy = ("torch", "transformers", "peft", "datasets", "sklearn", "scipy")
print("heavy:", *(name for name in heavy if name in sys.modules))
"""


def test_visiting_every_page_and_a_run_loads_nothing_heavy(make_run: Callable[..., Run]) -> None:
    pages = [f"pages/{file.name}" for file in sorted((ROOT / "pages").glob("*.py"))]
    command = [sys.executable, "-c", VISIT, make_run("finished").id, *pages]
    shown = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert shown.returncode == 0, shown.stderr[-2000:]
    assert shown.stdout.splitlines()[-1] == "heavy:"

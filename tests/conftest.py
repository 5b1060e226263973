"""What every test gets: a data folder of its own, no model hub, and the GLUE data when it lies beside the checkout."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

import spafit.training.loop  # noqa: F401 - before torch: else its waiting threads hold the cores that others need
from tests.in_process import InProcess

ROOT = Path(__file__).parent.parent
GLUE = ROOT.parent / "shared" / "data" / "glue"

# Set before any test module imports a library that reads it.
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"

settings.register_profile("spafit", deadline=None, suppress_health_check=[HealthCheck.too_slow])
# A change is judged by the same examples every time; new ones are looked for with `pytest --hypothesis-profile spafit`.
settings.register_profile("ci", settings.get_profile("spafit"), derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "spafit")


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Name a case of bytes by its argument: packed ones carry the time, and all processes have to collect alike."""
    return argname if isinstance(val, bytes) else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put modules with slow tests first: begun last, one of them leaves all processes but its own without work."""
    slow = {item.path for item in items if item.get_closest_marker("slow") and "e2e" not in item.path.parts}
    items.sort(key=lambda item: item.path not in slow)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a fresh SPAFIT_HOME; nothing a test does reaches the data of the person who runs it."""
    folder = tmp_path / "home"
    monkeypatch.setenv("SPAFIT_HOME", str(folder))
    monkeypatch.setenv("SPAFIT_NO_RECORDED_MAPS", "1")  # tests of them take this back
    monkeypatch.setenv("SPAFIT_IDLE_SECONDS", "0")  # supervisors leave at once and keep no process warm
    for name in ("SPAFIT_DATABASE_URL", "SPAFIT_GLUE_DIR", "HF_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    return folder


@pytest.fixture
def helpers_in_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do what helper processes do in this one; tests of the helpers themselves start real ones."""
    monkeypatch.setattr("spafit.helper.Helper", InProcess)
    monkeypatch.setattr("spafit.models.load.Helper", InProcess)


@pytest.fixture
def glue(monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder with real GLUE data, named by SPAFIT_GLUE_DIR for the test; skip where there is none."""
    if not GLUE.is_dir():
        pytest.skip("No GLUE data in ../shared/data/glue beside the checkout.")
    monkeypatch.setenv("SPAFIT_GLUE_DIR", str(GLUE))
    return GLUE

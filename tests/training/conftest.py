"""Tiny models and small data for the training tests."""

from __future__ import annotations

import gc
from pathlib import Path

import pytest

from tests.tiny import save_tiny_model


@pytest.fixture(scope="session", autouse=True)
def imported_is_no_garbage() -> None:
    """Take imports out of garbage collection: at the end of each run it would take a quarter of its time here."""
    import peft  # noqa: F401
    import transformers  # noqa: F401

    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def shared_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One data folder for all training tests, so that the bundled texts are prepared once."""
    return tmp_path_factory.mktemp("training-home")


@pytest.fixture(autouse=True)
def home(shared_home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """In place of a fresh SPAFIT_HOME per test; what must not be shared names a folder of its own."""
    monkeypatch.setenv("SPAFIT_HOME", str(shared_home))
    for name in ("SPAFIT_DATABASE_URL", "SPAFIT_GLUE_DIR", "HF_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    return shared_home


@pytest.fixture(scope="session")
def tiny_bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a three-layer BERT that can be trained."""
    return save_tiny_model(tmp_path_factory.mktemp("models") / "bert", "bert")

"""The data folder: where it is, and files in it that are there as a whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from spafit.errors import SpafitError
from spafit.home import database_url, spafit_home


def test_the_home_is_made_with_its_folders(home: Path) -> None:
    assert not home.exists()
    assert spafit_home() == home
    assert {path.name for path in home.iterdir()} == {"runs", "cache", "datasets"}


def test_without_a_name_it_is_the_users_data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SPAFIT_HOME")
    monkeypatch.setattr("platformdirs.user_data_dir", lambda *_names, **_options: str(tmp_path / "share" / "spafit"))
    assert spafit_home() == tmp_path / "share" / "spafit"


def test_a_home_that_cannot_be_used_is_a_sentence(home: Path) -> None:
    home.write_text("a file")
    with pytest.raises(SpafitError, match=r"cannot be used \(File exists\); set SPAFIT_HOME"):
        spafit_home()


def test_the_database_is_in_the_home_unless_it_is_named(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert database_url() == f"sqlite:///{home}/spafit.db"
    monkeypatch.setenv("SPAFIT_DATABASE_URL", "sqlite:////elsewhere.db")
    assert database_url() == "sqlite:////elsewhere.db"

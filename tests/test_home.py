"""The data folder: where it is, and files in it that are there as a whole or not at all."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from spafit.errors import SpafitError
from spafit.home import database_url, spafit_home, write_whole


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


def test_a_file_is_written_whole_or_not_at_all(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = home / "cache" / "deep" / "a.json"
    write_whole(path, b"first")
    real = Path.write_bytes

    def full(self: Path, content: bytes) -> int:
        real(self, content[:2])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(SpafitError, match=r"a\.json cannot be written \(No space left on device\)"):
        write_whole(path, b"second")
    assert path.read_bytes() == b"first"
    assert [entry.name for entry in path.parent.iterdir()] == ["a.json"]

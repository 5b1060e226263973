"""``spafit lesson``: a copy is right, and every error of a file is told with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from spafit.cli import main


def test_a_copy_can_be_changed_and_checked(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "mine.md"
    assert main(["lesson", "copy", str(path)]) == 0
    assert main(["lesson", "check", str(path)]) == 0
    assert "No errors." in capsys.readouterr().out
    lines = path.read_text(encoding="utf-8").split("\n")
    lines[2], lines[-2] = "title:", "{{wrong}}"
    path.write_text("\n".join(lines), encoding="utf-8")
    assert main(["lesson", "check", str(path)]) == 2
    out, said = capsys.readouterr()
    assert out == "" and "Line 3:" in said and f"Line {len(lines) - 1}:" in said
    assert main(["lesson", "copy", str(path)]) == 2
    assert "is there already" in capsys.readouterr().err
    assert main(["lesson", "check", str(tmp_path)]) == 2
    assert "cannot be read" in capsys.readouterr().err

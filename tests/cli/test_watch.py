"""What a command does while it watches a run: it looks after the supervisor and outlives a busy database."""

from __future__ import annotations

import pytest

from spafit.cli import watch
from spafit.runs import StoreBusyError


def test_a_supervisor_is_looked_after_until_all_is_over(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    attended: list[int] = []
    looks: list[tuple[str, int, int | None] | None] = [("queued", 0, None), ("running", 1, 4), ("running", 3, 4), None]
    left = iter(looks)

    def look() -> tuple[str, int, int | None] | None:
        if not attended:
            attended.append(0)
            raise StoreBusyError("Another program is using the run database.")
        return next(left)

    monkeypatch.setattr(watch, "ATTEND_SECONDS", -1.0)
    monkeypatch.setattr(watch, "attend", lambda: attended.append(1))
    watch.watch(look, 0.0)
    assert attended == [0, 1, 1, 1]
    assert next(left, "all looked at") == "all looked at"
    assert "Another program is using the run database." in capsys.readouterr().err

"""docs/cli.md against the commands: everything is in it, and its examples print what it says."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from spafit.cli.parser import build
from spafit.training.config import SETTINGS
from tests.cli.calling import document, printed


def commands() -> dict[str, Any]:
    """Every command's parser, by name."""
    return next(action.choices for action in build()._actions if action.choices and "count" in action.choices)


DOCS = (Path(__file__).parents[2] / "docs" / "cli.md").read_text(encoding="utf-8")
DOCUMENTED_ID = "k7m2p9xw"


@pytest.mark.parametrize("command", list(commands()))
def test_every_command_and_option_is_documented(command: str) -> None:
    assert f"\n## {command}\n" in DOCS
    for action in commands()[command]._actions:
        for option in action.option_strings:
            assert option in ("-h", "--help") or option in DOCS, option


def test_the_table_of_settings_is_what_the_settings_are() -> None:
    for setting in SETTINGS.values():
        former = ", ".join(f"`{flag}`" for flag in setting.former_flags)
        row = f"| `{setting.flag}` | {setting.label} | {setting.said(setting.default)} | {former} |"
        assert row in DOCS.splitlines()


def examples() -> list[tuple[str, str]]:
    """Every example in the document: a command, and what it prints (``...`` stands for anything)."""
    blocks = re.findall(r"```console\n(.*?)```", DOCS, re.DOTALL)
    return [
        match for block in blocks for match in re.findall(r"^\$ spafit (.*)\n((?:(?!\$ ).*\n)*)", block, re.MULTILINE)
    ]


@pytest.mark.parametrize(("command", "expected"), examples(), ids=[command for command, _expected in examples()])
@pytest.mark.usefixtures("scripted_runs")
def test_the_documented_examples_print_what_they_say(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, command: str, expected: str
) -> None:
    monkeypatch.setenv("SCRIPTED", "steps=2")
    if DOCUMENTED_ID in command:
        run = document(capsys, "train", "minilm-l6", "rotten-tomatoes")["run"]
        command, expected = command.replace(DOCUMENTED_ID, run), expected.replace(DOCUMENTED_ID, run)
    out = "\n".join(line.rstrip() for line in printed(capsys, *command.split()).splitlines())
    pattern = ".*".join(re.escape(part) for part in expected.rstrip().split("..."))
    assert re.fullmatch(pattern, out.rstrip(), re.DOTALL), out

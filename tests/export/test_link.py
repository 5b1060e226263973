"""Share links and command lines: they bring back exactly what they were made from, or say why not."""

import base64
import json
import shlex
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as trying
from hypothesis import strategies as st

from spafit.cli import main
from spafit.cli.parser import parse
from spafit.cli.settings import settings as chosen_settings
from spafit.cli.stratification import stratification as chosen_stratification
from spafit.export.link import (
    LINK_SCHEMA,
    MAX_LINK_CHARS,
    STRATIFICATION_FILE,
    LinkError,
    Shared,
    count_command,
    from_link,
    needs_file,
    to_link,
    train_command,
)
from spafit.stratification import HeadRecipe, Recipe, preset
from spafit.training.config import RunSpec, TrainSettings
from tests.strategies import stratifications, train_settings

LAYERS = 12
settings = st.dictionaries(st.sampled_from(["batch_size", "precision"]), st.integers(1, 64) | st.text(max_size=8))
shared = st.builds(
    Shared,
    model=st.text(min_size=1, max_size=60),
    stratification=stratifications(LAYERS),
    other=st.none() | stratifications(LAYERS),
    settings=settings,
)


def encoded(document: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(document).encode()).decode().rstrip("=")


GOOD = {"v": LINK_SCHEMA, "model": "minilm-l6", "layers": 6, "a": "SPAFIT-2-4"}


@given(shared)
def test_a_link_restores_everything(content: Shared) -> None:
    assert from_link(to_link(content)) == content


@given(shared)
def test_a_link_survives_an_address_bar(content: Shared) -> None:
    assert set(to_link(content)) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused_in_a_sentence(text: str) -> None:
    try:
        from_link(text)
    except LinkError as error:
        assert str(error).startswith("This link") and str(error).endswith(".")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"v": LINK_SCHEMA + 1}, "newer version"),
        ({"v": "1"}, "which version"),
        ({"v": True}, "which version"),
        ({"model": ""}, "no model"),
        ({"model": 5}, "no model"),
        ({"layers": 0}, "how many layers"),
        ({"layers": 10**9}, "how many layers"),
        ({"a": "SPAFIT-4-2"}, "boundary 1"),
        ({"a": "SPAFIT-2-40"}, "0 to 6"),
        ({"a": "rm -rf"}, "names no stratification"),
        ({"a": None}, "no setting"),
        ({"b": "LoRA+rank=0"}, "rank"),
        ({"set": [1]}, "settings"),
        ({"set": {"batch_size": None}}, "settings"),
    ],
)
def test_a_changed_link_is_refused_with_the_reason(change: dict, said: str) -> None:
    assert from_link(encoded(GOOD)).stratification == preset("spafit", 6)
    with pytest.raises(LinkError, match=said):
        from_link(encoded(GOOD | change))


@pytest.mark.parametrize("text", ["", "!!!", "abc", encoded([1]), encoded("x"), "A" * (MAX_LINK_CHARS + 1)])
def test_a_damaged_link_is_refused(text: str) -> None:
    with pytest.raises(LinkError, match=r"damaged|longer"):
        from_link(text)


@trying(max_examples=40)
@given(stratifications(LAYERS))
def test_the_command_line_means_the_same_setting(stratification) -> None:
    spec = RunSpec("minilm-l6", "imdb", stratification)
    for command in (count_command("minilm-l6", stratification), train_command(spec)):
        chosen = parse(shlex.split(command)[1:])
        if needs_file(stratification):
            assert str(chosen.stratification) == STRATIFICATION_FILE
        else:
            assert chosen_stratification(chosen, LAYERS) == stratification


@trying(max_examples=40)
@given(train_settings())
def test_the_command_line_means_the_same_settings(settings: TrainSettings) -> None:
    command = train_command(RunSpec("minilm-l6", "imdb", preset("spafit", LAYERS), settings))
    assert chosen_settings(parse(shlex.split(command)[1:])) == settings


def test_only_a_head_of_its_own_needs_a_file() -> None:
    plain = replace(preset("lora", LAYERS), embeddings=Recipe.BIAS)
    assert not needs_file(plain)
    assert needs_file(replace(plain, head=HeadRecipe(Recipe.FROZEN, Recipe.BIAS)))


def test_the_commands_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    monkeypatch.chdir(tmp_path)
    setting = replace(preset("spafit", 6), head=HeadRecipe(Recipe.FROZEN, Recipe.FULL))
    Path(STRATIFICATION_FILE).write_text(setting.to_json())
    for stratification in (preset("spafit", 6), preset("full", 6), setting):
        command = count_command("minilm-l6", stratification, num_labels=3)
        assert main([*shlex.split(command)[1:], "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["name"] == stratification.name

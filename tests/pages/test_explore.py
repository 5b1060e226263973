"""Explore without a browser: what the visitor chooses, what Python answers, and that nothing is ever lost."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest
from streamlit.testing.v1 import AppTest

from spafit.cli import main
from spafit.counting import count
from spafit.export.link import Shared, from_link, settings_options, to_link
from spafit.models.load import load_anatomy, start_build
from spafit.models.registry import list_models
from spafit.runs import Actor
from spafit.stratification import LoraSettings, Method, Recipe, preset
from spafit.training.config import QUICK
from spafit.ui.choice import Choice
from spafit.ui.explore.assumptions import Assumptions

OpenPage = Callable[..., AppTest]
VIEWS = ("Layer by layer", "Methods", "Map", "Cost", "Method per stratum", "Compare", "Export")


def explore(open_page: OpenPage, tab: str = "Layer by layer", **query: str) -> AppTest:
    """Explore with a tab open."""
    page = open_page("pages/explore.py", **query)
    return on_tab(page, tab)


def on_tab(page: AppTest, tab: str) -> AppTest:
    """Return the same visit with another tab open."""
    page.session_state["explore_view"] = tab
    page.run()
    assert not page.exception, page.exception
    return page


def said(page: AppTest) -> str:
    """Return the line with the setting's name and count."""
    return next(text.value for text in page.markdown if " trains **" in text.value)


def drawn(page: AppTest, kind: str, key: str) -> Any:
    """Return the protocol message of an element that AppTest does not know."""
    return next(node.proto for node in page.get(kind) if node.proto.id.endswith(key))


def ribbon(page: AppTest, key: str = "explore_ribbon") -> dict[str, Any]:
    """Return what a ribbon was given to draw."""
    return json.loads(drawn(page, "bidi_component", key).json)


def pick(page: AppTest, model: str) -> AppTest:
    """Choose a model in the picker."""
    page.selectbox(key="explore_picker").set_value(model).run()
    assert not page.exception, page.exception
    return page


def encoded(document: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(document).encode()).decode().rstrip("=")


def test_the_first_visit_shows_spafit_on_the_bundled_model(open_page: OpenPage) -> None:
    page = explore(open_page)
    assert said(page) == "**SPAFIT-2-4** trains **67,202** of 22,763,138 parameters, 0.2952 %."
    assert not page.warning and not page.error
    given = ribbon(page)
    assert (given["n"], given["n1"], given["n2"], given["can_undo"]) == (6, 2, 4, False)


@pytest.mark.parametrize("model", ["minilm-l6", "bert-large-cased", "gpt2", "llama-3.1-405b"])
def test_every_tab_draws_every_kind_of_model(open_page: OpenPage, model: str) -> None:
    page = pick(explore(open_page), model)
    for tab in VIEWS:
        on_tab(page, tab)
        assert " trains **" in said(page)


def test_the_page_says_what_the_command_line_says(open_page: OpenPage, capsys: pytest.CaptureFixture) -> None:
    page = pick(explore(open_page), "bert-large-cased")
    for method in Method:
        page.button_group(key="explore_method").set_value(method).run()
        capsys.readouterr()
        assert main(["count", "bert-large-cased", "--method", method, "--json"]) == 0
        told = json.loads(capsys.readouterr().out)
        assert f"**{told['trainable']:,}** of {told['total']:,} parameters" in said(page)
        chart = json.loads(drawn(page, "plotly_chart", "explore_layers_chart").spec)
        counts = next(text.value for text in page.caption if "All columns together" in text.value)
        assert f"All columns together: {told['trainable']:,}" in counts
        assert len(chart["data"]) >= 1


def test_what_the_browser_counts_with_is_countings(open_page: OpenPage) -> None:
    page = pick(explore(open_page), "bert-large-cased")
    given = ribbon(page)
    anatomy = load_anatomy("bert-large-cased")
    for n1, n2 in ((0, 0), (0, 24), (24, 24), (4, 9), (7, 7)):
        recipes = [given["recipes"][0 if layer <= n1 else 1 if layer <= n2 else 2] for layer in range(1, 25)]
        rows = [given["layers"]["counts"][kind] for kind in given["layers"]["kind"]]
        trained = sum(sum(row[recipe][:3]) for row, recipe in zip(rows, recipes, strict=True))
        total = sum(row[recipe][3] for row, recipe in zip(rows, recipes, strict=True))
        counts = count(anatomy, preset("spafit", 24, n1, n2))
        assert trained + given["embeddings"]["trainable"] + given["head"]["trainable"] == counts.trainable
        assert total + given["embeddings"]["total"] + given["head"]["total"] == counts.total


def test_the_layers_parts_say_what_trains_in_them(open_page: OpenPage) -> None:
    (parts,) = ribbon(explore(open_page))["layers"]["parts"]
    by_label = {part["label"]: part for part in parts}
    assert [part["label"] for part in parts].count("norm") == 2
    assert by_label["key"] == {
        "label": "key",
        "note": "",
        "in": 384,
        "out": 384,
        "bias": 384,
        "inert": True,
        "trains": {"frozen": "", "bias": "b", "lora": "l", "lora_bias": "lb", "full": "wb"},
    }
    assert by_label["FFN in"]["trains"]["lora_bias"] == "b"
    assert (by_label["FFN in"]["out"], by_label["FFN in"]["in"]) == (1536, 384)
    (fused,) = (
        part for part in ribbon(pick(explore(open_page), "gpt2"))["layers"]["parts"][0] if "query" in part["label"]
    )
    assert (fused["label"], fused["note"], fused["out"], fused["in"]) == (
        "query + key + value",
        "one fused matrix",
        2304,
        768,
    )


def test_another_model_keeps_the_recipes_and_moves_the_boundaries_in_proportion(open_page: OpenPage) -> None:
    page = pick(explore(open_page), "llama-3.1-405b")
    given = ribbon(page)
    assert (given["n"], given["n1"], given["n2"], given["can_undo"]) == (126, 42, 84, True)


def test_every_catalogue_entry_says_where_its_weights_are(open_page: OpenPage) -> None:
    options = explore(open_page).selectbox(key="explore_picker").options
    assert len(options) == len(list_models())
    places = ("bundled", "on this machine", "download", "counts only")
    assert all(any(f"· {place}" in option for place in places) for option in options)


def test_a_model_without_biases_says_so_and_offers_lora(open_page: OpenPage) -> None:
    page = pick(explore(open_page), "llama-3.2-1b")
    assert "without bias terms, so BitFit trains nothing in layers 6–11" in page.warning[0].value
    page.button(key="explore_use_lora").click().run()
    assert not page.warning
    assert ribbon(page)["recipes"] == ["frozen", "lora", "lora_bias"]


def test_inert_parameters_are_named(open_page: OpenPage) -> None:
    page = explore(open_page)
    assert any("1,536 of the trained values are key biases" in text.value for text in page.caption)
    page = on_tab(page, "Method per stratum")
    assert any("2,304 key biases of this model are inert" in text.value for text in page.caption)


def test_recipes_lora_and_ends_change_the_count(open_page: OpenPage) -> None:
    page = explore(open_page, "Method per stratum")
    page.number_input(key="explore_n1").set_value(1).run()
    page.number_input(key="explore_n2").set_value(5).run()
    page.selectbox(key="explore_recipe_2").set_value(Recipe.LORA).run()
    page.number_input(key="explore_lora_rank").set_value(4).run()
    page.multiselect(key="explore_lora_targets").set_value(["query", "ffn_in"]).run()
    page.selectbox(key="explore_embeddings").set_value(Recipe.BIAS).run()
    page.selectbox(key="explore_pooler").set_value(Recipe.FULL).run()
    page.number_input(key="explore_num_labels").set_value(5).run()
    assert not page.exception
    chosen = page.session_state["choice"].stratification
    assert chosen.recipes == (Recipe.FROZEN, Recipe.LORA, Recipe.LORA_BIAS)
    assert chosen.lora == LoraSettings(4, targets=("query", "ffn_in"))
    counts = count(load_anatomy("minilm-l6", num_labels=5), chosen)
    assert f"**{counts.trainable:,}** of {counts.total:,}" in said(page)


def test_a_rank_beyond_the_matrix_is_refused_and_nothing_is_lost(open_page: OpenPage) -> None:
    page = explore(open_page, "Method per stratum")
    page.number_input(key="explore_lora_rank").set_value(385).run()
    assert "choose a rank from 1 to 384" in page.warning[0].value
    assert said(page).startswith("**SPAFIT-2-4** trains **67,202**")
    page.multiselect(key="explore_lora_targets").set_value([]).run()
    assert "at least one target" in page.warning[0].value
    (targets,) = (box for box in page.multiselect if box.label == "Target modules")
    assert targets.value == ["query", "key", "value", "attention_output"]


def test_costs_follow_the_settings(open_page: OpenPage) -> None:
    page = explore(open_page, "Cost")
    before = json.loads(drawn(page, "plotly_chart", "explore_memory").spec)["data"][-1]["text"]
    page.number_input(key="explore_batch_size").set_value(64).run()
    page.selectbox(key="explore_optimizer").set_value("sgd").run()
    page.toggle(key="explore_checkpointing").set_value(True).run()
    after = json.loads(drawn(page, "plotly_chart", "explore_memory").spec)["data"][-1]["text"]
    assert before != after and len(after) == 5
    assert any("estimate" in text.value for text in page.markdown)
    page.switch_page("pages/train.py").run()
    assert page.number_input(key="setting_batch_size").value == 64
    assert page.toggle(key="setting_checkpointing").value is True
    page.number_input(key="setting_batch_size").set_value(8).run()
    page.switch_page("pages/explore.py").run()
    assert on_tab(page, "Cost").number_input(key="explore_batch_size").value == 8


def test_the_table_twin_has_the_figures_numbers(open_page: OpenPage) -> None:
    page = explore(open_page)
    page.session_state["explore_table"] = True
    page.run()
    (table,) = page.dataframe
    assert int(table.value["trainable"].sum()) == 67_202
    assert list(table.value["label"]) == ["embeddings", *(f"layer {number}" for number in range(1, 7)), "head"]


def test_a_and_b_swap_and_copy(open_page: OpenPage) -> None:
    page = explore(open_page, "Compare")
    assert [ribbon(page, f"explore_ribbon_{letter}")["recipes"][2] for letter in "ab"] == ["lora_bias", "bias"]
    page.button(key="explore_swap").click().run()
    assert [ribbon(page, f"explore_ribbon_{letter}")["recipes"][2] for letter in "ab"] == ["bias", "lora_bias"]
    assert said(page).startswith("**BitFit**")
    page.button(key="explore_copy").click().run()
    assert [ribbon(page, f"explore_ribbon_{letter}")["recipes"][2] for letter in "ab"] == ["bias", "bias"]
    page.button_group(key="explore_b_method").set_value(Method.FULL).run()
    assert any(text.value == "**B: Full fine-tuning**" for text in page.markdown)


def test_what_can_be_taken_along(open_page: OpenPage) -> None:
    page = explore(open_page, "Export")
    link, to_train, script, commands, document = (block.value for block in page.code)
    form = open_page("pages/train.py", **dict(parse_qsl(to_train.partition("/train?")[2])))
    assert ribbon(form, "address")["values"] == ribbon(page, "address")["values"]
    assert form.session_state["choice"] == Choice("minilm-l6", preset("spafit", 6))
    assert from_link(link.partition("s=")[2]) == Shared("minilm-l6", preset("spafit", 6))
    assert "import spafit" not in script and "(67202, 22763138)" in script
    assert commands.splitlines() == [
        "spafit count minilm-l6 --n1 2 --n2 4",
        f"spafit train minilm-l6 rotten-tomatoes --n1 2 --n2 4 {' '.join(settings_options(QUICK))}",
    ]
    assert json.loads(document) == preset("spafit", 6).to_dict()
    page = explore(open_page, "Export", task="bbc-news")
    assert "spafit train minilm-l6 bbc-news --n1 2 --n2 4" in page.code[3].value
    page = on_tab(page, "Cost")
    page.number_input(key="explore_max_length").set_value(32).run()
    link, to_train, script, commands, _document = (block.value for block in on_tab(page, "Export").code)
    for address in (link, to_train):
        again = open_page("pages/explore.py", **dict(parse_qsl(address.partition("?")[2])))
        assert again.session_state["choice"].settings == replace(QUICK, max_length=32)
    assert "--max-length 32 " in commands and "MAX_LENGTH = 32" in script


def test_a_link_restores_everything(open_page: OpenPage) -> None:
    first, second = preset("spafit", 24, 4, 9, LoraSettings(16)), preset("lora", 24)
    settings = {"num_labels": 3, "batch_size": 8, "precision": "bf16"}
    link = to_link(Shared("bert-large-cased", first, second, settings))
    page = explore(open_page, s=link)
    counts = count(load_anatomy("bert-large-cased", num_labels=3), first)
    assert said(page).startswith(f"**SPAFIT-4-9** (rank 16) trains **{counts.trainable:,}**")
    assert not page.warning
    choice = page.session_state["choice"]
    assert choice.assumptions == Assumptions(num_labels=3, precision="bf16")
    assert choice.settings == replace(QUICK, batch_size=8, max_length=128)
    again = open_page("pages/explore.py", **ribbon(page, "address")["values"])
    assert again.session_state["choice"] == choice
    page = on_tab(page, "Compare")
    assert any(text.value == "**B: LoRA**" for text in page.markdown)


def test_a_link_is_read_once_so_that_moves_after_it_stay(open_page: OpenPage) -> None:
    page = explore(open_page, "Method per stratum", s=to_link(Shared("minilm-l6", preset("bitfit", 6))))
    page.number_input(key="explore_n1").set_value(3).run()
    page.run()
    assert ribbon(page)["n1"] == 3


@pytest.mark.parametrize(
    ("link", "sentence"),
    [
        ("what?", "This link is damaged"),
        (encoded({"v": 99, "model": "minilm-l6", "layers": 6, "a": "SPAFIT-2-4"}), "newer version of spafit"),
        (encoded({"v": 1, "model": "minilm-l6", "layers": 6, "a": "SPAFIT-2-4", "set": {"x": 1}}), "does not exist"),
        (encoded({"v": 1, "model": "minilm-l6", "layers": 6, "a": "LoRA", "set": {"batch_size": 0}}), "from 1 to"),
        (encoded({"v": 1, "model": "minilm-l6", "layers": 6, "a": "LoRA", "set": {"device": "tpu"}}), "cpu, cuda"),
        (encoded({"v": 1, "model": "minilm-l6", "layers": 6, "a": "LoRA", "set": {"length": "9"}}), "cannot be"),
    ],
)
def test_a_link_that_cannot_be_read_is_refused_politely(open_page: OpenPage, link: str, sentence: str) -> None:
    page = explore(open_page, s=link)
    assert sentence in page.warning[0].value
    assert said(page).startswith("**SPAFIT-2-4** trains **67,202**")


@pytest.mark.parametrize("model", ["nobody/nothing", "config:0123456789abcdef01234567", "no such thing", "/etc"])
def test_a_link_survives_a_model_that_is_not_available(open_page: OpenPage, model: str) -> None:
    page = explore(open_page, s=to_link(Shared(model, preset("spafit", 12, 4, 10))))
    assert "shown on a model that is available here" in page.warning[0].value
    assert said(page).startswith("**SPAFIT-2-5**")


def test_a_rank_too_large_for_the_model_at_hand_is_said_not_raised(open_page: OpenPage) -> None:
    link = to_link(Shared("bert-large-cased", preset("lora", 24, lora=LoraSettings(1000))))
    page = explore(open_page, s=link)
    assert not page.warning
    pick(page, "minilm-l6")
    assert "choose a rank from 1 to 384" in page.warning[0].value
    assert ribbon(page)["n"] == 24


def test_a_rank_that_only_bitfit_tolerates_spoils_no_tab(open_page: OpenPage) -> None:
    link = to_link(Shared("minilm-l6", preset("bitfit", 6, lora=LoraSettings(1000)), preset("lora", 6)))
    page = explore(open_page, s=link)
    for tab in VIEWS:
        assert said(on_tab(page, tab)).startswith("**BitFit** (rank 1000)")
    page.button_group(key="explore_method").set_value(Method.LORA).run()
    assert "choose a rank from 1 to 384" in page.warning[0].value
    assert said(page).startswith("**BitFit")


def test_an_offline_hub_is_said_at_once(open_page: OpenPage) -> None:
    page = explore(open_page)
    page.text_input(key="explore_model_text").set_value("nobody/nothing")
    page.button(key="explore_open_model").click().run()
    assert "switched off here" in page.warning[0].value
    assert "Every model in the list can be explored without it" in page.warning[0].value
    assert said(page).startswith("**SPAFIT-2-4**")


def test_folders_are_opened_only_for_those_at_the_machine(
    open_page: OpenPage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "bert", "num_hidden_layers": 3}))
    monkeypatch.setattr("spafit.access.shared", lambda: True)
    monkeypatch.setattr("spafit.ui.explore.adapter.actor", Actor)  # AppTest has no cookies to ask
    page = explore(open_page)
    assert page.text_input(key="explore_adapter_place").label == "Adapter: Hub id"
    page.text_input(key="explore_model_text").set_value(str(tmp_path))
    page.button(key="explore_open_model").click().run()
    assert "files and folders of the server cannot" in page.warning[0].value


@pytest.mark.slow
@pytest.mark.own_process
def test_an_uploaded_configuration_is_read_beside_the_page(open_page: OpenPage) -> None:
    config = {
        "model_type": "bert",
        "vocab_size": 100,
        "hidden_size": 32,
        "num_hidden_layers": 4,
        "num_attention_heads": 4,
        "intermediate_size": 64,
    }
    page = explore(open_page)
    upload = page.file_uploader(key="explore_upload")
    upload.set_value([("mine.json", json.dumps(config).encode(), "application/json")]).run()
    assert ribbon(page)["n"] == 6 and page.info[0].value.startswith("Reading the layers of mine")
    start_build(page.session_state["explore_pending"][0]).wait()
    page.run()
    page.run()
    assert not page.exception and not page.warning
    assert (ribbon(page)["model"], ribbon(page)["n"]) == ("mine", 4)


def test_a_broken_upload_is_refused(open_page: OpenPage) -> None:
    page = explore(open_page)
    page.file_uploader(key="explore_upload").set_value([("mine.json", b"{", "application/json")]).run()
    assert "JSON" in page.warning[0].value
    assert said(page).startswith("**SPAFIT-2-4**")

"""What ``import spafit`` gives a notebook."""

import json
import subprocess
import sys
import xml.dom.minidom
from pathlib import Path

import pytest
from hypothesis import given

import spafit
from spafit import notebook
from spafit.counting import count
from spafit.errors import SpafitError
from spafit.figures.strata import svg
from spafit.models.load import load_anatomy
from spafit.stratification import Stratification
from tests.strategies import stratifications
from tests.tiny import save_tiny_model, tiny_model

ROOT = Path(__file__).parents[1]


def test_importing_is_quick_and_every_name_is_there() -> None:
    code = "import sys, spafit; assert not {'torch', 'pandas', 'streamlit', 'numpy'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
    assert spafit.__all__ == notebook.__all__
    for name in spafit.__all__:
        assert getattr(spafit, name).__doc__
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = spafit.nothing


def test_counts_are_those_of_counting_and_of_a_model_that_was_stratified() -> None:
    chosen = spafit.stratify("minilm-l6", 2, 4, rank=4)
    assert (chosen.name, chosen.num_layers) == ("SPAFIT-2-4+rank=4", 6)
    table = spafit.count_parameters("minilm-l6", chosen)
    assert table.trainable.sum() == count(load_anatomy("minilm-l6"), chosen).trainable
    assert spafit.layers("minilm-l6")["size"].sum() == load_anatomy("minilm-l6").num_parameters
    own = tiny_model("bert", 6)
    own.config.num_hidden_layers = 6
    spafit.apply(own, chosen)
    assert not own.bert.encoder.layer[0].output.dense.bias.requires_grad
    assert own.bert.encoder.layer[5].attention.self.query.lora_A.default.weight.requires_grad


def test_boundaries_that_cannot_be_are_refused() -> None:
    with pytest.raises(SpafitError, match="Boundary 1 is after layer 3"):
        spafit.stratify("minilm-l6", 3, 1)


@given(stratification=stratifications(3))
def test_the_picture_is_whole_xml_with_a_bar_for_each_layer(stratification: Stratification) -> None:
    drawn = xml.dom.minidom.parseString(svg(stratification))
    strata = sum(1 for stratum in stratification.strata() if stratum.size)
    assert len(drawn.getElementsByTagName("rect")) == stratification.num_layers + strata


def test_the_example_notebook_runs_from_top_to_bottom(tmp_path: Path) -> None:
    """Its cells in order in one namespace, as a fresh kernel runs them; what it trains is a tiny model here."""
    tiny = str(save_tiny_model(tmp_path / "model", num_layers=6))
    document = json.loads((ROOT / "docs" / "notebook.ipynb").read_text(encoding="utf-8"))
    assert all(not cell.get("outputs") for cell in document["cells"])
    names: dict[str, object] = {}
    for cell in document["cells"]:
        if cell["cell_type"] == "code":
            source = "".join(cell["source"])
            exec(source.replace("minilm-l6", tiny) if "spafit.train(" in source else source, names)
    assert (names["event"].kind, names["event"].state) == ("finished", "finished")
    assert len(names["points"]) == 4

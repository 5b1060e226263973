"""Each kind of thing is described in one place, and everything that depends on it reads it there."""

import subprocess
import sys
from pathlib import Path

import pytest

from spafit import glossary, stratification
from spafit.palette import KIND_COLORS, KIND_LABELS, TEXT_ON_COLOR
from spafit.stratification import WITHOUT_LORA, Method, Recipe, Role, preset
from spafit.training.rates import nearest_row

KINDS = Path(stratification.__file__).with_name("kinds.py")


def luminance(color: str) -> float:
    """Relative luminance as WCAG 2 defines it."""
    channels = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return sum(weight * c for weight, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


@pytest.mark.parametrize("recipe", Recipe)
def test_a_recipe_is_complete(recipe: Recipe) -> None:
    assert recipe.description.meaning.endswith("trained")
    assert (luminance(recipe.color) + 0.05) / (luminance(TEXT_ON_COLOR) + 0.05) >= 4.5
    assert recipe.without_lora in WITHOUT_LORA
    assert Method(recipe.description.rate).value in nearest_row(None)["defaults"]
    assert recipe.idle == (recipe is Recipe.FROZEN)


def test_no_two_kinds_look_or_train_alike() -> None:
    for things in (Recipe, Role):
        assert len({thing.color for thing in things}) == len({thing.label for thing in things}) == len(things)
    trained = {(r.description.biases, r.description.weights, r.description.lora) for r in Recipe}
    assert len(trained) == len(Recipe)
    assert KIND_COLORS.keys() == KIND_LABELS.keys()


@pytest.mark.parametrize("method", Method)
def test_a_method_is_complete(method: Method) -> None:
    assert glossary.term(method.value).name == method.label
    assert method.written in preset(method, 6).name
    assert method.value in nearest_row(None)["defaults"]


NORMS = """
    NORMS = "norms", Description(
        label="Norms only", meaning="weights and biases of norms are trained", color="#F0E442",
        biases=frozenset((Role.NORM,)), weights=frozenset((Role.NORM,)), rate="bitfit",
    )
"""
USE = """
from spafit.counting import count, notices
from spafit.export.script import python_script
from spafit.models.load import load_anatomy
from spafit.plan import prefix_depth
from spafit.stratification import Recipe, Stratification, parse_name, preset, title
from spafit.training.config import RunSpec
from spafit.training.rates import default_learning_rate
from spafit.ui.components.picture import picture
from spafit.ui.components.ribbon.contents import contents

bert, gpt2, llama = map(load_anatomy, ("minilm-l6", "gpt2", "llama-3.2-1b"))
s = Stratification(6, 2, 6, ("frozen", "norms", "norms"))
row = count(bert, s).layers[2]
assert (row.bias, row.weight, row.trainable) == (768, 768, 1536), row  # two norms of 384
assert default_learning_rate(s) == default_learning_rate(preset("bitfit", 6))
mixed = Stratification(6, 2, 4, ("norms", "full", "lora"))
assert default_learning_rate(mixed) == default_learning_rate(preset("full", 6))  # wherever norms stand
assert s.final_norm is Recipe.NORMS and prefix_depth(bert, s) == 2
assert parse_name(s.name, 6) == s and title(s)[1] == ["layers 1–2: Frozen", "layers 3–6: Norms only"]
assert "Norms only" in picture(s) and "#F0E442" in picture(s)
assert contents(bert, s)["palette"]["norms"]["label"] == "Norms only"
assert {part["trains"]["norms"] for part in contents(bert, s)["layers"]["parts"][0]} == {"", "wb"}
script = python_script(RunSpec("minilm-l6", "any", s), bert)
assert "output.LayerNorm.weight" in script and "output.dense.bias" not in script
deep = Stratification(12, 12, 12, ("frozen", "frozen", "norms"))
assert count(gpt2, deep).head.trainable == 2 * 768 + 2 * 768  # the final norm's weight and bias, the new classifier
every = Stratification(16, 0, 0, ("norms",) * 3)
assert count(llama, every).layers[0].trainable == 2 * 2048 and notices(llama, every) == []
"""


def test_a_new_recipe_is_one_new_entry() -> None:
    """With an entry for "norms only" put in, everything that is looked up by recipe knows it, without another edit."""
    source = KINDS.read_text(encoding="utf-8")
    place = source.index("    @property\n    def label(self)")
    edited = source[:place] + NORMS + source[place:]
    code = (
        "import sys, types\nmodule = types.ModuleType('spafit.stratification.kinds')\n"
        f"sys.modules[module.__name__] = module\nexec({edited!r}, module.__dict__)\n{USE}"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=KINDS.parents[2], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")

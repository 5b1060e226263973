"""The bundled anatomies are what their configurations build, and their sizes are the published ones."""

import json

import pytest

from spafit.models import anatomy, registry
from spafit.models.build import build_anatomy
from spafit.models.families import BY_KEY
from spafit.models.load import load_anatomy

KEYS = list(registry.catalogue())


@pytest.mark.parametrize("key", KEYS)
def test_every_anatomy_is_what_its_configuration_builds(key: str) -> None:
    entry = registry.catalogue()[key]
    bundled = load_anatomy(key)
    assert build_anatomy(entry["config"], name=entry["name"]) == bundled
    assert (entry["num_layers"], entry["parameters"]) == (bundled.num_layers, bundled.num_parameters)
    assert anatomy.Anatomy.from_dict(json.loads(json.dumps(bundled.to_dict()))) == bundled


def pooler(width: int) -> int:
    return width * width + width


# Values in the model without its fresh head, as KerasHub's presets count them in the published weights. KerasHub leaves
# out RoBERTa's and OPT's two reserved positions and RoBERTa's single segment, and gives ELECTRA a pooler. Pythia's are
# the totals in the suite's README, of which the output matrix is no part of a classifier, nor is it of Mistral's.
PUBLISHED = {
    "bert-tiny": 4_385_920,
    "bert-small": 28_763_648,
    "bert-medium": 41_373_184,
    "bert-base-uncased": 109_482_240,
    "bert-base-cased": 108_310_272,
    "bert-large-uncased": 335_141_888,
    "bert-large-cased": 333_579_264,
    "distilbert-base-uncased": 66_362_880,
    "roberta-base": 124_052_736 + 3 * 768,
    "roberta-large": 354_307_072 + 3 * 1024,
    "xlm-roberta-base": 277_450_752 + 3 * 768,
    "xlm-roberta-large": 558_837_760 + 3 * 1024,
    "electra-small": 13_548_800 - pooler(256),
    "electra-base": 109_482_240 - pooler(768),
    "electra-large": 335_141_888 - pooler(1024),
    "deberta-v3-small": 141_304_320,
    "deberta-v3-base": 183_831_552,
    "deberta-v3-large": 434_012_160,
    "gpt2": 124_439_808,
    "gpt2-medium": 354_823_168,
    "gpt2-large": 774_030_080,
    "gpt2-xl": 1_557_611_200,
    "opt-125m": 125_237_760 + 2 * 768,
    "opt-1.3b": 1_315_753_984 + 2 * 2048,
    "pythia-70m": 70_426_624 - 50_304 * 512,
    "pythia-160m": 162_322_944 - 50_304 * 768,
    "pythia-410m": 405_334_016 - 50_304 * 1024,
    "pythia-1b": 1_011_781_632 - 50_304 * 2048,
    "pythia-1.4b": 1_414_647_808 - 50_304 * 2048,
    "pythia-2.8b": 2_775_208_960 - 50_304 * 2560,
    "mistral-7b": 7_241_732_096 - 32_000 * 4096,
    "qwen3-0.6b": 596_049_920,
    "qwen3-1.7b": 1_720_574_976,
    "gemma-2-2b": 2_614_341_888,
    "gemma-3-1b": 999_885_952,
}


@pytest.mark.parametrize(("key", "published"), PUBLISHED.items())
def test_sizes_are_the_published_ones(key: str, published: int) -> None:
    assert sum(tensor.size for tensor in load_anatomy(key).tensors if not tensor.fresh) == published


def test_every_entry_says_where_it_comes_from() -> None:
    for entry in registry.catalogue().values():
        assert entry["source"], entry["key"]
        assert entry["checked"], entry["key"]
        assert entry["licence"], entry["key"]
        assert entry["config"]["model_type"] in {kind for family in BY_KEY.values() for kind in family.model_types}


def test_no_anatomy_lies_about_without_an_entry() -> None:
    assert sorted(path.stem for path in (registry.CATALOGUE / "anatomies").glob("*.json")) == sorted(KEYS)


def test_the_catalogue_covers_every_family() -> None:
    assert {load_anatomy(key).family for key in KEYS} == set(BY_KEY)


def test_bundled_anatomies_stay_small() -> None:
    assert max(path.stat().st_size for path in (registry.CATALOGUE / "anatomies").glob("*.json")) < 4_000

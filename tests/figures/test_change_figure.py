"""The figure of what changed inside: dots where something changed, zero where nothing did."""

from spafit.figures.changes import FROZEN, NOTHING, changes
from spafit.stratification import preset

FOUND = [
    {"row": "layer", "layer": 3, "kind": "bias", "ratio": 0.02, "absolute": False},
    {"row": "layer", "layer": 3, "kind": "lora", "ratio": 0.004, "absolute": False},
    {"row": "head", "layer": None, "kind": "weight", "ratio": 0.3, "absolute": True},
]


def test_each_change_is_a_dot_over_its_layer_and_frozen_layers_are_zero() -> None:
    figure = changes(FOUND, preset("spafit", 3, 2, 2))
    assert [(trace.name, [round(x) for x in trace.x], list(trace.y)) for trace in figure.data] == [
        ("Biases", [3], [0.02]),
        ("LoRA adapters", [3], [0.004]),
        ("Weights", [4], [0.3]),
    ]
    assert figure.data[2].marker.symbol == ("circle-open",)
    (zero,) = figure.layout.annotations
    assert (zero.text, zero.x) == (FROZEN, 1.5)
    assert [(band.x0, band.x1) for band in figure.layout.shapes] == [(0.5, 2.5), (2.5, 3.5)]


def test_a_run_without_changes_says_why() -> None:
    assert changes([], preset("spafit", 3)).layout.annotations[0].text == NOTHING

"""Explore's figures hold exactly the numbers that counting and the estimates gave, and never stay blank."""

from dataclasses import fields
from typing import get_args

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest
from hypothesis import given, settings

from spafit import costs
from spafit.counting import by_role, count
from spafit.figures import layers, methods
from spafit.models.load import load_anatomy
from spafit.palette import KIND_COLORS
from spafit.stratification import Method, preset
from tests.strategies import stratifications

LAYERS = 6
ANATOMY = load_anatomy("minilm-l6")
DEEP = load_anatomy("llama-3.1-405b")


def numbers(figure: go.Figure) -> int:
    """Return the sum of everything that is drawn."""
    return sum(int(value) for trace in figure.data for value in trace.y)


def says(figure: go.Figure) -> str:
    """Return the text in the middle of a figure without traces."""
    assert not figure.data
    return figure.layout.annotations[0].text


@settings(max_examples=40)
@given(stratifications(LAYERS))
def test_the_columns_add_up_to_the_count(stratification) -> None:
    counts = count(ANATOMY, stratification)
    for scale in layers.SCALES:
        for figure in (
            layers.by_kind(counts.frame(), scale),
            layers.by_role(by_role(ANATOMY, stratification), scale),
        ):
            if counts.trainable:
                assert numbers(figure) == counts.trainable
            else:
                assert says(figure) == layers.NOTHING_TRAINS


def test_a_column_stands_at_its_layer_with_its_kind() -> None:
    frame = count(ANATOMY, preset("spafit", LAYERS, 2, 4)).frame()
    figure = layers.by_kind(frame)
    drawn = {trace.name: dict(zip(map(int, trace.x), map(int, trace.y), strict=True)) for trace in figure.data}
    bias, pairs = 4224, 24576
    assert drawn["Biases"] == {3: bias, 4: bias, 5: bias, 6: bias, 7: 386}  # 7 is the head: pooler and classifier
    assert drawn["LoRA adapters"] == {5: pairs, 6: pairs}
    assert drawn["Weights"] == {7: 768}
    assert {trace.name: trace.marker.color for trace in figure.data}["Biases"] == KIND_COLORS["bias"]
    assert figure.layout.xaxis.ticktext == ("emb.", "1", "2", "3", "4", "5", "6", "head")
    assert figure.data[0].customdata[0][0] == "layer 3, stratum 2"


def test_a_log_scale_draws_dots_because_lengths_would_mislead() -> None:
    figure = layers.by_kind(count(ANATOMY, preset("spafit", LAYERS)).frame(), "log")
    assert {trace.type for trace in figure.data} == {"scatter"}
    places = [round(float(x), 3) for trace in figure.data for x in trace.x]
    assert len(places) == len(set(places))  # no dot hides another
    assert figure.layout.yaxis.type == "log"


def test_126_layers_keep_exact_integers_and_few_labels() -> None:
    counts = count(DEEP, preset("full", 126))
    figure = layers.by_kind(counts.frame())
    assert numbers(figure) == counts.trainable
    assert len(figure.layout.xaxis.tickvals) <= 18
    assert figure.layout.xaxis.range == (-0.6, 127.6)


@pytest.mark.parametrize("measure", list(methods.MEASURES))
@pytest.mark.parametrize("scale", layers.SCALES)
def test_the_comparison_writes_every_value(measure: methods.Measure, scale: layers.Scale) -> None:
    frame = pd.DataFrame(
        {
            "setting": ["Full", "BitFit", "Nothing"],
            "current": [False, True, False],
            "trainable": [333_581_314, 274_434, 0],
            "percent": [100.0, 0.0823, 0.0],
            "optimizer": [2_668_650_512, 2_195_472, 0],
            "checkpoint": [1_334_325_256, 1_097_736, 0],
        }
    )
    (trace,) = methods.comparison(frame, measure, scale).data
    shown = frame if scale == "linear" else frame[frame[measure] > 0]
    assert list(trace.x) == list(shown[measure])
    assert (
        trace.text[1]
        == {
            "trainable": "274,434",
            "percent": "0.0823 %",
            "optimizer": "2.2 MB",
            "checkpoint": "1.1 MB",
        }[measure]
    )
    assert trace.marker.color[1] == methods.CURRENT_COLOR != trace.marker.color[0]


def test_a_comparison_of_nothing_says_so() -> None:
    frame = pd.DataFrame({"setting": ["a"], "current": [True], "trainable": [0]})
    for scale in layers.SCALES:
        assert says(methods.comparison(frame, "trainable", scale)) == layers.NOTHING_TRAINS


def test_memory_bars_add_up_to_the_peak() -> None:
    points = {method.value: preset(method, LAYERS) for method in Method}
    peaks = {name: costs.training_memory(ANATOMY, point, batch=8, length=64).peak for name, point in points.items()}
    frame = pd.DataFrame(
        [
            {"setting": name, "part": part, "value": getattr(peak, part)}
            for name, peak in peaks.items()
            for part in methods.MEMORY_PARTS
        ]
    )
    *bars, totals = methods.memory(frame).data
    assert [bar.name for bar in bars] == list(methods.MEMORY_PARTS.values())
    assert list(np.sum([bar.x for bar in bars], axis=0)) == [peak.total for peak in peaks.values()] == list(totals.x)


def test_operations_stop_where_gradients_do() -> None:
    work = costs.flops(ANATOMY, preset("spafit", LAYERS, 2, 4), batch=8, length=64)
    frame = pd.DataFrame(
        {
            "label": [row.row for row in work.rows],
            "forward": [row.forward for row in work.rows],
            "backward": [row.backward for row in work.rows],
        }
    )
    forward, backward = layers.flops_by_row(frame).data
    assert sum(forward.y) == work.forward and sum(backward.y) == work.backward
    assert list(backward.y[:3]) == [0, 0, 0] and backward.y[3] > 0


def test_the_difference_is_b_minus_a() -> None:
    first, second = count(ANATOMY, preset("spafit", LAYERS)), count(ANATOMY, preset("bitfit", LAYERS))
    frame = first.frame()[["label", "trainable"]].rename(columns={"trainable": "a"})
    frame["b"] = second.frame()["trainable"]
    more, less = methods.difference(frame).data
    assert sum(more.y) + sum(less.y) == second.trainable - first.trainable
    assert all(value > 0 for value in more.y) and all(value < 0 for value in less.y)
    assert "equally many parameters" in says(methods.difference(frame.assign(b=frame["a"])))


def test_estimates_of_nothing_say_so() -> None:
    nothing = pd.DataFrame(columns=["setting", "part", "value"])
    assert says(methods.memory(nothing)) == says(methods.flops(nothing)) == "There is no setting to estimate."


def test_figures_are_see_through() -> None:
    figure = layers.by_kind(count(ANATOMY, preset("spafit", LAYERS)).frame())
    assert figure.layout.paper_bgcolor == figure.layout.plot_bgcolor == "rgba(0,0,0,0)"


@pytest.mark.parametrize(("flops", "text"), [(0, "0 FLOP"), (4.1e9, "4.1 GFLOP"), (2e18, "2e+03 PFLOP")])
def test_operations_in_words(flops: float, text: str) -> None:
    assert methods.flops_text(flops) == text


def test_every_part_that_can_be_drawn_has_a_name_a_color_and_a_text() -> None:
    """A measure, a part of memory or a kind of parameter that is new cannot be forgotten in the charts."""
    parts = {field.name for field in fields(costs.Moment)} - {"name"}
    assert set(methods.MEMORY_PARTS) == set(methods.MEMORY_COLORS) == parts
    assert set(layers.PASSES) == set(layers.PASS_COLORS) <= {field.name for field in fields(costs.RowFlops)}
    assert set(methods.MEASURES) == set(get_args(methods.Measure))
    assert all(methods.measure_text(1.0, measure) for measure in methods.MEASURES)
    assert set(layers.KINDS) == set(KIND_COLORS) - {"frozen"} <= set(count(ANATOMY, preset("full", LAYERS)).frame())

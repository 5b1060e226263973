"""The pure parts of what pages share: words, curves, labels, boundaries carried to another depth, the picture."""

from __future__ import annotations

import re
from dataclasses import replace
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spafit.maps.repeats import Repeats
from spafit.palette import CURVE_COLORS, KIND_COLORS, RUN_COLORS
from spafit.stratification import Method, Recipe, Stratification, parse_name, preset
from spafit.ui.choice import scaled
from spafit.ui.components.curves import Line, smoothed
from spafit.ui.components.picture import picture
from spafit.ui.components.text import duration, metric_name, plain, share
from spafit.ui.runs.charts import metric_range
from spafit.ui.runs.compare import names_of
from spafit.ui.runs.data import last_of, points
from spafit.ui.runs.details import LOG_BYTES, log_tail
from spafit.ui.runs.naming import heading, run_label
from spafit.ui.runs.view import progress_of
from spafit.ui.visitor import MAX_CHARS, name_in

FINITE = st.floats(-1e6, 1e6)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, "–"), (0, "0 s"), (59.4, "59 s"), (59.6, "1 min"), (80, "1 min 20 s"), (3600, "1 h"), (7500, "2 h 5 min")],
)
def test_durations(seconds: float | None, text: str) -> None:
    assert duration(seconds) == text


def test_shares_are_exact_integers() -> None:
    assert share(67_202, 22_763_138) == "67,202 of 22,763,138 (0.295 %)"
    assert share(0, 0) == "0 of 0 (0 %)"


@given(st.text())
def test_a_name_from_a_cookie_is_as_short_and_printable_as_a_typed_one(cookie: str) -> None:
    name = name_in(cookie)
    assert len(name) <= MAX_CHARS and name == name.strip()
    assert not name or name.isprintable()
    assert name_in("Zo%C3%AB%0A%00 ") == "Zoë"


def test_metrics_keep_the_capitals_of_names() -> None:
    assert [metric_name(name) for name in ("accuracy", "pearson", "f1")] == ["accuracy", "Pearson correlation", "F1"]


@given(st.text())
def test_plain_text_keeps_every_visible_letter_and_leaves_no_bare_markup(text: str) -> None:
    escaped = plain(text)
    assert re.sub(r"\\(.)", r"\1", escaped).replace("\u2060", "") == " ".join(text.split()).replace("\u2060", "")
    assert not re.search(r"(?<!\\)(?:\\\\)*[`*_\[\]<>$#]", escaped)


def test_plain_text_defuses_addresses_and_icon_names() -> None:
    for dangerous in ("https://x.org", "www.x.org", "a@b.org", ":material/face:"):
        shown = re.sub(r"\\(.)", r"\1", plain(dangerous))
        assert dangerous not in shown
        assert shown.replace("\u2060", "") == dangerous


@given(st.lists(FINITE, max_size=60), st.integers(1, 20))
def test_thinned_lines_keep_their_first_and_last_point(values: list[float], limit: int) -> None:
    line = Line("a", "#000", list(range(len(values))), values)
    thin = line.thinned(limit)
    assert len(thin.x) == len(thin.y) <= limit + 1
    assert [thin.y[i] for i in range(len(thin.x))] == [values[int(x)] for x in thin.x]
    if values:
        assert (thin.x[0], thin.x[-1]) == (0, len(values) - 1)


@given(st.lists(FINITE, min_size=1, max_size=40))
def test_smoothing_starts_at_the_first_value_and_stays_within_the_values(values: list[float]) -> None:
    smooth = smoothed(values)
    assert len(smooth) == len(values)
    assert smooth[0] == pytest.approx(values[0])
    slack = 1e-6 * max(1.0, *map(abs, values))
    assert min(values) - slack <= min(smooth)
    assert max(smooth) <= max(values) + slack


def test_points_come_in_the_order_of_the_events() -> None:
    events = [
        {"kind": "phase", "name": "training", "seconds": 1.0},
        {"kind": "step", "step": 1, "epoch": 0.5, "seconds": 2.0, "loss": 0.7},
        {"kind": "evaluated", "step": 1, "epoch": 0.5, "seconds": 2.5, "loss": 0.6, "metrics": {"f1": 0.3}},
    ]
    table = points(events)
    assert table["series"].tolist() == ["loss", "validation loss", "validation f1"]
    assert table["value"].tolist() == [0.7, 0.6, 0.3]
    assert table["seconds"].tolist() == [2.0, 2.5, 2.5]
    assert last_of(events, "step") == events[1]
    assert last_of(events, "finished") is None


def run(
    name: str = "SPAFIT-2-4", task: str = "a", model: str = "m", seed: int = 0, id: str = "x", rate: float = 1e-3
) -> SimpleNamespace:
    spec = SimpleNamespace(stratification=parse_name(name, 6))
    facts = {"task": task, "model": model, "seed": seed, "id": id, "learning_rate": rate}
    return SimpleNamespace(name=name, stratification=name, spec=spec, **facts)


def test_a_run_is_named_readably() -> None:
    assert heading(run("SPAFIT-4-5+targets=query.key.value.attention_output.ffn_in.ffn_out+rank=4"))[0] == "SPAFIT-4-5"
    assert run_label(run("LoRA+rank=16")) == "LoRA, rank 16"
    given = run("LoRA")
    given.name = "My best"
    assert heading(given) == ("My best", ["LoRA"])


def test_an_axis_is_there_before_the_first_point_and_holds_every_value() -> None:
    assert metric_range([0.501]) == (0.4, 1.0)
    assert metric_range([0.0]) == (0.0, 1.0)
    low, high = metric_range([-0.31, 0.2])
    assert low <= -0.31 and high == 1.0


def test_labels_say_what_tells_runs_apart_and_no_more() -> None:
    def names(*runs: SimpleNamespace) -> list[str]:
        return names_of([Repeats(None, None, (one,)) for one in runs])

    assert names(run(), run("BitFit", id="y")) == ["SPAFIT-2-4", "BitFit"]
    assert names(run(), run(seed=1, id="y")) == ["SPAFIT-2-4 · seed 0", "SPAFIT-2-4 · seed 1"]
    assert names(run(), run(rate=2e-3, id="y")) == ["SPAFIT-2-4 · rate 0.001", "SPAFIT-2-4 · rate 0.002"]
    assert names(run(), run(id="y")) == ["SPAFIT-2-4 · x", "SPAFIT-2-4 · y"]
    both = Repeats(None, None, (run(), run(seed=1)))
    assert names_of([both, Repeats(None, None, (run(seed=2, id="y"),))]) == ["SPAFIT-2-4 · x", "SPAFIT-2-4 · y"]


@given(st.sampled_from(Method), st.integers(1, 130), st.integers(1, 130))
def test_presets_stay_presets_on_another_depth(method: Method, before: int, after: int) -> None:
    moved = scaled(preset(method, before), after)
    assert moved.num_layers == after
    if method is not Method.SPAFIT:
        assert moved == preset(method, after)


@given(st.integers(1, 130).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n), st.integers(0, n))))
def test_boundaries_carried_to_twice_the_depth_and_back_are_the_same(case: tuple[int, int, int]) -> None:
    num_layers, a, b = case
    stratification = Stratification(num_layers, min(a, b), max(a, b))
    assert scaled(scaled(stratification, 2 * num_layers), num_layers) == stratification


def test_the_picture_says_what_each_stratum_does() -> None:
    html = picture(preset(Method.SPAFIT, 12))
    assert 'aria-label="layers 1–4: nothing is trained; layers 5–8: only the bias terms are trained; ' in html
    assert html.count('class="cell"') == 12 + 2
    assert html.count('class="pair"') == 4
    assert html.count('class="bias"') == 8


def test_the_picture_draws_what_the_embeddings_and_the_head_do() -> None:
    frozen = replace(preset(Method.PROBE, 2), embeddings=Recipe.FROZEN)
    assert picture(frozen).count('class="new"') == 1
    assert picture(preset(Method.FULL, 2)).count('class="new"') == 4
    assert picture(preset(Method.BITFIT, 2)).count('class="bias"') == 3


def test_the_tail_of_a_log_starts_at_a_line(tmp_path) -> None:
    log = tmp_path / "log.txt"
    assert log_tail(log) == ""
    log.write_text("first\nsecond\n")
    assert log_tail(log) == "first\nsecond\n"
    log.write_text("x" * 50 + "\n" + "".join(f"line {n}\n" for n in range(5000)))
    tail = log_tail(log)
    assert len(tail) <= LOG_BYTES
    assert tail.startswith("line ")
    assert tail.endswith("line 4999\n")


def distance(one: str, other: str) -> float:
    """How far apart two colours are, in RGB."""
    channels = ((int(one[at : at + 2], 16), int(other[at : at + 2], 16)) for at in (1, 3, 5))
    return sum((a - b) ** 2 for a, b in channels) ** 0.5


def going(**values: object) -> SimpleNamespace:
    return SimpleNamespace(**{"phase": "training", "progress": 0.5, "seconds": 10.0, "remaining": 10.0} | values)


def test_the_bar_of_a_run_is_never_full_and_the_final_evaluation_has_its_own() -> None:
    final = [{"kind": "phase", "name": "final", "seconds": 10.0}]
    assert progress_of(going(), []) == 0.5
    assert progress_of(going(progress=1.0), []) < 1
    assert progress_of(going(phase="final", progress=1.0), final) == 0.0
    assert progress_of(going(phase="final", progress=1.0, seconds=15.0), final) == pytest.approx(1 / 3)
    assert progress_of(going(phase="final", progress=1.0, seconds=40.0, remaining=0.1), final) < 1


def test_every_range_of_colours_is_its_own() -> None:
    ranges = [
        [recipe.description.color for recipe in Recipe],
        list(KIND_COLORS.values()),
        list(CURVE_COLORS.values()),
        list(RUN_COLORS),
    ]
    colours = [colour.upper() for group in ranges for colour in group]
    assert len(set(colours)) == len(colours)
    for number, group in enumerate(ranges):
        others = [colour for other in ranges[:number] + ranges[number + 1 :] for colour in other]
        assert min(distance(mine, other) for mine in group for other in others) > 12

"""A map as a file: what goes in comes out, runs are united by series, and no file harms who reads it."""

from __future__ import annotations

import copy
import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from spafit.errors import SpafitError
from spafit.maps import file, kept
from spafit.maps.measured import measured_map, series_of_task
from spafit.runs import Origin, Store
from spafit.stratification import preset
from tests.maps.recorded_map import BEST, HERE, lay, made_up, score_of
from tests.maps.test_measured import measure

MAP = made_up()


@pytest.fixture
def recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put the made-up map in the place of those recorded with the project."""
    monkeypatch.delenv(kept.NO_RECORDED)
    monkeypatch.setattr(kept, "RECORDED", tmp_path / "recorded")
    return lay(tmp_path / "recorded", MAP)


def test_a_recorded_map_is_there_before_anything_was_trained(recorded: Path) -> None:
    (series,) = series_of_task(Store.open(), "minilm-l6", "rotten-tomatoes")
    found = measured_map(series, "accuracy")
    assert len(found["cells"]) == 28 and len(found["methods"]) == 4
    assert (found["origins"], found["machines"]) == (["recorded"], ["Some GPU, bf16 (recorded with the project)"])
    assert kept.mapped(28) == {("minilm-l6", "rotten-tomatoes")}


def test_the_seed_that_chose_the_rate_is_none_of_those_shown(recorded: Path) -> None:
    """Nor does a rate with one seed stand for a cell where another has several, however good that seed was."""
    lucky = copy.deepcopy(MAP)
    for run in lucky["runs"]:
        if run["learning_rate"] == 3e-3:
            run["validation_metrics"] = {"accuracy": 0.99}
    lay(recorded.parent, lucky)
    (series,) = series_of_task(Store.open(), "minilm-l6", "rotten-tomatoes")
    for point in measured_map(series, "accuracy")["cells"]:
        assert (sorted(point["scores"]), point["lr"], len(point["rates"])) == (["1", "2", "3"], BEST, 3)
        expected = [score_of(preset("spafit", 6, point["n1"], point["n2"]), BEST, seed) for seed in (1, 2, 3)]
        assert point["mean"] == pytest.approx(sum(expected) / 3)


def test_own_runs_of_the_series_land_on_the_recorded_map(recorded: Path) -> None:
    store, point = Store.open(), preset("spafit", 6, 2, 4)
    settings = {key: MAP["settings"][key] for key in ("train_samples", "epochs", "max_length", "eval_samples")}
    measure(store, point, 0.9, seed=7, rate=BEST, contents=HERE, **settings)
    (series,) = series_of_task(store, "minilm-l6", "rotten-tomatoes")
    found = measured_map(series, "accuracy")
    mixed = next(cell for cell in found["cells"] if (cell["n1"], cell["n2"]) == (2, 4))
    assert mixed["n"] == 4 and mixed["origins"] == ["local", "recorded"]
    assert found["origins"] == ["local", "recorded"]
    measure(store, point, 0.1, seed=8, rate=BEST, contents=HERE)  # of other settings: another series
    assert len(series_of_task(store, "minilm-l6", "rotten-tomatoes")) == 2


def test_an_imported_map_is_marked_and_importing_it_twice_keeps_one(tmp_path: Path) -> None:
    path = lay(tmp_path, MAP)
    first, second = kept.take_in(path), kept.take_in(path)
    assert first.digest == second.digest
    (only,) = kept.maps()
    assert {run.origin for run in only.runs} == {Origin.IMPORTED}
    assert only.recorded[only.runs[3].id]["seed"] == only.runs[3].seed


def test_a_kept_file_that_is_damaged_is_named_and_the_others_stay(tmp_path: Path) -> None:
    kept.take_in(lay(tmp_path, MAP))
    (kept.imported_folder() / f"bad{file.SUFFIX}").write_bytes(b"nothing")
    assert len(kept.maps()) == 1
    assert kept.broken() == ("bad.spafit-map is no map: 'spafit map export' writes gzipped JSON.",)


def changed(path: list[Any], value: Any) -> dict[str, Any]:
    document = copy.deepcopy(MAP)
    place: Any = document
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    return document


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is damaged"),
        (b"\x1f\x8b and more", "is no map"),
        (gzip.compress(b"{"), "not JSON"),
        (gzip.compress(b"[" * 100_000), "not JSON"),
        (gzip.compress(b"[]"), "'spafit map export' writes one"),
        (gzip.compress(json.dumps({"kind": file.KIND, "schema": 9}).encode()), "schema '9'"),
        (file.packed({"kind": file.KIND, "schema": 1}), "is damaged"),
        (file.packed(changed(["runs"], [])), "no finished run"),
        (file.packed(changed(["runs", 0, "machine"], 5)), "is damaged"),
        (file.packed(changed(["runs", 0, "point"], "x")), "is damaged"),
        (file.packed(changed(["runs", 0, "learning_rate"], -1)), "learning_rate"),
        (file.packed(changed(["runs", 0, "state"], "running")), "not over"),
        (file.packed(changed(["runs", 0, "validation_metrics"], {"<b>": 1.0})), "a score has a name"),
        (file.packed(changed(["runs", 0, "curve", 0, 3], "0.5")), "is damaged"),
        (file.packed(changed(["machines", 0, "hardware", "cpu"], "x" * 1000)), "is damaged"),
        (file.packed(changed(["points", 0], {"schema": 1})), "cannot be used as a map"),
        (file.packed(changed(["advice", "cka", "scores"], [1.0] * 7)), "another number of layers"),
        (file.packed(changed(["advice", "cka", "scores", 2], "high")), "is damaged"),
        (file.packed(changed(["points", 0], preset("spafit", 7).to_dict())), "different depths"),
        (file.packed(changed(["metric"], "luck")), "no score that is known"),
    ],
)
def test_a_bad_file_gets_one_sentence(content: bytes, said: str) -> None:
    with pytest.raises(SpafitError, match=r"^it\.spafit-map ") as caught:
        file.read(content, "it.spafit-map", Origin.IMPORTED)
    assert said in str(caught.value) and "\n" not in str(caught.value)


def test_a_bomb_is_refused_before_it_is_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file, "MAX_UNPACKED", 1000)
    with pytest.raises(SpafitError, match="unpacks to more than"):
        file.read(gzip.compress(b" " * 10_000), "it", Origin.IMPORTED)
    monkeypatch.setattr(file, "MAX_BYTES", 10)
    with pytest.raises(SpafitError, match="is larger than"):
        file.read(file.packed(MAP), "it", Origin.IMPORTED)


@given(st.data())
def test_a_file_with_anything_in_any_place_is_read_or_refused(data: st.DataObject) -> None:
    place: Any = (document := {**MAP, "runs": copy.deepcopy(MAP["runs"][:3])})
    path = []
    while isinstance(place, dict | list) and place:
        path.append(data.draw(st.sampled_from(sorted(place) if isinstance(place, dict) else range(len(place)))))
        place = place[path[-1]]
        if data.draw(st.booleans()) and len(path) > 1:
            break
    document, inner = copy.deepcopy(document), None
    inner = document
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = data.draw(
        st.none() | st.booleans() | st.integers() | st.text(max_size=3) | st.just([]) | st.just({})
    )
    try:
        found = file.read(file.packed(document), "it", Origin.IMPORTED)
    except file.MapFileError as error:
        assert "\n" not in str(error)
    else:
        assert found.series and all(run.spec for run in found.runs)


@given(arrays.arrays(np.float16, arrays.array_shapes(min_dims=2, max_dims=2), elements=st.floats(-100, 100, width=16)))
def test_predictions_come_back_in_half_precision(outputs: np.ndarray) -> None:
    back = file.unpacked_outputs(file.packed_outputs(outputs), len(outputs))
    assert np.array_equal(back, outputs.astype(np.float32))
    with pytest.raises(file.MapFileError):
        file.unpacked_outputs("?", len(outputs))

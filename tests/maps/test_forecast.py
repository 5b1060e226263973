"""What a sweep will take is the sum of what its runs will take, and unknown while one of them is."""

from __future__ import annotations

import pytest

from spafit.counting import count
from spafit.maps.cells import cells, methods, stratifications
from spafit.maps.definition import define
from spafit.maps.forecast import OTHER_BYTES, expected
from spafit.training.config import TrainSettings
from spafit.training.estimates.before_start import PastRun, predict_seconds
from spafit.training.events import Finished, Started
from tests.tiny import tiny_anatomy

SIZES = {"train": 100, "validation": 20, "test": 30}
STARTED = Started(20, 10, 100, "cpu", "fp32", 1e-3, 64, 20, 2, 0, (), 0.5, 50)
FINISHED = Finished("finished", {}, {}, {}, 9.0, 20, (("training", 6.0), ("evaluating", 1.0), ("final", 2.0)))


def test_seconds_and_disk_add_up() -> None:
    anatomy = tiny_anatomy("bert", 3)
    wanted = stratifications(cells("corners", 3), methods("full"), 3)
    specs = define("tiny", "task", TrainSettings(train_samples=64), wanted, (0, 1)).specs()
    past = [PastRun(specs[0], STARTED, FINISHED)]
    found = expected(specs, anatomy, past, SIZES, outputs=2)
    one_by_one = [predict_seconds(spec, anatomy, past, 64, 20, 50) or 0.0 for spec in specs]
    assert found.seconds == pytest.approx(sum(one_by_one))
    parameters = sum(count(anatomy, spec.stratification).trainable for spec in specs)
    assert found.disk == 4 * parameters + len(specs) * (50 * (4 * 2 + 16) + OTHER_BYTES)
    assert expected(specs, anatomy, [], SIZES, outputs=2).seconds is None

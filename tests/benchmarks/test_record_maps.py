"""What the recorded maps consist of, shared out to processes that do not speak to each other. Nothing is trained."""

from __future__ import annotations

import json
from argparse import ArgumentTypeError
from pathlib import Path
from typing import Any

import pytest

from benchmarks.map_jobs import CHOOSING_SEED, MAPS, RATES, SEEDS, Job, Known, missing, points, rates_of
from benchmarks.record_maps import append, part_of
from spafit.stratification import Method, method_of, preset

TASK = "bbc-news"


def line(job: Job, score: float | None = 0.5) -> dict[str, Any]:
    if score is None:
        return job.identity | {"state": "failed", "reason": "The loss is no number any more."}
    return job.identity | {"state": "finished", "validation_metrics": {"accuracy": score, "pearson": score}}


def test_a_map_has_every_cell_at_three_rates_and_the_four_methods() -> None:
    counts = {task: len(points(task)) for task in MAPS}
    assert counts == {"rotten-tomatoes": 28 + 4, "bbc-news": 10 + 4, "stsb": 28 + 4}
    for point in points("rotten-tomatoes"):
        assert set(rates_of(point)) >= set(RATES)
    assert {method_of(point) for point in points(TASK)} >= {Method.FULL, Method.BITFIT, Method.LORA, Method.PROBE}


@pytest.mark.parametrize("parts", [1, 2, 7, 16])
def test_parts_do_each_run_once_and_the_best_rate_gets_three_other_seeds(tmp_path: Path, parts: int) -> None:
    """Parts take turns; each sees what the others have written, as processes that share a folder do."""
    knowns, done = [Known(tmp_path) for _ in range(parts)], []
    working = set(range(parts))
    while working:
        for part in sorted(working):
            knowns[part].refresh()
            ready, waiting = missing(knowns[part], [TASK], part, parts)
            if not ready and not waiting:
                working.remove(part)
            if ready:
                done.append(ready[0])
                score = None if ready[0].rate == 1e-1 else ready[0].rate if ready[0].seed == CHOOSING_SEED else 0.0
                append(tmp_path / f"part-{part}.jsonl", line(ready[0], score))
    keys = [job.key for job in done]
    assert len(keys) == len(set(keys)) == sum(len(rates_of(point)) + len(SEEDS) for point in points(TASK))
    for point in points(TASK):
        best = max(rate for rate in rates_of(point) if rate != 1e-1)
        assert {job.seed for job in done if job.point == point and job.rate == best} == {CHOOSING_SEED, *SEEDS}


def test_a_point_whose_every_rate_failed_has_no_further_runs_and_nobody_waits_for_it(tmp_path: Path) -> None:
    point = preset(Method.SPAFIT, 6, 2, 4)
    known = Known(tmp_path)
    for other in points(TASK):
        for rate in rates_of(other):
            known.add(line(Job(TASK, other, rate, CHOOSING_SEED), None if other == point else rate))
    ready, waiting = missing(known, [TASK])
    assert not waiting
    assert point not in {job.point for job in ready}
    assert len(ready) == len(SEEDS) * (len(points(TASK)) - 1)


def test_a_half_written_line_is_no_run_and_the_next_one_is_whole(tmp_path: Path) -> None:
    point = preset(Method.SPAFIT, 6, 0, 6)
    first, second = Job(TASK, point, 1e-3, 0), Job(TASK, point, 3e-3, 0)
    path = tmp_path / "part-1-of-1.jsonl"
    path.write_text(json.dumps(line(first))[:-5])
    known = Known(tmp_path)
    known.refresh()
    assert not known.scores
    append(path, line(second))
    known.refresh()
    assert list(known.scores) == [second.key]


def test_runs_of_another_engine_generation_do_not_count(tmp_path: Path) -> None:
    known, job = Known(tmp_path), Job(TASK, preset(Method.FULL, 6), 1e-4, 0)
    before = len(missing(known, [TASK])[0])
    known.add(line(job) | {"engine_generation": 0})
    assert len(missing(known, [TASK])[0]) == before
    known.add(line(job))
    assert len(missing(known, [TASK])[0]) == before - 1


@pytest.mark.parametrize("text", ["0/3", "4/3", "1", "a/b", "1/0", "1/3/5", "-1/3"])
def test_a_part_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ArgumentTypeError, match="K/N"):
        part_of(text)
    assert part_of("2/3") == (1, 3)

"""What is tried where minutes are left: several runs on one card at once."""

from __future__ import annotations

import multiprocessing
import queue
from collections.abc import Iterator
from typing import Any

from benchmarks.gpu.material import Material
from benchmarks.gpu.result import Check
from benchmarks.gpu.runs import spec, synchronize, timed

AT_ONCE = (1, 2, 4, 8)
WAIT_SECONDS = 120.0
STEPS = 100


def processes(given: Material) -> Iterator[tuple[str, Check]]:
    """Measure the total rate of the bundled model's runs, by how many train at once."""
    for count in AT_ONCE[:1] if given.tiny else AT_ONCE:
        yield f"{count} at once", lambda count=count: at_once(given, count)


def at_once(given: Material, count: int) -> dict[str, Any]:
    """Train `count` runs in processes of their own; steps a second of all together."""
    context = multiprocessing.get_context("fork")  # nothing has touched the card here, so children may
    ready, results = context.Barrier(count), context.Queue()
    children = [context.Process(target=_one, args=(given, seed, ready, results)) for seed in range(count)]
    for child in children:
        child.start()
    try:
        rates = [results.get(timeout=WAIT_SECONDS) for _ in children]
    except queue.Empty:
        raise TimeoutError(f"not all of {count} runs came to their end in {WAIT_SECONDS:g} s") from None
    finally:
        for child in children:
            child.kill()
    return {"runs": count, "steps_per_second_together": sum(rates), "each": rates}


def _one(given: Material, seed: int, ready: Any, results: Any) -> None:
    from benchmarks.ready import ready_trainer

    steps = 5 if given.tiny else STEPS
    trainer = ready_trainer(spec(given, seed=seed, max_steps=2 * steps))
    for _ in trainer.fill_prefix(trainer.feed):
        pass
    trainer.record_steps()
    trainer.mode(True)
    for _ in range(steps):  # until every size of batch is recorded
        trainer.optimizer_step(1e-4)
    synchronize(given.device)
    ready.wait(WAIT_SECONDS)
    with timed(given.device) as seconds:
        for _ in range(steps):
            trainer.optimizer_step(1e-4)
    results.put(steps / seconds[0])

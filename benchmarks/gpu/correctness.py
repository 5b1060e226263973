"""Whether training on this device does what it says: in one process, and through queue, worker and store."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from benchmarks.gpu.material import Material
from benchmarks.gpu.result import Check, Skipped
from benchmarks.gpu.runs import free_memory, spec, trained

NAMES = ("SPAFIT-2-4", "SPAFIT-4-5", "LoRA", "BitFit", "Full")
SAME_LOSS = {"fp32": 1e-3, "bf16": 3e-2}
"""How far losses of two ways to the same step may differ: sums are added in another order, in bf16 to three digits."""
BF16_LOSS = 0.1
"""How far the losses of bf16 and fp32 may differ in the first steps."""
STOP_SECONDS = 5.0
SLACK = 64 << 20
"""Bytes that a driver may give back late or keep for itself."""


def in_process(given: Material) -> Iterator[tuple[str, Check]]:
    """Frozen tensors, counts, the prefix cache, bf16 against fp32, out of memory."""
    for name in NAMES:
        yield f"two steps, {name}", lambda name=name: two_steps(given, name)
    for precision in SAME_LOSS:
        yield f"prefix cache, {precision}", lambda precision=precision: prefix_cache(given, precision)
    yield "bf16 against fp32", lambda: precisions(given)
    yield "out of memory", lambda: out_of_memory(given)


def two_steps(given: Material, name: str) -> dict[str, Any]:
    """Frozen tensors are bit-identical after two steps, what trains has moved, and as many train as were counted."""
    import torch

    from benchmarks.ready import ready_trainer
    from spafit.adapt import parameter_name
    from spafit.counting import count

    trainer = ready_trainer(spec(given, name, prefix_cache="off"))
    before = {key: value.detach().to("cpu", copy=True) for key, value in trainer.model.named_parameters()}
    trainer.mode(True)
    for _ in range(2):
        trainer.optimizer_step(1e-3)
    trainer.engine.restore()
    changed, inert = [], []
    for key, value in trainer.model.named_parameters():
        same = torch.equal(before[key], value.detach().cpu())
        if not value.requires_grad and not same:
            changed.append(parameter_name(key))
        elif value.requires_grad and same and not key.endswith("key.bias"):  # softmax does not see a key's bias
            inert.append(parameter_name(key))
    trained = sum(value.numel() for value in trainer.model.parameters() if value.requires_grad)
    counted = count(trainer.anatomy, trainer.spec.stratification).trainable
    return {
        "ok": not changed and not inert and trained == counted,
        "frozen_that_changed": changed,
        "trained_that_did_not": inert,
        "requires_grad": trained,
        "counted": counted,
        "precision": trainer.engine.precision,
        "flat": trainer.engine.flat is not None,
    }


def prefix_cache(given: Material, precision: str) -> dict[str, Any]:
    """Compare the losses with the frozen layers replayed to those with all computed."""
    runs = [spec(given, "SPAFIT-4-5", prefix_cache=cache, precision=precision) for cache in ("on", "off")]
    replayed, computed = map(trained, runs)
    apart = max(abs(a - b) for a, b in zip(replayed.losses, computed.losses, strict=True))
    cached = replayed.started.cached_layers, computed.started.cached_layers
    return {
        "ok": apart <= SAME_LOSS[precision] and cached == (4, 0),
        "largest_difference": apart,
        "allowed": SAME_LOSS[precision],
        "layers_replayed": cached,
        "precision": replayed.started.precision,
        "losses": replayed.losses,
    }


def precisions(given: Material) -> dict[str, Any]:
    """bf16 takes the way of fp32; the final metrics of both are computed in fp32."""
    full, half = (trained(spec(given, precision=precision, max_steps=20)) for precision in ("fp32", "bf16"))
    apart = max(abs(a - b) for a, b in zip(full.losses, half.losses, strict=True))
    return {
        "ok": apart <= BF16_LOSS,
        "largest_difference": apart,
        "allowed": BF16_LOSS,
        "precisions": (full.started.precision, half.started.precision),
        "fp32": full.finished.validation_metrics,
        "bf16": half.finished.validation_metrics,
    }


def out_of_memory(given: Material) -> dict[str, Any]:
    """Out of memory is a sentence, the memory comes back, and the next run works."""
    import torch

    from spafit.training.loop import TrainingFailed, train

    if given.device != "cuda":
        raise Skipped("the allocator of a CPU cannot be given a bound")
    before = free_memory(given.device)
    total = torch.cuda.get_device_properties(0).total_memory
    torch.cuda.set_per_process_memory_fraction((torch.cuda.memory_reserved() + (256 << 20)) / total)
    said = ""
    try:
        for _ in train(spec(given, "Full", batch_size=512)):
            pass
    except TrainingFailed as error:
        said = str(error)
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    held = (before or 0) - (free_memory(given.device) or 0)
    after = trained(spec(given)).finished
    ok = said.startswith("Out of memory") and held < SLACK and after.state == "finished"
    return {"ok": ok, "said": said, "bytes_still_held": held, "next_run": after.state}


def through_the_queue(given: Material) -> Iterator[tuple[str, Check]]:
    """Carry out a run end to end, look at a waiting worker, which holds nothing on the card, and stop a run."""
    free_memory(given.device)  # this process's own share of the card is taken now, not between two looks
    before = free_memory(given.device)
    yield "one run, end to end", lambda: end_to_end(given)
    yield "waiting worker", lambda: waiting_worker(given, before)
    yield "stop", lambda: stop_a_run(given, before)


def _until(look: Callable[[], Any], seconds: float = 120.0) -> Any:
    """Return what `look` finds as soon as it is true."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"still {found!r} after {seconds:g} s")
        time.sleep(0.05)
    return found


def end_to_end(given: Material) -> dict[str, Any]:
    """Submit a run, have it done by a worker, and read it from the store with its curve."""
    from spafit.runs import State, Store, submit

    start = time.monotonic()
    run_id = submit(spec(given, max_steps=20))
    store = Store.open()
    run = _until(lambda: (found := store.get(run_id)).state.over and found)
    points = sum(event["kind"] == "step" for _seq, event in store.events(run_id))
    ok = run.state is State.FINISHED and run.device == given.device and points > 0 and bool(run.metrics)
    return {
        "ok": ok,
        "state": run.state.value,
        "reason": run.reason,
        "device": run.device,
        "gpu": run.hardware.get("gpu"),
        "points": points,
        "test": run.metrics,
        "seconds_with_start": time.monotonic() - start,
        "seconds": run.seconds,
    }


def waiting_worker(given: Material, before: int | None) -> dict[str, Any]:
    """See that the worker that waits for the next run has imported PyTorch and holds nothing on the card."""
    import psutil

    from spafit.home import spafit_home

    def waiting() -> psutil.Process | None:
        for process in psutil.process_iter():
            try:
                theirs = process.environ().get("SPAFIT_HOME") == str(spafit_home())
                if theirs and process.cmdline()[-1] == "spafit.runs.worker":
                    return process
            except (psutil.Error, IndexError):
                continue
        return None

    process = _until(waiting)
    resident = -1
    while process.memory_info().rss > resident:  # until it has imported everything
        resident = process.memory_info().rss
        time.sleep(1.0)
    held = None if before is None else before - (free_memory(given.device) or 0)
    on_card = _pids_on_card()
    return {
        "ok": held is None or (held < SLACK and process.pid not in on_card),
        "resident_bytes": resident,
        "bytes_held_on_card": held,
    }


def _pids_on_card() -> list[int]:
    command = ["nvidia-smi", "--query-compute-apps=pid", "--format=csv,noheader"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return []
    return [int(line) for line in done.stdout.split() if line.isdigit()]


def stop_a_run(given: Material, before: int | None) -> dict[str, Any]:
    """Stop a run while it trains: it ends in time, keeps its curve, and gives its memory back."""
    from spafit.runs import State, Store, stop, submit

    store = Store.open()
    run_id = submit(spec(given, "Full", max_steps=100_000, eval_every=100_000))
    _until(lambda: store.get(run_id).step > 0)
    start = time.monotonic()
    stop(run_id)
    run = _until(lambda: (found := store.get(run_id)).state.over and found)
    seconds = time.monotonic() - start
    process = Path("/proc") / str(run.process).split("/")[2] if run.process else None
    _until(lambda: process is None or not process.exists())
    held = None if before is None else before - (free_memory(given.device) or 0)
    points = sum(event["kind"] == "step" for _seq, event in store.events(run_id))
    ok = run.state is State.STOPPED and seconds <= STOP_SECONDS and points > 0 and (held is None or held < SLACK)
    return {"ok": ok, "state": run.state.value, "seconds": seconds, "points": points, "bytes_still_held": held}

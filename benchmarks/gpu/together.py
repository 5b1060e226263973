"""What is tried where minutes are left: several runs on one card at once, and CUDA graphs."""

from __future__ import annotations

import multiprocessing
import queue
from collections.abc import Iterator
from typing import Any

from benchmarks.gpu.material import Material
from benchmarks.gpu.result import Check, Skipped
from benchmarks.gpu.runs import spec, synchronize, timed

AT_ONCE = (1, 2, 4, 8)
WIDTHS = (32, 64, 128)
WAIT_SECONDS = 120.0
STEPS = 100


def processes(given: Material) -> Iterator[tuple[str, Check]]:
    """The total rate of the bundled model's runs, by how many train at once."""
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
    trainer = ready_trainer(spec(given, seed=seed, max_steps=steps + 5))
    for _ in trainer.fill_prefix(trainer.feed):
        pass
    trainer.mode(True)
    for _ in range(5):
        trainer.optimizer_step(1e-4)
    synchronize(given.device)
    ready.wait(WAIT_SECONDS)
    with timed(given.device) as seconds:
        for _ in range(steps):
            trainer.optimizer_step(1e-4)
    results.put(steps / seconds[0])


def graphs(given: Material) -> Iterator[tuple[str, Check]]:
    """A step as one CUDA graph, at rounded numbers of tokens, beside the same step launched kernel by kernel."""
    for width in WIDTHS:
        yield f"16 texts of {width} tokens", lambda width=width: graphed(given, width)


def graphed(given: Material, width: int) -> dict[str, Any]:
    """Milliseconds of forward and backward pass of the model at SPAFIT-2-4, both ways."""
    import torch

    from spafit.models.registry import weights_folder
    from spafit.tasks import get_task
    from spafit.training.preparation import describe_model, prepare_model

    if given.device != "cuda":
        raise Skipped("there are graphs only on a card")
    run = spec(given)
    folder, task = weights_folder(run.model, allow_download=False), get_task(run.task)
    model = prepare_model(run, folder, describe_model(run, folder, task.num_labels), task).model
    model.to("cuda").train()
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    ids = torch.randint(4, 1000, (16, width), device="cuda")
    labels = torch.arange(16, device="cuda") % task.num_labels

    def step() -> None:
        with torch.autocast("cuda", dtype=torch.bfloat16, cache_enabled=False):  # a graph may not keep its casts
            loss = model(input_ids=ids, labels=labels).loss
        loss.backward()

    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(3):
            for parameter in trained:
                parameter.grad = None
            step()
    torch.cuda.current_stream().wait_stream(side)
    for parameter in trained:
        parameter.grad = None
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step()
    with timed("cuda") as replayed:
        for _ in range(STEPS):
            graph.replay()
    with timed("cuda") as launched:
        for _ in range(STEPS):
            step()
    return {
        "tokens": 16 * width,
        "graph_milliseconds": replayed[0] / STEPS * 1e3,
        "launched_milliseconds": launched[0] / STEPS * 1e3,
    }

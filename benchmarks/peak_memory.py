"""The most memory that a run holds, beside Trainer's: resident size of a fresh process, to the last evaluation.

    python -m benchmarks.peak_memory [--steps 60]

Both find the data prepared. The cached states are shown apart: they may come on top of what Trainer needs.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.contenders import measure
from benchmarks.reporting import machine, save, table

NAMES = ("SPAFIT-2-4", "SPAFIT-4-5", "LoRA", "BitFit", "Full")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=60)
    options = parser.parse_args()
    facts = machine()
    rows: list[tuple[object, ...]] = []
    results: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        states = home / "cache" / "prefix"
        measure({"name": "Probe", "who": "ours", "max_steps": 1}, home)  # prepares the data, for both
        for name in NAMES:
            shutil.rmtree(states, ignore_errors=True)
            job = {"name": name, "max_steps": options.steps}
            ours = measure(job | {"who": "ours", "prefix_cache": "on" if "SPAFIT" in name else "auto"}, home)
            theirs = measure(job | {"who": "trainer"}, home)
            cache = sum(file.stat().st_size for file in states.glob("*.npy"))
            megabytes = [round(value / 1e6) for value in (ours["peak"], cache, theirs["peak"])]
            results[name] = dict(zip(("ours", "cached_states", "trainer"), megabytes, strict=True))
            rows.append((name, *megabytes, f"{(megabytes[0] - megabytes[1]) / megabytes[2]:.2f}"))
    table(("setting", "ours, MB", "of it cached states", "Trainer, MB", "(ours - cache) / Trainer"), rows)
    save("peak_memory", facts, {"steps": options.steps, "settings": results})


if __name__ == "__main__":
    main()

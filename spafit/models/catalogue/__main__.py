"""Rebuild the bundled anatomies from ``models.json``: ``python -m spafit.models.catalogue``; no weights, no network."""

import json

from spafit.models.anatomy import Anatomy
from spafit.models.build import build_anatomy
from spafit.models.registry import CATALOGUE


def stored_values(anatomy: Anatomy, separate_output: bool) -> int:
    """Return about how many values a checkpoint stores: all but the fresh head, and the output matrix if not tied."""
    stored = sum(tensor.size for tensor in anatomy.tensors if not tensor.fresh)
    return stored + (anatomy.vocab_size * anatomy.hidden_size if separate_output else 0)


def main() -> None:
    """Write ``anatomies/KEY.json`` for every entry and what each entry says about its size."""
    path = CATALOGUE / "models.json"
    document = json.loads(path.read_text(encoding="utf-8"))
    for entry in document["models"]:
        anatomy = build_anatomy(entry["config"], name=entry["name"])
        entry |= {
            "num_layers": anatomy.num_layers,
            "parameters": anatomy.num_parameters,
            "download_bytes": entry["bytes_per_value"] * stored_values(anatomy, entry.get("separate_output", False)),
        }
        text = json.dumps(anatomy.to_dict(), separators=(",", ":"))
        (CATALOGUE / "anatomies" / f"{entry['key']}.json").write_text(text + "\n", encoding="utf-8")
    path.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    keys = {entry["key"] for entry in document["models"]}
    for stale in (CATALOGUE / "anatomies").glob("*.json"):
        if stale.stem not in keys:
            stale.unlink()


if __name__ == "__main__":
    main()

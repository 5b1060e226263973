"""Rebuild the bundled anatomies from ``models.json``: ``python -m spafit.catalogue``; no weights, no network."""

import json

from spafit.anatomy import build
from spafit.models import CATALOGUE


def main() -> None:
    """Write ``anatomies/KEY.json`` for every entry and each entry's layer and parameter counts."""
    path = CATALOGUE / "models.json"
    document = json.loads(path.read_text(encoding="utf-8"))
    for entry in document["models"]:
        anatomy = build(entry["config"], name=entry["name"])
        entry |= {"num_layers": anatomy.num_layers, "parameters": anatomy.num_parameters}
        text = json.dumps(anatomy.to_dict(), separators=(",", ":"))
        (CATALOGUE / "anatomies" / f"{entry['key']}.json").write_text(text + "\n", encoding="utf-8")
    path.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    keys = {entry["key"] for entry in document["models"]}
    for stale in (CATALOGUE / "anatomies").glob("*.json"):
        if stale.stem not in keys:
            stale.unlink()


if __name__ == "__main__":
    main()

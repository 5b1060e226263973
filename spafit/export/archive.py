"""Everything of a run in one zip: the model's folder, the curve, a report; the same bytes each time it is made."""

from __future__ import annotations

import csv
import io
import json
import tempfile
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from spafit.export.figures import figure_files
from spafit.export.folder import RECORD, default_format, export, format_named
from spafit.export.report import live_curve, report
from spafit.export.script import python_script
from spafit.files import write_whole
from spafit.home import spafit_home
from spafit.runs import Store
from spafit.runs.rights import require_test
from spafit.tasks import list_tasks
from spafit.trained.restore import Trained, restore
from spafit.training.changes import changes

MOMENT = (1980, 1, 1, 0, 0, 0)
"""Of every file in the zip, so that the same run gives the same bytes."""
CURVE = ("step", "epoch", "loss", "learning_rate", "seconds")


def make(run: str, format: str | None = None, *, for_others: bool = False) -> dict[str, Any]:
    """Make a run's zip in the cache and return its ``path``, ``bytes`` and ``files``, as JSON types.

    Raises:
        SpafitError: no such run or format, the run kept no weights, the disk is full, or it is made ``for_others``
            than the person at the machine and the run's class has its test scores closed.
    """
    store = Store.open()
    found = store.get(run)
    require_test(found.test_hidden, to_others=for_others)
    trained = restore(found, store.folder(found.id))
    kind = format_named(format) or default_format(trained)
    events = [event for _, event in store.events(found.id)]
    target = spafit_home() / "cache" / "exports" / f"{found.id}-{kind}.zip"
    with tempfile.TemporaryDirectory(prefix="spafit-") as scratch:
        folder = Path(scratch) / "model"
        names = export(trained, folder, kind)
        document = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        contents = {f"model/{name}": (folder / name).read_bytes() for name in names}
    contents |= {name: text.encode() for name, text in _about(trained, document, events).items()}
    content = zipped(contents)
    write_whole(target, content)
    return {"path": str(target), "bytes": len(content), "files": sorted(contents), "format": kind}


def zipped(contents: Mapping[str, bytes]) -> bytes:
    """Return a zip of these files, ordered by name and without times, so that equal contents give equal bytes."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name in sorted(contents):
            entry = zipfile.ZipInfo(name, MOMENT)
            # Weights do not compress; the same zlib gives the same bytes for the rest.
            entry.compress_type = zipfile.ZIP_STORED if name.endswith(".safetensors") else zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, contents[name])
    return made.getvalue()


def curve_csv(events: Iterable[Mapping[str, Any]]) -> str:
    """Return the training curve and the live evaluations as CSV, a point a line, in the order they came."""
    rows = [dict(event) for event in events if event["kind"] in ("step", "evaluated")]
    metrics = sorted({name for row in rows if row["kind"] == "evaluated" for name in row["metrics"]})
    made = io.StringIO()
    writer = csv.writer(made, lineterminator="\n")
    writer.writerow(("kind", *CURVE, *metrics))
    for row in rows:
        found = row.get("metrics") or {}
        writer.writerow((row["kind"], *(row.get(key, "") for key in CURVE), *(found.get(name, "") for name in metrics)))
    return made.getvalue()


def _about(trained: Trained, document: Mapping[str, Any], events: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Return what goes along with the model: the curve, figures, a report and the script that repeats the run."""
    events = list(events)
    changed = changes(*trained.with_before())
    metric = next(iter(document["validation_metrics"]), "")
    curve = live_curve(events, metric)
    task = next((one for one in list_tasks() if one.key == trained.run.task), None)
    return {
        "curve.csv": curve_csv(events),
        "report.html": report(document, metric, curve, changed),
        "finetune.py": python_script(trained.spec, trained.anatomy, task),
        **figure_files(document, metric, curve, changed),
    }

"""A comparison as one CSV: a row for every point of every run, with everything that says which run it is."""

import csv
import io
from collections.abc import Sequence

import pandas as pd

from spafit.maps.repeats import Repeats
from spafit.runs import State
from spafit.tasks.upload.export import neutral
from spafit.ui.runs.data import POINT_COLUMNS
from spafit.ui.runs.lines import Points

FACTS = ("run", "name", "setting", "model", "task", "method", "n1", "n2", "rate", "seed", "state", "owner", "tags")


def comparison_csv(settings: Sequence[Repeats], names: Sequence[str], points: Points) -> str:
    """Return the CSV; final scores are points too, of the series "final validation ..." and "final test ...".

    No cell acts as a formula in a spreadsheet.
    """
    output = io.StringIO(newline="")
    writer = csv.writer(output, lineterminator="\n")
    writer.writerow([*FACTS, *POINT_COLUMNS])
    for setting, name in zip(settings, names, strict=True):
        for run in setting.runs:
            facts = [run.id, run.name, name, run.model, run.task, run.method, run.n1, run.n2, run.learning_rate]
            facts += [run.seed, run.state.value, run.owner, ", ".join(run.tags)]
            cells = [neutral(fact) if isinstance(fact, str) else fact for fact in facts]
            for point in points[run.id].itertuples(index=False):
                writer.writerow([*cells, *("" if pd.isna(value) else value for value in point)])
            for part, scores in (("validation", run.validation_metrics), ("test", run.metrics)):
                for metric, value in scores.items() if run.state is State.FINISHED else ():
                    writer.writerow([*cells, f"final {part} {metric}", run.step, "", run.seconds, "", value])
    return output.getvalue()

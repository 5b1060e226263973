"""When the runs that wait will start, by what runs of their setting took here."""

from spafit.classroom.turns import Outlook, left_of, outlook, seconds_between, usual_seconds
from spafit.runs import Run, State, Store
from spafit.ui.train.time import expected_seconds


def current_outlook(store: Store) -> Outlook:
    """Return when everybody's waiting runs will start, and when all are done."""
    running = store.list(state=State.RUNNING, archived=None)
    waiting = store.queue()
    finished = store.list(state=State.FINISHED, limit=20)
    usual = usual_seconds(reversed(finished))
    known: dict[str, float | None] = {}

    def expected(run: Run) -> float | None:
        key = f"{run.model} {run.task} {run.stratification} {run.spec.settings.to_dict() | {'seed': 0}}"
        if key not in known:
            known[key] = expected_seconds(run.spec) or usual
        return known[key]

    between = seconds_between(reversed(finished))
    lefts = [left_of(run, expected(run)) for run in running]
    return outlook(lefts, [(run.id, expected(run)) for run in waiting], between)

"""Runs: a durable queue of fine-tunings and the processes that work through it.

For pages and commands (none of this imports torch)::

    run_id = submit(spec, by=actor)      # queued, on disk, and somebody is working on the queue
    attend()                             # on every page view: picks up what a crash or a restart left behind
    ensure_supervisor()                  # before a run is submitted: warms up a process for it
    stop(run_id, actor); rerun(run_id, actor)
    store = Store.open()                 # one per process
    store.get(run_id); store.list(owner_id=actor.id); store.queue(); store.events(run_id, after=seq)
"""

from spafit.runs.database import StoreBusyError, StoreError, StoreFullError
from spafit.runs.launch import attend, ensure_supervisor, rerun, stop, submit
from spafit.runs.rights import AT_MACHINE, Actor, ForbiddenError
from spafit.runs.run import Origin, Run, State
from spafit.runs.store import Store, UnknownRunError

__all__ = [
    "AT_MACHINE",
    "Actor",
    "ForbiddenError",
    "Origin",
    "Run",
    "State",
    "Store",
    "StoreBusyError",
    "StoreError",
    "StoreFullError",
    "UnknownRunError",
    "attend",
    "ensure_supervisor",
    "rerun",
    "stop",
    "submit",
]

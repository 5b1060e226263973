"""A press that has reached the server is carried out to its end, whatever comes meanwhile.

Streamlit ends a run for the next request's sake wherever the run touches the session's state or draws, in the middle of
a widget's callback too. What the callback had still to do is never done then, for its widget does not count as changed
any more (https://github.com/streamlit/streamlit/issues/10578). On a busy server that is a press that is lost.
"""

import functools
from typing import Any

from streamlit.runtime.state.safe_session_state import SafeSessionState


def carry_out_presses() -> None:
    """Let every session's next request wait until the callbacks of the last one have returned."""
    prepare = SafeSessionState.on_script_will_rerun
    if hasattr(prepare, "__wrapped__"):
        return

    @functools.wraps(prepare)
    def prepare_whole(state: SafeSessionState, *args: Any, **kwargs: Any) -> None:
        # It belongs to the runner, which looks for requests only while it counts as executing a script.
        runner: Any = state._yield_callback.__self__  # ty: ignore[missing-attribute]
        executing, runner._execing = runner._execing, False
        try:
            prepare(state, *args, **kwargs)
        finally:
            runner._execing = executing

    SafeSessionState.on_script_will_rerun = prepare_whole  # ty: ignore[invalid-assignment]

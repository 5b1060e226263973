"""The visitor's choice in the browser's address: written as the choice changes, read when somebody brings one.

`s` is a share link (`spafit.export.link`), `task` a task's key, `set` the training settings that differ from the quick
ones, `runs` the ids of compared runs. What is as at first is left out. The browser replaces the address in place, so
that Back leaves a page in one step; an address that this visit wrote itself is not read again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

import streamlit as st

from spafit.errors import SpafitError
from spafit.export.link import MAX_LINK_CHARS, LinkError, Shared, from_link, packed, to_link, unpacked
from spafit.training.config import QUICK, SETTINGS, TrainSettings
from spafit.ui.choice import FIRST_TASK, Choice, current
from spafit.ui.explore.assumptions import Assumptions

SETTINGS_SCHEMA = 1
PARAMETERS = ("s", "task", "set", "runs")
MAX_RUNS = 50
ADDRESSES_KEPT = 500
_KNOWN = "known_addresses"
_FORMERLY = {"batch_size": 16, "length": 128, "checkpointing": False}
"""Share links had these where they differed from what stands here, before Explore took the training settings."""

_JS = """export default function ({ data, parentElement }) {
  const mark = parentElement.querySelector('span'), before = mark.dataset.shown;
  mark.dataset.shown = data.shown;
  const main = document.querySelector('[data-testid=stMain]');
  if (before !== undefined && before !== data.shown) main?.scrollTo({ top: 0 });
  if (!location.pathname.endsWith(data.path)) return; // drawn late: the visitor is on another page already
  const query = new URLSearchParams(location.search), was = query.toString();
  for (const name of data.names) query.delete(name);
  for (const [name, value] of Object.entries(data.values)) query.set(name, value);
  if (query.toString() === was) return;
  history.replaceState(history.state, '', location.pathname + (query.size ? `?${query}` : ''));
}
"""
_keep = st.components.v2.component("spafit_address", html="<span></span>\n", js=_JS)


def to_parameters(choice: Choice) -> dict[str, str]:
    """Return the query parameters that stand for a choice."""
    usual = asdict(Assumptions())
    changed = {name: value for name, value in asdict(choice.assumptions).items() if value != usual[name]}
    parameters = {"s": to_link(Shared(choice.model, choice.stratification, choice.other, changed))}
    if choice.task != FIRST_TASK:
        parameters["task"] = choice.task
    settings = {name: value for name, value in choice.settings.to_dict().items() if value != getattr(QUICK, name)}
    if settings:
        parameters["set"] = packed({"v": SETTINGS_SCHEMA, **settings})
    if choice.runs:
        parameters["runs"] = ".".join(choice.runs)
    return parameters


def from_parameters(parameters: Mapping[str, str]) -> tuple[dict[str, Any], list[str]]:
    """Return what an address changes, named as the fields of `Choice`, and a sentence for each part it cannot.

    A model's stratification is on the depth that the link says; whoever takes it over asks for the model.
    """
    changes: dict[str, Any] = {}
    problems: list[str] = []
    for name, read in (("s", _shared), ("task", _task), ("set", _settings), ("runs", _runs)):
        if text := parameters.get(name):
            try:
                changes |= read(text)
            except SpafitError as error:
                problems.append(str(error))
    return changes, problems


def _shared(text: str) -> dict[str, Any]:
    shared = from_link(text)
    named: dict[str, Any] = dict(shared.settings)
    former = {name: named.pop(name) for name in _FORMERLY if name in named}
    changes: dict[str, Any] = {"model": shared.model, "stratification": shared.stratification}
    if shared.other is not None:
        changes["other"] = shared.other
    try:
        changes["assumptions"] = Assumptions(**named)
        if former:
            former = _FORMERLY | former
            length = max(former.pop("length"), int(SETTINGS["max_length"].low))  # estimates were made of fewer too
            changes["settings"] = replace(QUICK, max_length=length, **former)
    except TypeError as error:
        raise LinkError("This link is damaged: it has a setting that does not exist or cannot be.") from error
    return changes


def _task(text: str) -> dict[str, Any]:
    if len(text) > MAX_LINK_CHARS:
        raise LinkError("This address names a task that cannot be.")
    return {"task": text}


def _settings(text: str) -> dict[str, Any]:
    document = unpacked(text, "This address's training settings are")
    version = document.pop("v", None)
    if version != SETTINGS_SCHEMA:
        raise LinkError("This address's training settings were written by another version of spafit.")
    return {"settings": TrainSettings.from_dict({**QUICK.to_dict(), **document})}


def _runs(text: str) -> dict[str, Any]:
    ids = tuple(dict.fromkeys(filter(None, text[:MAX_LINK_CHARS].split("."))))
    return {"runs": ids[:MAX_RUNS]}


def brought() -> dict[str, str]:
    """Return the parameters of an address that the visitor brought; empty when this visit wrote it itself."""
    parameters = {name: st.query_params[name] for name in PARAMETERS if name in st.query_params}
    mark = _mark(parameters)
    if not parameters or mark in st.session_state.get(_KNOWN, {}):
        return {}
    _remember(mark)
    return parameters


def keep_address(path: str, shown: str = "", names: Sequence[str] = PARAMETERS) -> None:
    """Let the browser's address say what is chosen now, while the page of this path is open.

    When ``shown``, the id of what the page is about, becomes another, the page is scrolled to its top.
    """
    parameters = {name: value for name, value in to_parameters(current()).items() if name in names}
    _remember(_mark(parameters))
    _keep(key="address", data={"path": path, "names": PARAMETERS, "values": parameters, "shown": shown})


def replace_address(path: str, **values: str) -> None:
    """Let the browser's address say what a page shows that is no part of the choice; Back still takes one step."""
    _keep(key="address", data={"path": path, "names": list(values), "values": values, "shown": ""})


def _mark(parameters: Mapping[str, str]) -> str:
    return "&".join(f"{name}={parameters[name]}" for name in PARAMETERS if name in parameters)


def _remember(mark: str) -> None:
    known = st.session_state.setdefault(_KNOWN, {})
    known[mark] = None
    while len(known) > ADDRESSES_KEPT:
        known.pop(next(iter(known)))

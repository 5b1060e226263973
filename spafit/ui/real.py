"""Whether settings differ by more than noise, in words. The arithmetic is done in a process of its own."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
import streamlit as st

from spafit.helper import call
from spafit.maps.statistics import Scores
from spafit.ui.components.text import plain

SECONDS = 120.0
_FREEDOM = {"paired": "its own seeds, paired", "pooled": "pooled over all settings", "welch": "Welch", "few": "–"}

Family = tuple[Mapping[str, Scores], float | None]
"""The scores of the settings that are compared with one of them, and the baseline."""


@dataclass(frozen=True)
class Compared:
    """What is compared of a setting."""

    scores: Scores
    """The validation scores, by seed."""
    rates: int
    """At how many learning rates it was tried."""
    runs: Sequence[str]
    """The ids of the finished ones."""
    series: str | None
    origins: frozenset[str]


@st.cache_data(show_spinner="Computing …", max_entries=200)
def _asked(function: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    return call(f"spafit.maps.comparison:{function}", arguments, doing="Comparing", seconds=SECONDS)


def one(name: str, setting: Compared, metric: str, baseline: float | None) -> None:
    """Say how sure the score of one setting is."""
    arguments = {"name": name, "scores": _by_seed(setting.scores), "runs": list(setting.runs)}
    answer = _asked("one_setting", arguments | {"metric": metric, "baseline": baseline})
    st.markdown(f"**{plain(answer['sentence'])}**")
    _notes(answer["examples"])


def two(pair: Mapping[str, Compared], metric: str) -> None:
    """Say whether two settings differ."""
    first, second = pair
    answer = _asked(
        "two_settings",
        {
            "first": first,
            "second": second,
            "scores": {name: _by_seed(one.scores) for name, one in pair.items()},
            "rates": {name: one.rates for name, one in pair.items()},
            "runs": {name: list(one.runs) for name, one in pair.items()},
            "metric": metric,
        },
    )
    st.markdown(f"**{plain(answer['sentence'])}**")
    if len({one.series for one in pair.values()}) > 1 or None in {one.series for one in pair.values()}:
        st.warning(
            "These two are not of one series: more than the setting differs between them (see below), and that may be "
            "the reason.",
            icon=":material/compare_arrows:",
        )
    _notes(answer["remarks"])
    _notes(answer["examples"])
    origins = sorted({origin for one in pair.values() for origin in one.origins})
    if len(origins) > 1:
        st.caption(f"Runs of several origins are compared: {', '.join(origins)}.")


def _notes(sentences: Sequence[str]) -> None:
    if sentences:
        st.caption(plain(" ".join(sentences)))


def many(families: Mapping[str, Callable[[], Family]], key: str) -> None:
    """Draw the comparison with a reference that the visitor names first.

    Args:
        families: what may be compared, by name; the visitor chooses where there are several.
        key: what the keys of the elements begin with.
    """
    box = st.expander("Many settings against one reference", key=f"{key}_many", on_change="rerun")
    if not box.open:
        return
    with box:
        among = next(iter(families))
        if len(families) > 1:
            among = st.radio("Compare", list(families), key=f"{key}_among", horizontal=True)
        scores, baseline = families[among]()
        reference = st.selectbox(
            "Reference, chosen before looking",
            list(scores),
            index=None,
            placeholder="choose one",
            key=f"{key}_reference",
            help="A reference picked after seeing the scores makes chance look like a finding.",
        )
        if reference is None or len(scores) < 2:
            st.caption("Each other setting is compared with it; the p values are adjusted by Holm.")
            return
        answer = _asked(
            "with_reference",
            {
                "scores": {name: _by_seed(by_seed) for name, by_seed in scores.items()},
                "reference": reference,
                "baseline": baseline,
            },
        )
        st.markdown(f"**{plain(answer['sentence'])}**")
        st.dataframe(pd.DataFrame([_row(one) for one in answer["against"]]), hide_index=True, placeholder="–")
        if answer["left_out"]:
            named = "; ".join(f"{name}, seed {seed}" for name, seed in answer["left_out"])
            st.caption(plain(f"At or below the baseline, and left out of the pooled error: {named}."))


def _row(one: Mapping[str, Any]) -> dict[str, Any]:
    compared = one["adjusted"] is not None
    better = "better" if one["mean"] > 0 else "worse"
    return {
        "Setting": one["setting"],
        "Difference": f"{one['mean']:+.3f}",
        "95 % interval": f"{one['low']:+.3f} to {one['high']:+.3f}" if one["low"] is not None else None,
        "p by Holm": f"{one['adjusted']:.3f}" if compared else None,
        "More than seed noise": (better if one["clear"] else "no") if compared else "too few runs",
        "Error from": _FREEDOM[one["test"]],
        "Seeds": " and ".join(map(str, one["n"])),
    }


def _by_seed(scores: Scores) -> dict[str, float]:
    return {str(seed): score for seed, score in scores.items()}

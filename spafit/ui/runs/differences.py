"""In what compared settings differ: a row a setting, what differs marked, what is equal folded away."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from spafit.maps.repeats import Repeats
from spafit.runs import Run
from spafit.training.config import SETTINGS
from spafit.ui.components.text import plain
from spafit.ui.runs.columns import method_label
from spafit.ui.runs.naming import task_name

_SEED = "Seed"
_MARK = "background-color: rgba(230, 159, 0, 0.28)"


def differences(settings: Sequence[Repeats], names: Sequence[str]) -> None:
    """Draw the two tables."""
    table = facts_table(settings, names)
    apart = differing(table)
    equal = table.drop(index=apart.index)
    if len(apart):
        st.markdown("**What differs**")
        st.dataframe(apart.style.apply(_marked, axis=None), key="compare_differences")
    if len(settings) > 1 and len(equal):
        with st.expander(f"{len(equal)} settings are equal"):
            rows = [(plain(str(name)), plain(str(row.iloc[0]))) for name, row in equal.iterrows()]
            st.table(pd.DataFrame(rows, columns=["", " "]), border="horizontal", hide_index=True, hide_header=True)


def facts_table(settings: Sequence[Repeats], names: Sequence[str]) -> pd.DataFrame:
    """Return what each setting was made with: rows are settings by name, columns what is compared."""
    columns = {name: _facts(setting) for setting, name in zip(settings, names, strict=True)}
    return pd.DataFrame(columns).fillna("–")


def differing(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of `facts_table` in which not all settings have the same."""
    return table[[len(set(row)) > 1 for row in table.to_numpy()]]


def _marked(table: pd.DataFrame) -> np.ndarray:
    return np.where(table.to_numpy() == table.to_numpy()[:, :1], "", _MARK)


def _facts(setting: Repeats) -> dict[str, str]:
    run = setting.runs[0]
    facts = {"Model": run.model, "Task": task_name(run.task), "Method": method_label(run.method)}
    facts |= _stratification(run.spec_document.get("stratification", {}))
    values = {"seed": ", ".join(str(one.seed) for one in setting.runs)}
    for name, value in (run.spec_document.get("settings", {}) | values).items():
        known = SETTINGS.get(name)
        facts[known.label if known else name] = str(value) if name == "seed" or not known else known.said(value)
    return facts | _contents(run)


def _stratification(document: Mapping[str, Any]) -> dict[str, str]:
    lora, head = document.get("lora", {}), document.get("head", {})
    facts = {
        "Boundaries": f"{document.get('n1')}, {document.get('n2')}",
        "Methods of the strata": ", ".join(document.get("recipes", [])),
        "Embeddings": document.get("embeddings", "–"),
        "Pretrained pooler": head.get("pretrained_pooler", "–"),
        "New classifier": head.get("fresh", "–"),
    }
    if "lora" in facts["Methods of the strata"]:
        facts["LoRA rank, alpha, dropout"] = ", ".join(f"{lora.get(name):g}" for name in ("rank", "alpha", "dropout"))
        facts["LoRA on"] = ", ".join(lora.get("targets", []))
    return {name: value.replace("_", " ") for name, value in facts.items()}


def _contents(run: Run) -> dict[str, str]:
    """Return what the words of a specification leave open."""
    found = {"Weights": run.weights_hash, "Data": run.data_hash}
    facts = {f"{name} (hash)": value[:8] for name, value in found.items() if value}
    return facts | {"Engine generation": str(run.engine_generation or "–"), "PyTorch": run.versions.get("torch", "–")}

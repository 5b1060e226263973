"""Explore's first tab: where the trained parameters are, as columns and as a table."""

import streamlit as st

from spafit.counting import by_role
from spafit.figures import layers
from spafit.models.anatomy import Anatomy
from spafit.stratification import Stratification
from spafit.ui.anatomies import counts_of
from spafit.ui.components.download import download
from spafit.ui.explore.stack import notes


def layers_tab(anatomy: Anatomy, stratification: Stratification) -> None:
    """Columns by kind or role, linear or logarithmic; the same numbers as a table and as CSV."""
    counts = counts_of(anatomy, stratification)
    frame = counts.frame()
    left, right = st.columns(2)
    split = left.segmented_control(
        "Split by",
        ["kind", "role"],
        default="kind",
        required=True,
        key="explore_split",
        persist_state="session",
        help="Kind: bias, LoRA adapter or weight. Role: what the parameters do in their layer, such as query.",
    )
    scale = right.segmented_control(
        "Scale",
        layers.SCALES,
        default="linear",
        required=True,
        key="explore_scale",
        persist_state="session",
        help="On the log scale each step up is ten times as much; small and large fit on one chart.",
    )
    figure = (
        layers.by_kind(frame, scale) if split == "kind" else layers.by_role(by_role(anatomy, stratification), scale)
    )
    st.plotly_chart(
        figure,
        key="explore_layers_chart",
        config={"displayModeBar": False},
        alt=f"{counts.trainable:,} trained parameters, layer by layer; the table below has them all.",
    )
    st.caption(f"All columns together: {counts.trainable:,}. Hover a column for its exact numbers.")
    notes(anatomy, stratification)
    with st.expander("The same as a table", key="explore_table", on_change="rerun") as table:
        if table.open:
            st.dataframe(frame.drop(columns=["row", "layer"]), hide_index=True, key="explore_table_frame")
    download(
        "Download as CSV",
        lambda: frame.to_csv(index=False),
        f"{anatomy.name}-{counts.name}.csv".replace("/", "-"),
        key="explore_csv",
    )

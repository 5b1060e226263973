"""Home: what SPAFIT is, where to go, what runs now."""

import streamlit as st

from spafit.stratification import Method, preset
from spafit.ui.components.frame import frame
from spafit.ui.components.picture import picture
from spafit.ui.runs.list import runs_now

CARDS = (
    ("pages/explore.py", "Explore", ":material/layers:", "Move the two boundaries and see what each layer trains."),
    ("pages/train.py", "Train", ":material/play_circle:", "Fine-tune a small model here and watch it learn."),
    ("pages/runs.py", "Runs", ":material/monitoring:", "Find every run again, compare, download."),
)

frame("spafit", "")
st.markdown(
    "Teach a pretrained Transformer a new task while most of it stays as it is. **SPAFIT** does so by strata: the "
    "lowest layers are frozen, the middle ones train only their bias terms (**BitFit**), the top ones also get a pair "
    "of small matrices beside each chosen large one (**LoRA**). Two boundaries decide which layer does what."
)
st.html(picture(preset(Method.SPAFIT, 12)))

st.subheader("Start here")
for number, (column, (path, label, icon, what)) in enumerate(zip(st.columns(len(CARDS)), CARDS, strict=True), 1):
    with column.container(border=True, height="stretch"):
        st.page_link(path, label=f"**{number}. {label}**", icon=icon)
        st.markdown(what)

st.subheader("Running now")
runs_now()

"""About: what the project is built on, where its models and texts come from, and under which licences."""

import streamlit as st

from spafit import __version__
from spafit.provenance import assets
from spafit.ui.administrator import administrator
from spafit.ui.components.frame import ROOT, frame
from spafit.ui.disk import disk_use

frame("About", ":material/info:")
st.markdown(
    f"spafit {__version__} draws, counts and trains SPAFIT, Stratified Progressive Adaptation Fine-tuning "
    "(Samir Arora and Liangliang Wang 2024, [arXiv 2405.00201](https://arxiv.org/abs/2405.00201)), which builds on "
    "BitFit (Ben Zaken and others 2022, [arXiv 2106.10199](https://arxiv.org/abs/2106.10199)) and "
    "LoRA (Hu and others 2021, [arXiv 2106.09685](https://arxiv.org/abs/2106.09685))."
)

st.subheader("Bundled weights and texts")
for asset in assets():
    with st.container(border=True):
        st.markdown(f"**{asset.title}**")
        st.markdown(f"{asset.what}\n\nFrom: {asset.origin}\n\nLicence: {asset.license}")
        st.caption(f"{asset.note} Carried by the Python package {asset.package} {asset.version}.")
        with st.expander("SHA-256 checksums"):
            st.code("\n".join(f"{digest}  {name}" for name, digest in asset.files.items()), language=None)

disk_use()
administrator()

st.subheader("Licence of this project")
st.text((ROOT / "LICENSE").read_text("utf-8"))

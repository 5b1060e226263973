"""What the data folder takes on disk, on a page."""

import streamlit as st

from spafit.quantities import bytes_text
from spafit.runs import Store, disk
from spafit.runs.limits import WEIGHTS_GB
from spafit.ui.components.errors import showing_errors


def disk_use() -> None:
    """Draw sizes by what they are for; not where they are."""
    st.subheader("Disk")
    with showing_errors():
        use = disk.use(Store.open())
        sizes = {
            "Saved weights": f"{bytes_text(use.weights)} of {bytes_text(WEIGHTS_GB.value() * 1e9)}",
            "Run logs": bytes_text(use.logs),
            "Database": bytes_text(use.database),
            "Caches": bytes_text(use.cache),
            "Data sets": bytes_text(use.datasets),
            "Free": bytes_text(use.free),
        }
        st.markdown("  \n".join(f"{part}: {size}" for part, size in sizes.items()))

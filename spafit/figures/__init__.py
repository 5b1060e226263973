"""Data frames in, plotly figures out; no streamlit. Colors come from `spafit.palette`."""

from spafit.figures.curves import CURVE_COLUMNS, curve_frame, curves

__all__ = ["CURVE_COLUMNS", "curve_frame", "curves"]

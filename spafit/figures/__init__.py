"""Data frames in, plotly figures out; no streamlit. Colors come from `spafit.palette`."""

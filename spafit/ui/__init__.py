"""What the pages share: frame, session state, widgets, components. The only package code that imports streamlit."""

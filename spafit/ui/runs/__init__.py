"""The Runs page and what shows a run."""

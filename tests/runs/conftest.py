"""The fixtures of `tests/runs/fixtures.py`, which tests of the command line use too."""

from tests.runs.fixtures import scripted_runs, store

__all__ = ["scripted_runs", "store"]

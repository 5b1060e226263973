"""Commands that train do so with scripted runs."""

from tests.runs.fixtures import scripted_runs

__all__ = ["scripted_runs"]

"""Imports nothing ahead of a run."""


def preload() -> None:
    """Do nothing."""

"""Trying out what a run has learned."""

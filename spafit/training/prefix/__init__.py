"""Frozen layers computed once."""

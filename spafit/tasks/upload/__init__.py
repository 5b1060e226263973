"""Data sets that people bring."""

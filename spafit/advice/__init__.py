"""Advice: cheap proposals of where the boundaries should be, and how good they turn out on a measured map."""

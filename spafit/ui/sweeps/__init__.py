"""Sweeps on the pages: choosing what is trained, launching it, and following it."""

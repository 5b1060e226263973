"""The training engine: settings and events here need no torch; `loop` does the work."""

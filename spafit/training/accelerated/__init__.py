"""The fast kernels of the engine."""

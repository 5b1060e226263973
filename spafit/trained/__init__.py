"""What a run learned, as a model again: put together, faded, and measured against what was there before."""

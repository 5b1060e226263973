"""Pretrained models: their families, the table of their tensors, and where they come from."""

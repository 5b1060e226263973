"""Explore, count and fine-tune stratified adaptations of pretrained Transformers (SPAFIT, arXiv 2405.00201)."""

__version__ = "0.1.0"

"""One colour for one thing, everywhere: pages, figures, ribbon and docs. Recipes and roles bring their own.

The hues are Okabe and Ito's (2008), which people with any common colour vision deficiency can tell apart.
"""

TEXT_ON_COLOR = "#10151C"
"""Reads on every recipe's colour at a contrast of at least 4.5:1 (a test)."""
KIND_COLORS = {"bias": "#E69F00", "lora": "#0072B2", "weight": "#CC79A7", "frozen": "#A9B8CC"}
KIND_LABELS = {"bias": "Biases", "lora": "LoRA adapters", "weight": "Weights", "frozen": "Frozen"}
"""Of parameters, by what they are, as `spafit.counting.Row` counts them."""

"""One colour for one thing, everywhere: pages, figures, ribbon and docs. Recipes and roles bring their own.

The hues are Okabe and Ito's (2008), which people with any common colour vision deficiency can tell apart.
"""

TEXT_ON_COLOR = "#10151C"
"""Reads on every recipe's colour at a contrast of at least 4.5:1 (a test)."""
KIND_COLORS = {"bias": "#A6761D", "lora": "#2F6DB5", "weight": "#A14F86", "frozen": "#8793A1"}
KIND_LABELS = {"bias": "Biases", "lora": "LoRA adapters", "weight": "Weights", "frozen": "Frozen"}
"""Of parameters, by what they are, as `spafit.counting.Row` counts them."""
CURVE_COLORS = {"training": "#8C8C8C", "validation": "#C0392B", "metric": "#6F5BD3"}
"""Within one run: its training loss, its validation loss, its metric."""
RUN_COLORS = ("#4477AA", "#EE6677", "#228833", "#997700", "#AA3377", "#33A5B5")
"""Of runs that are compared, in order; all read on light and on dark."""

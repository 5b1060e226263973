"""One colour for one thing, everywhere: pages, figures, ribbon and docs.

The hues are Okabe and Ito's (2008), which people with any common colour vision deficiency can tell apart; each comes
with the text colour that reads on it at a contrast of at least 4.5:1.
"""

from spafit.stratification import Recipe

RECIPE_COLORS = {
    Recipe.FROZEN: "#A9B8CC",
    Recipe.BIAS: "#E69F00",
    Recipe.LORA: "#56B4E9",
    Recipe.LORA_BIAS: "#009E73",
    Recipe.FULL: "#CC79A7",
}
RECIPE_TEXT_COLORS = dict.fromkeys(Recipe, "#10151C")
RECIPE_LABELS = {
    Recipe.FROZEN: "Frozen",
    Recipe.BIAS: "BitFit",
    Recipe.LORA: "LoRA",
    Recipe.LORA_BIAS: "LoRA + BitFit",
    Recipe.FULL: "Full",
}
RECIPE_MEANINGS = {
    Recipe.FROZEN: "nothing is trained",
    Recipe.BIAS: "only the bias terms are trained",
    Recipe.LORA: "small low-rank pairs beside the chosen matrices are trained",
    Recipe.LORA_BIAS: "low-rank pairs and the bias terms are trained",
    Recipe.FULL: "every weight and bias is trained",
}
KIND_COLORS = {"bias": "#E69F00", "lora": "#0072B2", "weight": "#CC79A7", "frozen": "#A9B8CC"}
KIND_LABELS = {"bias": "Biases", "lora": "LoRA pairs", "weight": "Weights", "frozen": "Frozen"}

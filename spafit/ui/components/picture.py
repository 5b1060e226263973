"""SPAFIT in one picture: what is trained in each layer, from the text on the left to the label on the right."""

from spafit.palette import KIND_COLORS, TEXT_ON_COLOR
from spafit.stratification import MATRIX_ROLES, Recipe, Role, Stratification, Stratum
from spafit.ui.components.text import JOINER

_CSS = f"""<style>
.strata{{display:flex;gap:10px;align-items:stretch;max-width:60rem}}
.strata .part{{display:flex;flex-direction:column;gap:6px;min-width:2.3rem}}
.strata .stratum{{min-width:4.8rem}}
.strata .cells{{display:flex;gap:3px;height:120px}}
.strata .cell{{flex:1;min-width:0;display:flex;flex-direction:column;gap:3px;position:relative}}
.strata .weight{{flex:1;border-radius:3px;background:{KIND_COLORS["frozen"]};position:relative}}
.strata .bias,.strata .norm{{height:12px;border-radius:3px;background:{KIND_COLORS["bias"]}}}
.strata .norm{{background:{KIND_COLORS["weight"]}}}
.strata .pair{{position:absolute;left:18%;right:18%;top:12%;bottom:12%;display:flex;flex-direction:column;
  justify-content:space-between}}
.strata .pair i{{display:block;height:30%;border-radius:2px;background:{KIND_COLORS["lora"]}}}
.strata .new{{flex:1;border-radius:3px;background:{KIND_COLORS["weight"]}}}
.strata .band{{border-radius:4px;padding:4px 6px;font-size:.8rem;line-height:1.25;min-height:2.3em;
  display:flex;flex-direction:column;justify-content:center}}
.strata .band b{{font-weight:600}}
.strata .end{{font-size:.8rem;line-height:1.25;padding:4px 0}}
.strata-key{{display:flex;flex-wrap:wrap;gap:4px 16px;font-size:.85rem;margin-top:10px}}
.strata-key i{{display:inline-block;width:.8em;height:.8em;border-radius:2px;margin-right:.4em}}
@media (max-width:640px){{
  .strata{{gap:5px}} .strata .cells{{gap:2px;height:96px}} .strata .band,.strata .end{{font-size:.72rem}}
  .strata .band{{padding:4px}} .strata .stratum{{min-width:3.9rem}}
}}
</style>"""


def picture(stratification: Stratification, explained: bool = True) -> str:
    """HTML (fixed text and numbers only) of a stratification's layers with what each trains; a key if `explained`."""
    strata = [stratum for stratum in stratification.strata() if stratum.size]
    head = stratification.head.fresh
    parts = [
        _end("Text", "in", _cell(stratification.embeddings)),
        *map(_stratum, strata),
        _end("Label", "out", _cell(head, small=False)),
    ]
    meaning = "; ".join(f"{stratum.span}: {stratum.recipe.description.meaning}" for stratum in strata)
    recipes = {stratification.embeddings, *(stratum.recipe for stratum in strata)}
    shown = {
        "frozen": "pretrained, frozen",
        "bias": "biases, trained" if any(recipe.trains_bias for recipe in recipes) else "",
        "lora": "LoRA adapters, trained" if stratification.uses_lora else "",
        "weight": "weights, trained"
        if any(recipe.trains_weight for recipe in recipes)
        else "new classifier, trained"
        if head.trains_weight
        else "",
    }
    key = "".join(
        f'<span><i style="background:{KIND_COLORS[kind]}"></i>{text}</span>' for kind, text in shown.items() if text
    )
    drawn = f'{_CSS}<div class="strata" role="img" aria-label="{meaning}">{"".join(parts)}</div>'
    return drawn + (f'<div class="strata-key" aria-hidden="true">{key}</div>' if explained else "")


def _cell(recipe: Recipe, small: bool = True) -> str:
    """Return a part of the model: its matrices with adapters on them, and below what is small, biases and norms."""
    pair = '<div class="pair"><i></i><i></i></div>' if recipe.has_lora else ""
    matrices = recipe.trains("weight", (*MATRIX_ROLES, Role.CLASSIFIER))
    strip = "bias" if recipe.trains_bias else "norm" if recipe.trains("weight", (Role.NORM,)) else ""
    below = f'<div class="{strip}"></div>' if small and strip else ""
    return f'<div class="cell"><div class="{"new" if matrices else "weight"}">{pair}</div>{below}</div>'


def _stratum(stratum: Stratum) -> str:
    colors = f"background:{stratum.recipe.color};color:{TEXT_ON_COLOR}"
    return (
        f'<div class="part stratum" style="flex:{stratum.size}">'
        f'<div class="cells">{_cell(stratum.recipe) * stratum.size}</div>'
        f'<div class="band" style="{colors}"><b>{stratum.recipe.label}</b>'
        f"<span>{stratum.span.replace('–', f'{JOINER}–{JOINER}')}</span></div></div>"
    )


def _end(first: str, second: str, cell: str) -> str:
    return (
        f'<div class="part" style="flex:1.1"><div class="cells">{cell}</div>'
        f'<div class="end"><b>{first}</b><br>{second}</div></div>'
    )

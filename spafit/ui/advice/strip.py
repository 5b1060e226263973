"""An advisor's answer along the stack, as HTML: a column a layer, as high as its score, in its method's colour."""

from collections.abc import Sequence

from spafit.stratification import Method, Stratification, preset

CSS = """<style>
.advice{display:flex;gap:2px;align-items:stretch;height:46px;max-width:44rem}
.advice div{flex:1;min-width:1px;display:flex;flex-direction:column;justify-content:flex-end;border-radius:2px;
  background:color-mix(in srgb,currentColor 7%,transparent)}
.advice i{display:block;border-radius:2px;min-height:3px}
.advice-ends{display:flex;justify-content:space-between;font-size:.75rem;opacity:.7;max-width:44rem}
.advice-key{display:flex;flex-wrap:wrap;gap:4px 16px;font-size:.85rem}
.advice-key i{display:inline-block;width:.8em;height:.8em;border-radius:2px;margin-right:.4em}
</style>"""
_UNDECIDED = "#8793A1"
_FREE_HEIGHT = 60
"""Percent, of a layer whose advisor has no scores."""


def strip(scores: Sequence[float | None] | None, proposal: Stratification | None, num_layers: int) -> str:
    """Return the picture, of numbers and fixed words only.

    Args:
        scores: layer 1 first; None for a layer without one, or for an advisor that scores no layers.
        proposal: whose methods colour the layers; None where there is none.
        num_layers: depth of the model.
    """
    known = [score for score in scores or () if score is not None]
    low, high = (min(known), max(known)) if known else (0.0, 0.0)
    columns = []
    for layer in range(1, num_layers + 1):
        score = scores[layer - 1] if scores else None
        color, method = _UNDECIDED, "no proposal"
        if proposal is not None:
            recipe = next(one.recipe for one in proposal.strata() if layer in one.layers)
            color, method = recipe.color, recipe.label
        title = f"layer {layer}: {method}" + (f", score {score:.4g}" if score is not None else "")
        height = _FREE_HEIGHT if not known else 0 if score is None else 12 + 88 * _share(score, low, high)
        columns.append(f'<div title="{title}"><i style="height:{height:.0f}%;background:{color}"></i></div>')
    said = "the stack, layer 1 on the left" + (", a column's height is the layer's score" if known else "")
    ends = f'<div class="advice-ends" aria-hidden="true"><span>layer 1</span><span>layer {num_layers}</span></div>'
    return f'<div class="advice" role="img" aria-label="{said}">{"".join(columns)}</div>{ends}'


def _share(score: float, low: float, high: float) -> float:
    return (score - low) / (high - low) if high > low else 1.0


def key() -> str:
    """Return the colours' meaning."""
    recipes = [stratum.recipe for stratum in preset(Method.SPAFIT, 3, 1, 2).strata()]
    swatch = '<i style="background:{}"></i>'
    parts = [f"<span>{swatch.format(recipe.color)}{recipe.label}</span>" for recipe in recipes]
    parts.append(f"<span>{swatch.format(_UNDECIDED)}no proposal</span>")
    return f'<div class="advice-key">{"".join(parts)}</div>'

"""Who advises: what each advisor looks at, where it is from, and what is known against it. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Advisor:
    """An advisor as a page presents it."""

    key: str
    name: str
    looks_at: str
    source: str
    against: str
    """What is known against it, in one sentence."""


MEASURED = (
    Advisor(
        "cka",
        "Similarity of input and output",
        "1 − CKA between what goes into a layer and what comes out of it, at the token that the head reads",
        "Ogawa et al. 2026, arXiv 2602.05988",
        "It sees the pretrained model only: a layer that changes much now need not be one that has to change.",
    ),
    Advisor(
        "gradient",
        "Gradient norm over weight norm",
        "the norm of the loss's gradient at a layer's weights over the norm of those weights, before training",
        "Lee et al. 2022 (surgical fine-tuning), arXiv 2210.11466",
        "The gradient passes through a fresh head that knows nothing yet, so part of it is that head's chance.",
    ),
    Advisor(
        "kappa",
        "Condition numbers of the weights",
        "the mean rank of a layer's matrices by condition number, the lowest first",
        "KappaTune, in PEFT: find_kappa_target_modules",
        "It looks at no text: the advice is the same for every task.",
    ),
)
FREE = (
    Advisor(
        "thirds",
        "Thirds",
        "nothing: boundaries at thirds of the depth",
        "the default of this project",
        "It is the same for every model and task.",
    ),
    Advisor(
        "last_quarter",
        "Last quarter",
        "nothing: LoRA and biases in the last quarter of the layers only",
        "Lee et al. 2019, arXiv 1911.03090",
        "It was found with full fine-tuning of the layers, not with biases or LoRA.",
    ),
)
CONTROLS = (
    Advisor(
        "reversed",
        "Reversed",
        "an advisor's scores with the stack turned over",
        "a control",
        "An advisor that is no better than this has learned nothing about the layers.",
    ),
    Advisor("random", "Random", "nothing: any cell within the budget", "a control", "Chance."),
)

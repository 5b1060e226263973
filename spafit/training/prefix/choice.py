"""Whether keeping the frozen prefix's states is worth it, and where they fit. Pure; no torch."""

from __future__ import annotations

from dataclasses import dataclass

from spafit.quantities import bytes_text
from spafit.training.events import AutomaticChoice

SUBJECT = "Frozen-prefix cache"
DISK_BYTES_PER_SECOND = 0.5e9  # writing, flushed; a modest solid-state disk
MEMORY_BYTES_PER_SECOND = 4e9  # gathering a batch out of memory or a mapped file


@dataclass(frozen=True)
class PrefixFacts:
    """What the decision rests on. Bytes and seconds are estimates for all splits together."""

    depth: int  # layers from the bottom that never change
    size: int  # bytes of their states
    compute_seconds: float  # to compute them once
    recompute_seconds: float  # that a run without cache spends on them
    memory: int  # bytes of memory that may be used
    disk: bool  # whether a file of `size` may be stored
    stored: bool  # whether an earlier run has left them on the disk


@dataclass(frozen=True)
class PrefixChoice:
    """What to do, and what is said of it; nothing where there was no choice."""

    use: bool
    in_memory: bool  # read into memory; otherwise mapped from the file
    on_disk: bool
    automatic: AutomaticChoice | None


def choose_prefix(setting: str, frozen_dropout: bool, facts: PrefixFacts) -> PrefixChoice:
    """Decide about the prefix cache; `setting` is "auto", "on" or "off"."""
    layers = "layer 1" if facts.depth == 1 else f"layers 1–{facts.depth}"
    if setting == "off":
        return _no("off, as asked", f"{layers} recomputed in every pass") if facts.depth else _no()
    if facts.depth == 0:
        return _no("none", "something trains below or in layer 1, so no layer's output is constant")
    if frozen_dropout:
        return _no("none", f"dropout in the frozen layers makes the output of {layers} change in every pass")
    size = bytes_text(facts.size)
    in_memory = facts.size <= facts.memory
    if not in_memory and not facts.disk:
        return _no("none", f"the states of {layers} would take {size}, more than memory and disk have to spare")
    # What an earlier run has stored does not enter the decision: a run takes the same path whenever it is repeated.
    cost = facts.compute_seconds + facts.size / MEMORY_BYTES_PER_SECOND
    cost += facts.size / DISK_BYTES_PER_SECOND if facts.disk else 0.0
    saved = facts.recompute_seconds - cost
    if setting == "auto" and saved <= 0:
        return _no(
            "none",
            f"computing {layers} once and keeping them ({size}) would take about as long as recomputing them in "
            "this short run",
        )
    if facts.stored:
        return _yes(in_memory, True, f"{layers} read back from an earlier run ({size})", "nothing is computed")
    where = "in memory" if in_memory else "in a file on disk"
    reason = f"estimated to save {max(0.0, saved):.1f} s"
    return _yes(in_memory, facts.disk, f"{layers} computed once and kept {where} ({size})", reason)


def _yes(in_memory: bool, on_disk: bool, choice: str, reason: str) -> PrefixChoice:
    return PrefixChoice(True, in_memory, on_disk, AutomaticChoice(SUBJECT, choice, reason))


def _no(choice: str = "", reason: str = "") -> PrefixChoice:
    return PrefixChoice(False, False, False, AutomaticChoice(SUBJECT, choice, reason) if choice else None)

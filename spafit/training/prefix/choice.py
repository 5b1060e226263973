"""Whether keeping the frozen prefix's states is worth it, and where they fit. Pure; no torch."""

from __future__ import annotations

from dataclasses import dataclass

from spafit.quantities import bytes_text

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
    """What to do, and the sentence that says so."""

    use: bool
    in_memory: bool  # read into memory; otherwise mapped from the file
    on_disk: bool
    sentence: str


def choose_prefix(setting: str, frozen_dropout: bool, facts: PrefixFacts) -> PrefixChoice:
    """Decide about the prefix cache; `setting` is "auto", "on" or "off"."""
    layers = "layer 1" if facts.depth == 1 else f"layers 1–{facts.depth}"
    if setting == "off":
        return _no(f"Prefix cache off, as asked: {layers} recomputed in every pass." if facts.depth else "")
    if facts.depth == 0:
        return _no("No prefix cache: something trains below or in layer 1, so no layer's output is constant.")
    if frozen_dropout:
        return _no(f"No prefix cache: dropout in the frozen layers makes the output of {layers} change in every pass.")
    size = bytes_text(facts.size)
    in_memory = facts.size <= facts.memory
    if not in_memory and not facts.disk:
        return _no(
            f"No prefix cache: the states of {layers} would take {size}, more than memory and disk have to spare."
        )
    # What an earlier run has stored does not enter the decision: a run takes the same path whenever it is repeated.
    cost = facts.compute_seconds + facts.size / MEMORY_BYTES_PER_SECOND
    cost += facts.size / DISK_BYTES_PER_SECOND if facts.disk else 0.0
    saved = facts.recompute_seconds - cost
    if setting == "auto" and saved <= 0:
        return _no(
            f"No prefix cache: computing {layers} once and keeping them ({size}) would take about as long as "
            "recomputing them in this short run."
        )
    if facts.stored:
        sentence = f"Prefix cache: {layers} read back from an earlier run ({size})."
        return PrefixChoice(True, in_memory, True, sentence)
    where = "in memory" if in_memory else "in a file on disk"
    sentence = f"Prefix cache: {layers} computed once and kept {where} ({size})"
    return PrefixChoice(True, in_memory, facts.disk, f"{sentence}, estimated to save {max(0.0, saved):.1f} s.")


def _no(sentence: str) -> PrefixChoice:
    return PrefixChoice(False, False, False, sentence)

"""Every part's results as one table."""

from __future__ import annotations

from typing import Any

from benchmarks.reporting import table

SHOWN = 4
HIDDEN = ("losses", "where", "profile", "ok", "failed", "skipped")


def show(parts: list[dict[str, Any]]) -> bool:
    """Print the table; return whether every part came to its end and no check failed."""
    rate = next((p["results"]["bf16 product"] for p in parts if "bf16 product" in p["results"]), {})
    rows, well = [], bool(parts)
    for part in parts:
        well = well and part["state"] == "done"
        if part["state"] != "done":
            rows.append((part["part"], "", "-", part["state"]))
        for name, found in part["results"].items():
            verdict, line = _line(found, rate.get("flops_per_second"))
            well = well and verdict != "FAILED"
            rows.append((part["part"], name, verdict, line))
    print()
    table(("part", "what", "", "found"), rows)
    return well


def _line(found: dict[str, Any], rate: float | None) -> tuple[str, str]:
    if "skipped" in found:
        return "skipped", found["skipped"]
    verdict = {True: "holds", False: "FAILED", None: "measured"}[found.get("ok")]
    if "failed" in found:
        return verdict, found["failed"][:120]
    shown = {key: value for key, value in found.items() if key not in HIDDEN}
    if rate and "flops_per_second" in shown:
        shown = {"share_of_bf16_rate": shown["flops_per_second"] / rate} | shown
    ahead = ("steps_per_second", "seconds", "share_of_bf16_rate")
    order = sorted(shown, key=lambda key: key not in ahead)
    return verdict, ", ".join(f"{key.replace('_', ' ')} {_said(shown[key])}" for key in order[:SHOWN])


def _said(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)[:100]

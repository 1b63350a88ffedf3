"""Latency figures. All times are milliseconds."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Any


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which `share` (0..1) of `values` lie, linearly interpolated."""
    if len(values) == 1:
        return values[0]
    cuts = statistics.quantiles(values, n=1000, method="inclusive")
    return cuts[min(998, max(0, round(share * 1000) - 1))]


def summary(values: Sequence[float]) -> dict[str, Any]:
    """{"n", "p50_ms", "p95_ms", "max_ms"}, rounded to 0.01 ms."""
    return {
        "n": len(values),
        "p50_ms": round(percentile(values, 0.50), 2),
        "p95_ms": round(percentile(values, 0.95), 2),
        "max_ms": round(max(values), 2),
    }


def bands(values: Sequence[float], width: int = 100) -> list[dict[str, Any]]:
    """`values` in order, summarised per `width` of them: [{"from": 1, "to": 100, "n", "p50_ms", …}, …]."""
    return [
        {"from": start + 1, "to": start + len(part), **summary(part)}
        for start in range(0, len(values), width)
        if (part := values[start : start + width])
    ]


def growth(values: Sequence[float], width: int = 100) -> float:
    """Median of the last band over the median of the first: 1.0 does not grow."""
    return round(statistics.median(values[-width:]) / statistics.median(values[:width]), 2)

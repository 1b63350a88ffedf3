"""Figures for operators, as Prometheus shows them at /metrics. No label ever carries a person or a conversation."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

ACCEPTED = Counter("jzt_messages_accepted_total", "Inbound messages stored", ["channel", "kind"])
REJECTED = Counter("jzt_messages_rejected_total", "Inbound messages refused, by reason", ["reason"])
TURN_SECONDS = Histogram(
    "jzt_turn_seconds",
    "From taking a message up to its committed reply",
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
UNDERSTOOD = Counter("jzt_understood_total", "Messages understood, by source", ["source"])
TURN_FAILURES = Counter("jzt_turn_failures_total", "Messages whose turn ended in an internal error")
REDONE = Counter("jzt_turns_redone_total", "Turns computed again because the state or the mode had moved")
CASES = Counter("jzt_cases_submitted_total", "Applications submitted")
HANDOFFS = Counter("jzt_handoffs_total", "Requests for a person", ["urgent"])
DELIVERIES = Counter("jzt_deliveries_total", "Messages to push channels, by result", ["channel", "result"])
WAITING = Gauge("jzt_handoffs_waiting", "Conversations waiting for a person")

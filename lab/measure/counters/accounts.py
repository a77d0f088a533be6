"""What a ledger lists and what it demands, as tables.

Each count has a name, by which the equations refer to it. They hold between two quiet moments,
as long as nothing was restarted and every attempt was answered.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from lab.measure.counters import samples
from lab.measure.counters.samples import Metric

if TYPE_CHECKING:
    from collections.abc import Mapping


class Entry(msgspec.Struct, frozen=True):
    """A count: who counts (``party``) what, and where that can be read."""

    name: str
    party: str
    what: str
    metric: Metric


_A, _B = "service A", "service B"
_IN, _OUT = "sidecar, ingress", "sidecar, egress"
SERVICES = (
    Entry("a_succeeded", _A, "answered with 200", samples.A_SUCCEEDED),
    Entry("a_failed", _A, "answered with 500", samples.A_FAILED),
    Entry("b_succeeded", _B, "answered with 200", samples.B_SUCCEEDED),
    Entry("b_failed", _B, "answered with 500", samples.B_FAILED),
)
SIDECAR = (
    Entry("ingress_received", _IN, "requests received", samples.INGRESS_RECEIVED),
    Entry("ingress_forwarded", _IN, "requests sent on to A", samples.INGRESS_FORWARDED),
    Entry(
        "ingress_connect_failures",
        _IN,
        "connections to A that failed",
        samples.INGRESS_CONNECT_FAILURES,
    ),
    Entry("egress_received", _OUT, "requests received from A", samples.EGRESS_RECEIVED),
    Entry("attempts", _OUT, "attempts sent to B, first ones and retries", samples.ATTEMPTS),
    Entry("final", _OUT, "final answers given to A", samples.FINAL),
    Entry("final_failed", _OUT, "final answers with 5xx", samples.FINAL_FAILED),
    Entry("retries", _OUT, "retries", samples.RETRIES),
    Entry("retried_answers", _OUT, "answers that led to a retry", samples.RETRIED_ANSWERS),
    Entry("retry_successes", _OUT, "retries that succeeded", samples.RETRY_SUCCESSES),
    Entry(
        "retry_overflow",
        _OUT,
        "retries suppressed by the circuit breaker",
        samples.RETRY_OVERFLOW,
    ),
    Entry(
        "retry_limit_exceeded",
        _OUT,
        "failures with no retry left",
        samples.RETRY_LIMIT_EXCEEDED,
    ),
    Entry("timeouts", _OUT, "requests given up as too late", samples.TIMEOUTS),
    Entry(
        "pending_overflow",
        _OUT,
        "requests refused for want of a connection",
        samples.PENDING_OVERFLOW,
    ),
    Entry("unsent", _OUT, "attempts not sent as no connection was made", samples.UNSENT),
    Entry("connect_failures", _OUT, "connections to B that failed", samples.CONNECT_FAILURES),
    Entry("broken_off", _OUT, "connections that B closed before its answer", samples.BROKEN_OFF),
)


class Equation(msgspec.Struct, frozen=True):
    """A claim in words, and as the sums of the counts named on both sides."""

    name: str
    claim: str
    left: tuple[str, ...]
    right: tuple[str, ...]


A_TOTAL = ("a_succeeded", "a_failed")
B_TOTAL = ("b_succeeded", "b_failed")
_COMMON = (
    Equation(
        "client=a",
        "service A counted what the client sent",
        ("client_sent",),
        A_TOTAL,
    ),
    Equation(
        "client-success=a-success",
        "the client saw as many successes as service A counted",
        ("client_succeeded",),
        ("a_succeeded",),
    ),
)
DIRECT_EQUATIONS = (
    *_COMMON,
    Equation("a=b", "service B counted what service A sent", A_TOTAL, B_TOTAL),
    Equation(
        "a-failures=b-failures",
        "each failure of service B became one of service A",
        ("a_failed",),
        ("b_failed",),
    ),
)
SIDECAR_EQUATIONS = (
    *_COMMON,
    Equation(
        "client=ingress",
        "all of the client's requests came through the sidecar",
        ("client_sent",),
        ("ingress_received",),
    ),
    Equation(
        "ingress=a",
        "service A counted what the sidecar sent on to it",
        ("ingress_forwarded",),
        A_TOTAL,
    ),
    Equation(
        "a=egress",
        "all of service A's requests left through the sidecar",
        A_TOTAL,
        ("egress_received",),
    ),
    Equation(
        "egress=final",
        "the sidecar answered each of them once",
        ("egress_received",),
        ("final",),
    ),
    Equation(
        "attempts=final+retries",
        "each request was one attempt, and one more for every retry",
        ("attempts", "unsent"),
        ("final", "retries"),
    ),
    Equation("attempts=b", "service B counted every attempt", ("attempts",), B_TOTAL),
    Equation(
        "retries=retried-answers",
        "each retry followed an answer of service B",
        ("retries",),
        ("retried_answers",),
    ),
    Equation(
        "final-failures=leaks",
        "whatever failed in the end had no retry left, or its retry was suppressed",
        ("final_failed",),
        ("retry_limit_exceeded", "retry_overflow"),
    ),
    Equation(
        "a-failures=final-failures",
        "service A failed those requests that failed in the end, and no others",
        ("a_failed",),
        ("final_failed",),
    ),
    Equation(
        "b-failures=retried+final-failures",
        "each failure of service B was retried or final",
        ("b_failed",),
        ("retried_answers", "final_failed"),
    ),
    Equation(
        "b-successes=a-successes",
        "each success of service B became one of service A",
        ("b_succeeded",),
        ("a_succeeded",),
    ),
)


def total(counts: Mapping[str, int | None], names: tuple[str, ...]) -> int | None:
    """The sum of the counts with these names; None when one of them was not measured."""
    values = [counts[name] for name in names]
    known = [value for value in values if value is not None]
    return sum(known) if len(known) == len(values) else None

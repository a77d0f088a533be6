"""Sentences about what is remarkable in a ledger: gaps, leaks, and the traffic of others."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from lab.measure.counters.accounts import A_TOTAL, B_TOTAL, total
from lab.measure.counters.samples import REMAINING_RETRIES, UNDER_WAY

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from lab.measure.counters.samples import Growth

    Counts: TypeAlias = Mapping[str, int | None]

_LEAKS = (
    (
        "retry_limit_exceeded",
        "request",
        "failed with no retry left (upstream_rq_retry_limit_exceeded)",
    ),
    ("timeouts", "request", "took longer than the sidecar waits (upstream_rq_timeout)"),
    (
        "pending_overflow",
        "request",
        "found the sidecar's queue for connections full (upstream_rq_pending_overflow)",
    ),
    (
        "connect_failures",
        "connection",
        "from the sidecar to service B failed (upstream_cx_connect_fail)",
    ),
    (
        "broken_off",
        "connection",
        "ended at service B before its answer (upstream_cx_destroy_remote_with_active_rq)",
    ),
    (
        "ingress_connect_failures",
        "connection",
        "from the sidecar to service A failed (upstream_cx_connect_fail)",
    ),
)


def notes(failed: Mapping[str, int], growth: Growth, counts: Counts) -> Iterator[str]:
    """Say what a reader should know.

    ``failed`` are the client's failures by kind, ``counts`` those of the ledger by name.
    """
    yield from _gaps(growth)
    yield from _unrest(growth)
    yield from _overflow(growth, counts)
    for name, noun, what in _LEAKS:
        count = counts.get(name)
        if count:
            yield f"{_number(count, noun)} {what}"
    yield from _lost(failed, counts)
    yield from _others(counts)


def _gaps(growth: Growth) -> Iterator[str]:
    for scrape in growth.after.scrapes:
        if growth.restarted(scrape.job, scrape.instance):
            yield (
                f"{scrape.name} was restarted in between: its counters began again at 0, "
                "so what it counted is not known"
            )
    for when, snapshot in (("before", growth.before), ("after", growth.after)):
        for scrape in snapshot.scrapes:
            if scrape.problem:
                yield f"{scrape.name} was not scraped {when} the load: {scrape.problem}"
            for name, why in scrape.unusable.items():
                yield f"{scrape.name} has a {name} that {why}, {when} the load: it is not measured"


def _unrest(growth: Growth) -> Iterator[str]:
    for when, snapshot in (("before", growth.before), ("after", growth.after)):
        under_way = max(snapshot.total(metric) or 0 for metric in UNDER_WAY)
        if under_way:
            yield (
                f"the lab was not idle {when} the load: "
                f"{_number(under_way, 'request')} in flight in the sidecar"
            )


def _overflow(growth: Growth, counts: Counts) -> Iterator[str]:
    count = counts.get("retry_overflow")
    if count:
        limit = growth.before.total(REMAINING_RETRIES)
        allows = "" if limit is None else f", whose limit is {limit}"
        were = "retry was" if count == 1 else "retries were"
        yield (
            f"{count} {were} suppressed by the circuit breaker{allows} (upstream_rq_retry_overflow)"
        )


def _lost(failed: Mapping[str, int], counts: Counts) -> Iterator[str]:
    """Failures that the client saw and service A did not count as such."""
    a_failed = counts["a_failed"]
    seen = sum(failed.values())
    if a_failed is not None and seen > a_failed:
        kinds = ", ".join(f"{kind} {count}" for kind, count in sorted(failed.items()))
        yield (
            f"the client saw {_number(seen - a_failed, 'failure')} that service A did not "
            f"count; all of its failures: {kinds}"
        )


def _others(counts: Counts) -> Iterator[str]:
    """Traffic of others: a party received more than the one before it sent."""
    with_sidecar = "attempts" in counts
    sent, into_a = counts["client_sent"], total(counts, A_TOTAL)
    out_of_a, into_b = into_a, total(counts, B_TOTAL)
    if with_sidecar:
        into_a, out_of_a = counts["ingress_received"], counts["attempts"]
    for sender, out, receiver, into in (
        ("the client", sent, "service A", into_a),
        ("service A", out_of_a, "service B", into_b),
    ):
        if out is not None and into is not None and into > out:
            yield (
                f"{receiver} received {_number(into - out, 'request')} more than {sender} sent: "
                "there was other traffic"
            )


def _number(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"

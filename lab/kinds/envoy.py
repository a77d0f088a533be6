"""Envoy, each of whose listeners is a hop: the ingress, the egress.

A hop NAME is the HTTP connection manager with the ``stat_prefix`` ``NAME_http`` together with the
cluster that it routes to, which :data:`CLUSTERS` names (else it is called NAME as well). An
*attempt* is a request's first try or a retry; Envoy counts attempts and *final* answers apart.
Its counters: https://www.envoyproxy.io/docs/envoy/latest/configuration/upstream/cluster_manager/cluster_stats.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from lab.kinds.base import Endpoint, Graph, Hop, Kind, Law, Meter, Note, Program

if TYPE_CHECKING:
    from collections.abc import Callable

NAME = "envoy"
INGRESS, EGRESS = "ingress", "egress"
CLUSTERS = {INGRESS: "local_service", EGRESS: "remote_service_b"}
"""The clusters behind the hops of lab's own configuration."""

_CLUSTER = "envoy_cluster_name"


def describe(program: Program) -> Kind:
    """The kind of a container that runs Envoy."""
    return Kind(
        name=NAME,
        endpoint=Endpoint(port=9902, path="/stats/prometheus"),
        hops={hop: _hop(hop) for hop in program.hops or (INGRESS, EGRESS)},
        uptime="envoy_server_uptime",
        workers=Meter(
            metric="envoy_server_concurrency",
            what="threads that each go round the replicas on their own",
            gauge=True,
        ),
    )


def _hop(name: str) -> Hop:
    """A hop's meters; lab's ingress has no policy of retries, and none of their laws."""
    cluster = {_CLUSTER: CLUSTERS.get(name, name)}

    def counter(metric: str, what: str, *, lazy: bool = False, **labels: str) -> Meter:
        return Meter(
            metric=f"envoy_cluster_{metric}",
            labels=cluster | labels,
            what=what,
            beside=_CLUSTER if lazy else "",
        )

    def gauge(metric: str, what: str) -> Meter:
        return Meter(metric=f"envoy_cluster_{metric}", labels=cluster, what=what, gauge=True)

    plain = Hop(
        meters={
            "received": Meter(
                metric="envoy_http_downstream_rq_total",
                labels={"envoy_http_conn_manager_prefix": f"{name}_http"},
                what="requests received",
            ),
            "attempts": counter("upstream_rq_total", "attempts sent, first ones and retries"),
            "unsent": counter(
                "upstream_rq_pending_failure_eject", "attempts not sent as no connection was made"
            ),
            "final": counter("upstream_rq", "final answers", lazy=True),
            "failed": counter(
                "upstream_rq_xx",
                "final answers with 5xx",
                lazy=True,
                envoy_response_code_class="5",
            ),
            "timeouts": counter("upstream_rq_timeout", "requests given up as too late"),
            "pending_overflow": counter(
                "upstream_rq_pending_overflow", "requests refused for want of a connection"
            ),
            "connect_failures": counter("upstream_cx_connect_fail", "connections that failed"),
            "broken_off": counter(
                "upstream_cx_destroy_remote_with_active_rq",
                "connections that the other side closed before its answer",
            ),
            "active": gauge("upstream_rq_active", "requests under way"),
        },
        derived={
            "succeeded": "final - failed",
            "sent": "attempts",
            "upstream_succeeded": "final - failed",
            "upstream_failed": "failed",
        },
        laws=(
            Law(name="final", says="{hop} answered each request once", left="received",
                right="final"),
            Law(name="attempts", says="{hop} sent each request on once", left="attempts + unsent",
                right="final"),
        ),
        notes=_NOTES,
        busy="active",
    )  # fmt: skip
    return plain if name == INGRESS else _with_retries(plain, counter, gauge)


def _with_retries(
    plain: Hop, counter: Callable[..., Meter], gauge: Callable[[str, str], Meter]
) -> Hop:
    retried = counter("retry_upstream_rq", "answers that led to a retry", lazy=True)
    overflow = counter("upstream_rq_retry_overflow", "retries suppressed by the circuit breaker")
    final, _ = plain.laws
    return msgspec.structs.replace(
        plain,
        meters=plain.meters
        | {
            "retries": counter("upstream_rq_retry", "retries"),
            "retried_answers": retried,
            "retry_successes": counter("upstream_rq_retry_success", "retries that succeeded"),
            "retry_overflow": overflow,
            "retry_limit_exceeded": counter(
                "upstream_rq_retry_limit_exceeded", "failures with no retry left"
            ),
            "upstream_milliseconds": counter(
                "upstream_rq_time_sum",
                "time that requests took upstream, retries and back-offs included",
                lazy=True,
            ),
            "upstream_timed": counter(
                "upstream_rq_time_count", "requests whose time upstream is known", lazy=True
            ),
            "remaining_retries": gauge(
                "circuit_breakers_default_remaining_retries",
                "how many more retries the circuit breaker allows; at rest, its limit",
            ),
        },
        derived=plain.derived | {"upstream_failed": "retried_answers + failed"},
        laws=(
            final,
            Law(
                name="attempts",
                says="each request at {hop} was one attempt, and one more for every retry",
                left="attempts + unsent",
                right="final + retries",
            ),
            Law(
                name="retries",
                says="each retry of {hop} followed an answer that failed",
                left="retries",
                right="retried_answers",
            ),
            Law(
                name="leaks",
                says="whatever failed at {hop} had no retry left, or its retry was suppressed",
                left="failed",
                right="retry_limit_exceeded + retry_overflow",
            ),
        ),
        graphs=(Graph(meter=retried, label="envoy_response_code"), Graph(meter=overflow)),
    )


_NOTES = (
    Note(
        meter="retry_overflow",
        one="retry was",
        many="retries were",
        what="suppressed by the circuit breaker (upstream_rq_retry_overflow)",
        limit="remaining_retries",
    ),
    Note(
        meter="retry_limit_exceeded",
        one="request",
        many="requests",
        what="failed with no retry left (upstream_rq_retry_limit_exceeded)",
    ),
    Note(
        meter="timeouts",
        one="request",
        many="requests",
        what="took longer than the route allows (upstream_rq_timeout)",
    ),
    Note(
        meter="pending_overflow",
        one="request",
        many="requests",
        what="found the queue for connections full (upstream_rq_pending_overflow)",
    ),
    Note(
        meter="connect_failures",
        one="connection",
        many="connections",
        what="could not be made (upstream_cx_connect_fail)",
    ),
    Note(
        meter="broken_off",
        one="connection",
        many="connections",
        what="ended before the answer (upstream_cx_destroy_remote_with_active_rq)",
    ),
)

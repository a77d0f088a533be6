"""HAProxy, each of whose ``listen`` sections is a hop: the ingress, the egress.

Its counters: https://docs.haproxy.org/2.6/management.html#9.1. They differ from Envoy's in
meaning: a server's *sessions* are attempts, first ones and retries; there is no count of retries
(``haproxy_backend_retry_warnings_total`` counts each retry of an answer twice), so a retry is an
attempt beyond the requests received; and no limit on concurrent retries exists to be counted.
"""

from __future__ import annotations

import msgspec

from lab.kinds.base import Endpoint, Graph, Hop, Kind, Law, Meter, Program

NAME = "haproxy"
INGRESS, EGRESS = "ingress", "egress"


def describe(program: Program) -> Kind:
    """The kind of a container that runs HAProxy."""
    return Kind(
        name=NAME,
        endpoint=Endpoint(port=8405),
        hops={hop: _hop(hop) for hop in program.hops or (INGRESS, EGRESS)},
        start_time="haproxy_process_start_time_seconds",
        workers=Meter(metric="haproxy_process_nbthread", what="threads", gauge=True),
    )


def _hop(name: str) -> Hop:
    def counter(metric: str, what: str, **labels: str) -> Meter:
        return Meter(metric=f"haproxy_{metric}", labels={"proxy": name} | labels, what=what)

    answers = "backend_http_responses_total"
    plain = Hop(
        meters={
            "received": counter("frontend_http_requests_total", "requests received"),
            "attempts": counter("server_sessions_total", "attempts sent, first ones and retries"),
            "succeeded": counter(answers, "final answers with 2xx", code="2xx"),
            "failed": counter(answers, "final answers with 5xx", code="5xx"),
            "connect_failures": counter(
                "backend_connection_errors_total", "connections that failed"
            ),
            "active": Meter(
                metric="haproxy_backend_current_sessions",
                labels={"proxy": name},
                what="requests under way",
                gauge=True,
            ),
        },
        derived={
            "final": "succeeded + failed",
            "sent": "attempts",
            "upstream_succeeded": "succeeded",
            "upstream_failed": "failed",
        },
        laws=(
            Law(
                name="final",
                says="{hop} answered each request once",
                left="received",
                right="succeeded + failed",
            ),
        ),
        busy="active",
    )
    if name == INGRESS:  # which does not retry
        return plain
    return msgspec.structs.replace(
        plain,
        derived=plain.derived
        | {
            "retries": "attempts - received",
            "upstream_failed": "attempts - received + failed",
        },
        graphs=(Graph(meter=counter(answers, "final answers"), label="code"),),
    )

"""A service that answers HTTP, in the manner of the article's: it counts its answers by status.

The metric is ``NAME_requests_total`` with a label ``status`` (``2xx``, ``5xx``), NAME being the
container's name with underscores, or what its variable SERVICE_NAME says. A service that calls
another does so once for each request, and answers a failure with one of its own.
"""

from __future__ import annotations

from lab.kinds.base import METRIC, Endpoint, Graph, Hop, Kind, Meter, Program

NAME = "http_service"
PORT = 8081
"""Where services serve their metrics unless METRICS_PORT says otherwise."""


def describe(program: Program) -> Kind:
    """The kind of a service's container."""
    name = program.environment.get("SERVICE_NAME") or program.word
    metric = f"{name}_requests_total"
    port = program.environment.get("METRICS_PORT", "")
    return Kind(
        name=NAME,
        endpoint=Endpoint(port=int(port) if port.isdecimal() else PORT),
        hops={
            "": Hop(
                meters={
                    "succeeded": _answers(metric, "2xx", "answered with 200"),
                    "failed": _answers(metric, "5xx", "answered with 500"),
                },
                derived={
                    "received": "succeeded + failed",
                    "sent": "succeeded + failed",
                    "upstream_succeeded": "succeeded",
                    "upstream_failed": "failed",
                },
                graphs=(Graph(meter=Meter(metric=metric), label="status"),),
            )
        },
        start_time="process_start_time_seconds",
    )


def _answers(metric: str, status: str, what: str) -> Meter:
    return Meter(metric=metric, labels={"status": status}, what=what, beside=METRIC)

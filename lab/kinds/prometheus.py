"""Prometheus itself: it watches, and no request of a client passes it."""

from __future__ import annotations

from lab.kinds.base import Endpoint, Kind, Program

NAME = "prometheus"


def describe(program: Program) -> Kind:
    """The kind of a container that runs Prometheus."""
    del program
    return Kind(
        name=NAME,
        endpoint=Endpoint(port=9090),
        hops={},
        start_time="process_start_time_seconds",
    )

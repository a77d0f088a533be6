"""What a kind says of a program that runs in a container: what it counts, and what must agree.

A request passes *hops*: a service, or one side of a proxy (its ingress, its egress). At each hop
a kind names its meters, and derives from them what every hop has in common (:data:`COMMON`). The
laws between hops follow from that (:mod:`lab.metrics.laws`); a kind adds those that hold within
one of its hops.
"""

from __future__ import annotations

import msgspec

COMMON = {
    "received": "requests that reached the hop",
    "succeeded": "requests answered with success",
    "failed": "requests answered with a failure",
    "sent": "requests sent to the next hop",
    "upstream_succeeded": "answers of the next hop that were a success",
    "upstream_failed": "answers of the next hop that were a failure",
    "final": "final answers",
    "retries": "retries",
}
"""What kinds derive from meters, in words; laws between hops need all but the last two."""
METRIC = "__name__"
"""Prometheus's own label for a metric's name."""


class Meter(msgspec.Struct, frozen=True, kw_only=True):
    """A number that a program exposes: the sum of a metric's series that have these labels.

    ``what`` says what it counts. A ``gauge`` may fall, any other meter only grows. Programs make
    some series when there is first something to count. ``beside`` tells how to know that such a
    series, when it is absent, is 0: by any other series with the same value of that label, or by
    any other of the same metric (:data:`METRIC`). Without it what is absent is not measured.
    """

    metric: str
    labels: dict[str, str] = {}
    what: str = ""
    gauge: bool = False
    beside: str = ""

    @property
    def selector(self) -> str:
        """The meter as a selector of PromQL."""
        labels = ",".join(f'{name}="{value}"' for name, value in self.labels.items())
        return f"{self.metric}{{{labels}}}" if labels else self.metric


class Law(msgspec.Struct, frozen=True, kw_only=True):
    """Two sums that are equal between two quiet moments, as names joined by ``+`` and ``-``.

    ``says`` puts it in words. Within a kind the names are those of one hop. ``passes`` is set on
    the law that one hop received what others sent: their names in words, and the one hop's.
    """

    name: str
    says: str
    left: str
    right: str
    passes: tuple[str, str] | None = None


class Note(msgspec.Struct, frozen=True, kw_only=True):
    """A sentence that is due when a meter grew: its count, ``one`` or ``many``, and ``what``.

    ``limit`` names a gauge of the same hop that, at rest, shows the limit behind it.
    """

    meter: str
    one: str
    many: str
    what: str
    limit: str = ""


class Graph(msgspec.Struct, frozen=True, kw_only=True):
    """A counter worth a graph: its growth per second, a line for each value of a ``label``."""

    meter: Meter
    label: str = ""


class Hop(msgspec.Struct, frozen=True, kw_only=True):
    """A place that requests pass: its meters, and as sums of them what all hops have in common.

    ``busy`` names the gauge of requests under way, ``tries`` what a policy of retries counts.
    """

    meters: dict[str, Meter] = {}
    derived: dict[str, str] = {}
    laws: tuple[Law, ...] = ()
    notes: tuple[Note, ...] = ()
    graphs: tuple[Graph, ...] = ()
    busy: str = ""


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """Where a program exposes its metrics in Prometheus's text format."""

    port: int
    path: str = "/metrics"


class Kind(msgspec.Struct, frozen=True, kw_only=True):
    """A program as one container runs it.

    ``hops`` are by what stands behind the container's name in a path, "" for the container as a
    whole. Another value of ``start_time`` means another process, and so does a fall of ``uptime``.
    ``workers`` is how many threads share the requests out among replicas by themselves.
    """

    name: str
    endpoint: Endpoint
    hops: dict[str, Hop]
    start_time: str = ""
    uptime: str = ""
    workers: Meter | None = None


class Program(msgspec.Struct, frozen=True, kw_only=True):
    """What a kind looks at to describe a container: its name in the scenario, and its variables.

    ``hops`` are the names that the scenario's path uses behind the container's.
    """

    service: str
    environment: dict[str, str] = {}
    hops: tuple[str, ...] = ()

    @property
    def word(self) -> str:
        """The service's name as metrics spell it."""
        return "".join(c if c.isalnum() else "_" for c in self.service)

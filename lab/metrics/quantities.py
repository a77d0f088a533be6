"""What can be counted in a lab: every quantity by its dotted name, and where it comes from. Pure.

Quantities of a hop are its meters and what they add up to: ``web.failed``,
``web-proxy.egress.retries``. The client's are ``client.sent``, ``client.succeeded``,
``client.failed``, ``client.mean``, ``client.max`` and percentiles of its latency in seconds, such
as ``client.p99``. A scenario's own meters have the names that it gives them.
"""

from __future__ import annotations

import re
from functools import cached_property
from typing import TYPE_CHECKING

import msgspec

from lab import kinds
from lab.kinds.base import COMMON, Endpoint, Meter, Program
from lab.metrics import laws
from lab.metrics.laws import CLIENT, CLIENT_COUNTS
from lab.spec.expressions import Sum, sum_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab.kinds.base import Hop, Kind, Note
    from lab.metrics.laws import Laws
    from lab.topology.spec import LabSpec

LATENCIES = {"mean": "mean latency", "max": "longest latency", "p99": "a percentile of latency"}
"""What is known of the client's latencies, in seconds; ``p99`` stands for any percentile."""

_PERCENTILE = re.compile(rf"{CLIENT}\.p([0-9]{{1,2}}(?:\.[0-9]{{1,3}})?)")


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """Where a quantity is read: the service that counts it, and its meter."""

    service: str
    meter: Meter


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """A service that is scraped: where, and what tells one process from the next.

    ``falls`` are series that fall with every new process: an uptime, and its counters.
    """

    service: str
    endpoint: Endpoint
    start_time: str = ""
    falls: tuple[str, ...] = ()


class Described(msgspec.Struct, frozen=True, kw_only=True):
    """A quantity in words: what it counts, and ``where``, or of which others it is the ``sum``.

    ``container``, ``metric`` and ``labels`` say which series Prometheus has of it.
    """

    name: str
    what: str
    where: str = ""
    sum: str = ""
    container: str = ""
    metric: str = ""
    labels: dict[str, str] = {}


class Quantities:
    """The quantities of one lab."""

    def __init__(self, spec: LabSpec) -> None:
        """Take a lab's kinds, path and meters."""
        self._spec = spec

    @cached_property
    def kinds(self) -> dict[str, Kind]:
        """What is known of each container that has a kind, by its name in the scenario."""
        found = {}
        environments = {
            service: container.environment
            for service, _, container in self._spec.named_containers()
        }
        for service, kind in self._spec.kinds.items():
            if service not in environments or kind not in kinds.NAMES:
                continue  # in a record that another lab has written
            start = f"{service}."
            hops = tuple(hop.removeprefix(start) for hop in self._passed if hop.startswith(start))
            found[service] = kinds.describe(
                kind, Program(service=service, environment=environments[service], hops=hops)
            )
        return found

    @cached_property
    def hops(self) -> dict[str, Hop]:
        """What is counted at each hop of the path that counts anything, by its name in the path.

        Without a path these are the hops of all kinds.
        """
        every = {
            f"{service}.{hop}" if hop else service: described
            for service, kind in self.kinds.items()
            for hop, described in kind.hops.items()
        }
        return {name: every[name] for name in self._passed or every if name in every}

    @cached_property
    def laws(self) -> Laws:
        """The laws along the path."""
        return laws.derive(self._spec.path, self.hops)

    @cached_property
    def sources(self) -> dict[str, Source]:
        """Every quantity that a target counts, by its name."""
        found = {
            f"{name}.{meter}": Source(service=self.service(name), meter=described)
            for name, hop in self.hops.items()
            for meter, described in hop.meters.items()
        }
        for name, own in self._spec.meters.items():
            meter = Meter(
                metric=own.metric, labels=own.labels, what=f"{own.metric} of {own.container}"
            )
            found[name] = Source(service=own.container, meter=meter)
        return found

    @cached_property
    def derived(self) -> dict[str, Sum]:
        """Every quantity that is a sum of others, by its name."""
        return {
            f"{name}.{what}": sum_of(laws.qualified(name, parts))
            for name, hop in self.hops.items()
            for what, parts in hop.derived.items()
        }

    @cached_property
    def targets(self) -> tuple[Target, ...]:
        """Every service that is scraped, once: the hops' and those with meters of their own."""
        found: dict[str, Target] = {}
        for name in self.hops:
            service = self.service(name)
            kind = self.kinds[service]
            found[service] = Target(
                service=service,
                endpoint=kind.endpoint,
                start_time=kind.start_time,
                falls=(kind.uptime,) if kind.uptime else self._counters(service),
            )
        for own in self._spec.meters.values():
            endpoint = Endpoint(port=own.port, path=own.path)
            falls = self._counters(own.container)
            found.setdefault(
                own.container, Target(service=own.container, endpoint=endpoint, falls=falls)
            )
        return tuple(found.values())

    def _counters(self, service: str) -> tuple[str, ...]:
        """The counters of a service, each metric once."""
        found = self.sources.values()
        own = (s.meter for s in found if s.service == service and not s.meter.gauge)
        return tuple(dict.fromkeys(meter.metric for meter in own))

    @cached_property
    def words(self) -> dict[str, str]:
        """What each quantity counts, in words, the client's first."""
        return {
            **{f"{CLIENT}.{name}": what for name, what in CLIENT_COUNTS.items()},
            **{f"{CLIENT}.{name}": f"{what}, in seconds" for name, what in LATENCIES.items()},
            **{name: source.meter.what for name, source in self.sources.items()},
            **{name: f"= {sum_.text}" for name, sum_ in self.derived.items()},
        }

    def described(self) -> tuple[Described, ...]:
        """Every quantity, the client's first, and those that are sums after their hop's meters."""
        words = self.words
        endpoints = {each.service: each.endpoint for each in self.targets}
        found = [
            Described(name=name, what=words[name], where="the client of `lab load`")
            for name in (f"{CLIENT}.{what}" for what in (*CLIENT_COUNTS, *LATENCIES))
        ]
        for name, source in self.sources.items():
            endpoint, meter = endpoints[source.service], source.meter
            found.append(
                Described(
                    name=name,
                    what=words[name],
                    where=f"{source.service}:{endpoint.port}{endpoint.path} {meter.selector}",
                    container=source.service,
                    metric=meter.metric,
                    labels=meter.labels,
                )
            )
        for name, sum_ in self.derived.items():
            what = COMMON.get(name.rpartition(".")[2], "")
            found.append(Described(name=name, what=what, sum=f"= {sum_.text}"))
        order = {name: number for number, name in enumerate((CLIENT, *self.hops))}
        last = len(order)
        return tuple(sorted(found, key=lambda each: order.get(each.name.rpartition(".")[0], last)))

    @cached_property
    def metrics(self) -> frozenset[str]:
        """The names of all time series that belong in a snapshot."""
        own = {source.meter.metric for source in self.sources.values()}
        workers = {kind.workers.metric for kind in self.kinds.values() if kind.workers}
        signs = {sign for each in self.targets for sign in (each.start_time, *each.falls) if sign}
        return frozenset(own | workers | signs)

    @cached_property
    def growing(self) -> frozenset[str]:
        """The metrics that never fall while a process lives."""
        counters = {s.meter.metric for s in self.sources.values() if not s.meter.gauge}
        return frozenset(counters | {sign for each in self.targets for sign in each.falls})

    @cached_property
    def start_times(self) -> frozenset[str]:
        """The metrics every other value of which means another process."""
        return frozenset(each.start_time for each in self.targets if each.start_time)

    def knows(self, name: str) -> bool:
        """Whether there is such a quantity."""
        return name in self.words or percentile(name) is not None

    def alike(self, name: str) -> tuple[str, ...]:
        """What a name that is not known may have been meant for.

        That is every quantity of the same hop, or else the first part of all quantities.
        """
        hops = {each: each.rpartition(".")[0] or each for each in self.words}
        same = tuple(each for each, hop in hops.items() if hop == name.rpartition(".")[0])
        return same or tuple(dict.fromkeys(f"{hop}.…" for hop in hops.values()))

    @property
    def edges(self) -> tuple[tuple[str, str], ...]:
        """Every hop of the path with each that it calls."""
        return self._spec.path

    @property
    def last(self) -> str:
        """The last hop of the path, "" without one; where it branches, that of the last branch."""
        return self._spec.path[-1][1] if self._spec.path else ""

    @property
    def retrying(self) -> tuple[str, ...]:
        """The hops that may send a request more than once."""
        return tuple(h for h in self.hops if f"{h}.retries" in {**self.sources, **self.derived})

    def notes(self) -> Iterator[tuple[str, Note]]:
        """The sentences that meters may call for, with their hops."""
        for name, hop in self.hops.items():
            for note in hop.notes:
                if note.meter in hop.meters:
                    yield name, note

    def meters(self, sum_: Sum) -> dict[str, Source]:
        """The meters that a sum comes down to; none when no target counts part of it."""
        found: dict[str, Source] = {}
        for name in sum_.names():
            for part in self.derived[name].names() if name in self.derived else (name,):
                if part not in self.sources:
                    return {}
                found[part] = self.sources[part]
        return found

    def workers(self, service: str) -> Source | None:
        """The gauge that tells how many threads share out what reaches a service, if one does."""
        for caller, callee in self._spec.path:
            kind = self.kinds.get(self.service(caller))
            if self.service(callee) == service and kind and kind.workers:
                return Source(service=self.service(caller), meter=kind.workers)
        return None

    def service(self, hop: str) -> str:
        """The service behind a hop's name, which may have dots in it as well."""
        return hop if hop in self._services else hop.rpartition(".")[0]

    @cached_property
    def _services(self) -> frozenset[str]:
        return frozenset(self._spec.services()) | {CLIENT}

    @cached_property
    def _passed(self) -> tuple[str, ...]:
        """The hops of the path, each once."""
        return tuple(dict.fromkeys(name for edge in self._spec.path for name in edge))


def is_time(name: str) -> bool:
    """Whether a quantity is one of the client's latencies."""
    what = name.removeprefix(f"{CLIENT}.")
    return percentile(name) is not None or (what != name and what in LATENCIES)


def percentile(name: str) -> float | None:
    """Which percentile of the client's latency a quantity is, None for any other quantity."""
    found = _PERCENTILE.fullmatch(name)
    return float(found[1]) if found else None

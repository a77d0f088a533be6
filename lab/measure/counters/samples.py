"""The counters that a ledger needs: which there are, what they said, by how much they grew.

Envoy's are explained at
https://www.envoyproxy.io/docs/envoy/latest/configuration/upstream/cluster_manager/cluster_stats.
A request's *attempts* are its first try and its retries; Envoy counts attempts and *final*
answers apart.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from lab.measure.numbers import Amount, Number

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

SERVICE_A = "service-a"
SERVICE_B = "service-b"
ENVOY = "service-a-envoy"
"""Jobs of the lab's Prometheus. Each has one target, or one for every copy of the service. A lab
without a sidecar has no ENVOY, although Prometheus goes on looking for it."""

DIRECT_JOBS = (SERVICE_A, SERVICE_B)
SIDECAR_JOBS = (SERVICE_A, ENVOY, SERVICE_B)

START_TIME = "process_start_time_seconds"
"""Where a service shows it, another value is another process."""
UPTIME = "envoy_server_uptime"
"""Seconds; Envoy updates it every five."""

_CLUSTER = "envoy_cluster_name"
_MANAGER = "envoy_http_conn_manager_prefix"
_INGRESS = {_CLUSTER: "local_service"}
_EGRESS = {_CLUSTER: "remote_service_b"}


class Metric(msgspec.Struct, frozen=True):
    """Which time series of a job are meant: those that have these labels, added up.

    ``on_demand``: Envoy makes the series when there is first something to count.
    """

    job: str
    name: str
    labels: dict[str, str]
    on_demand: bool = False


def _egress(name: str) -> Metric:
    return Metric(ENVOY, f"envoy_cluster_{name}", _EGRESS)


def _egress_on_demand(name: str, **labels: str) -> Metric:
    return Metric(ENVOY, f"envoy_cluster_{name}", _EGRESS | labels, on_demand=True)


A_SUCCEEDED = Metric(SERVICE_A, "service_a_requests_total", {"status": "2xx"})
A_FAILED = Metric(SERVICE_A, "service_a_requests_total", {"status": "5xx"})
B_SUCCEEDED = Metric(SERVICE_B, "service_b_requests_total", {"status": "2xx"})
B_FAILED = Metric(SERVICE_B, "service_b_requests_total", {"status": "5xx"})

INGRESS_RECEIVED = Metric(ENVOY, "envoy_http_downstream_rq_total", {_MANAGER: "ingress_http"})
INGRESS_FORWARDED = Metric(ENVOY, "envoy_cluster_upstream_rq_total", _INGRESS)
EGRESS_RECEIVED = Metric(ENVOY, "envoy_http_downstream_rq_total", {_MANAGER: "egress_http"})
FINAL = _egress_on_demand("upstream_rq")
FINAL_FAILED = _egress_on_demand("upstream_rq_xx", envoy_response_code_class="5")
ATTEMPTS = _egress("upstream_rq_total")
RETRIES = _egress("upstream_rq_retry")
RETRIED_ANSWERS = _egress_on_demand("retry_upstream_rq")
RETRY_SUCCESSES = _egress("upstream_rq_retry_success")
RETRY_OVERFLOW = _egress("upstream_rq_retry_overflow")
RETRY_LIMIT_EXCEEDED = _egress("upstream_rq_retry_limit_exceeded")
TIMEOUTS = _egress("upstream_rq_timeout")
PENDING_OVERFLOW = _egress("upstream_rq_pending_overflow")
UNSENT = _egress("upstream_rq_pending_failure_eject")
CONNECT_FAILURES = _egress("upstream_cx_connect_fail")
BROKEN_OFF = _egress("upstream_cx_destroy_remote_with_active_rq")
INGRESS_CONNECT_FAILURES = Metric(ENVOY, "envoy_cluster_upstream_cx_connect_fail", _INGRESS)

COUNTERS = (
    *(A_SUCCEEDED, A_FAILED, B_SUCCEEDED, B_FAILED),
    *(INGRESS_RECEIVED, INGRESS_FORWARDED, INGRESS_CONNECT_FAILURES, EGRESS_RECEIVED),
    *(FINAL, FINAL_FAILED, ATTEMPTS),
    *(RETRIES, RETRIED_ANSWERS, RETRY_SUCCESSES, RETRY_OVERFLOW, RETRY_LIMIT_EXCEEDED),
    *(TIMEOUTS, PENDING_OVERFLOW, UNSENT, CONNECT_FAILURES, BROKEN_OFF),
)

UPSTREAM_MILLISECONDS = _egress_on_demand("upstream_rq_time_sum")
UPSTREAM_TIMED = _egress_on_demand("upstream_rq_time_count")
"""Of Envoy's histogram of how long requests took upstream, retries and back-offs included."""

REMAINING_RETRIES = _egress("circuit_breakers_default_remaining_retries")
"""How many more retries the circuit breaker allows now; at rest, its limit."""
UNDER_WAY = (
    Metric(ENVOY, "envoy_cluster_upstream_rq_active", _INGRESS),
    _egress("upstream_rq_active"),
)
"""Requests that Envoy has sent and that are not answered yet."""

WORKERS = Metric(ENVOY, "envoy_server_concurrency", {})
"""How many threads of Envoy's share the connections out among themselves."""

NAMES = frozenset(
    metric.name
    for metric in (
        *COUNTERS,
        WORKERS,
        UPSTREAM_MILLISECONDS,
        UPSTREAM_TIMED,
        REMAINING_RETRIES,
        *UNDER_WAY,
    )
) | {START_TIME, UPTIME}
"""The names of all time series that belong in a snapshot."""

_GROWING = frozenset(counter.name for counter in COUNTERS) | {UPTIME}


class Sample(msgspec.Struct, frozen=True):
    """One time series of a scrape; without the labels that name its target."""

    name: str
    labels: dict[str, str]
    value: Number

    def belongs_to(self, metric: Metric) -> bool:
        """Whether it is one of the series that a metric adds up."""
        return self.name == metric.name and self.labels.items() >= metric.labels.items()


class Scrape(msgspec.Struct, frozen=True, kw_only=True):
    """What one target said: at ``time`` (Unix time in seconds), or the ``problem`` with it.

    ``instance`` is which of its job's targets it is; "" for the only one. ``restarted``: since
    the snapshot before this one its process was replaced, so that its counters started again
    at 0. ``unusable`` says of metrics by name why they count nothing: what they say is no number.
    """

    job: str
    instance: str = ""
    time: Amount | None = None
    problem: str = ""
    restarted: bool = False
    samples: tuple[Sample, ...] = ()
    unusable: dict[str, str] = {}

    @property
    def name(self) -> str:
        """What people call the target: its job, and which one where there are several."""
        return f"{self.job} ({self.instance})" if self.instance else self.job

    def total(self, metric: Metric) -> int | None:
        """What a metric's series add up to; None when it was not measured."""
        if metric.name in self.unusable:
            return None
        values = [sample.value for sample in self.samples if sample.belongs_to(metric)]
        if values:
            return round(sum(values))
        return 0 if metric.on_demand and self._has_cluster(metric.labels[_CLUSTER]) else None

    def has(self, metric: Metric) -> bool:
        """Whether there is a series of that name, whatever its labels."""
        return any(sample.name == metric.name for sample in self.samples)

    def _has_cluster(self, name: str) -> bool:
        return any(sample.labels.get(_CLUSTER) == name for sample in self.samples)


class Snapshot(msgspec.Struct, frozen=True):
    """What every target said after ``asked`` (Unix time in seconds on Prometheus' clock)."""

    asked: Amount
    scrapes: tuple[Scrape, ...]

    def of_job(self, job: str) -> tuple[Scrape, ...]:
        """The scrapes of a job's targets; one with a problem when the snapshot has none."""
        found = tuple(scrape for scrape in self.scrapes if scrape.job == job)
        return found or (Scrape(job=job, problem="it was not queried"),)

    def scrape(self, job: str, instance: str = "") -> Scrape:
        """The scrape of one target; one with a problem when the snapshot has none of it."""
        for scrape in self.scrapes:
            if scrape.job == job and scrape.instance == instance:
                return scrape
        return Scrape(job=job, instance=instance, problem="it was not queried")

    def total(self, metric: Metric) -> int | None:
        """What a metric's series of all targets add up to; None when one was not measured."""
        return _sum(scrape.total(metric) for scrape in self.of_job(metric.job))


class Growth(msgspec.Struct, frozen=True):
    """By how much counters grew from the snapshot ``before`` to the one ``after``."""

    before: Snapshot
    after: Snapshot

    def of(self, metric: Metric) -> int | None:
        """The growth of a counter; None when it was not measured at both ends without a gap."""
        return _sum(self.by_instance(metric).values())

    def by_instance(self, metric: Metric) -> dict[str, int | None]:
        """The growth of a counter at each target of its job."""
        found: dict[str, int | None] = {}
        for before, after in self._targets(metric.job):
            begin, end = self._ends(before, after, metric)
            known = begin is not None and end is not None and not self._gap(before, after, metric)
            found[before.instance] = (end or 0) - (begin or 0) if known else None
        return found

    def begin(self, metric: Metric) -> int | None:
        """What a counter said before, of all targets; None when one was not measured."""
        ends = [self._ends(before, after, metric) for before, after in self._targets(metric.job)]
        return _sum(begin for begin, _ in ends)

    def restarted(self, job: str, instance: str = "") -> bool:
        """Whether the counters of a target started again at 0 in between."""
        return _restarted(self.before.scrape(job, instance), self.after.scrape(job, instance))

    def gap(self, metric: Metric) -> str:
        """Why the growth of a counter is not known; "" when it is."""
        gaps = [self._gap(before, after, metric) for before, after in self._targets(metric.job)]
        return next(filter(None, gaps), "")

    def _ends(self, before: Scrape, after: Scrape, metric: Metric) -> tuple[int | None, int | None]:
        """What a counter said at one target at both ends, None where it was not measured.

        Many programs make a series when there is first something to count; Go's are an example.
        So what is absent was 0, where the same process, or a copy of it, shows the counter later.
        """
        begin, end = before.total(metric), after.total(metric)
        shown = any(scrape.has(metric) for scrape in self.after.of_job(metric.job))
        if None in {before.time, after.time} or not shown or _restarted(before, after):
            return begin, end
        return begin or 0, end or 0

    def _gap(self, before: Scrape, after: Scrape, metric: Metric) -> str:
        if _restarted(before, after):
            return f"{after.name} was restarted"
        for when, scrape in (("before", before), ("after", after)):
            if scrape.problem:
                return f"{scrape.name} was not scraped {when} the load: {scrape.problem}"
            if why := scrape.unusable.get(metric.name):
                return f"{scrape.name} has a {metric.name} that {why}"
        if None in self._ends(before, after, metric):
            return f"{after.name} has no {metric.name}"
        return ""

    def _targets(self, job: str) -> Iterator[tuple[Scrape, Scrape]]:
        """The scrapes of each target of a job, before and after."""
        instances = (s.instance for snap in (self.before, self.after) for s in snap.of_job(job))
        for instance in dict.fromkeys(instances):
            yield self.before.scrape(job, instance), self.after.scrape(job, instance)


def _sum(parts: Iterable[int | None]) -> int | None:
    """The sum of all parts; None when one is not known."""
    found = list(parts)
    known = [part for part in found if part is not None]
    return sum(known) if len(known) == len(found) else None


def _restarted(before: Scrape, after: Scrape) -> bool:
    return after.restarted or _is_another_process(before, after)


def _is_another_process(before: Scrape, after: Scrape) -> bool:
    if after.time is None:
        return False
    now = {_identity(sample): sample.value for sample in after.samples}
    for sample in before.samples:
        # A series that is gone was one made on demand: its new process has counted nothing.
        value = now.get(_identity(sample), 0.0)
        if sample.name in _GROWING and value < sample.value:
            return True
        if sample.name == START_TIME and value != sample.value:
            return True
    return False


def _identity(sample: Sample) -> tuple[object, ...]:
    return (sample.name, *sorted(sample.labels.items()))

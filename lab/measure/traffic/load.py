"""A load as it was ordered, and its result; both are plain data."""

from __future__ import annotations

import msgspec

from lab import durations
from lab.measure.intervals import Interval
from lab.measure.numbers import Amount, Connections, Count, Share
from lab.measure.traffic import outcome
from lab.measure.traffic.latency import Latency
from lab.measure.traffic.outcome import ErrorKind
from lab.measure.traffic.pacer import Arrivals
from lab.measure.traffic.tally import Answers
from lab.measure.traffic.thresholds import Kept, Threshold

TIMEOUT = 30.0
"""Seconds that a request may take, unless something else is asked for."""
KEPT = 0.99
"""A rate counts as kept when at least this share of it was."""


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What to send.

    ``requests`` and ``duration`` (seconds) limit the load; one of them has to be given, and
    the first that is reached ends it. Without a ``rate`` the loop is closed: ``concurrency``
    clients each send their next request after an answer. With one (requests per second) it is
    open: requests are sent when they are due, whatever became of the earlier ones, on up to
    ``concurrency`` connections. ``arrival_seed`` makes Poisson ``arrivals`` repeatable.
    ``timeout`` is each request's, in seconds. ``thresholds`` do not change what is sent.
    """

    url: str
    requests: Count | None = None
    duration: Amount | None = None
    concurrency: Connections = 1
    rate: Amount | None = None
    arrivals: Arrivals = Arrivals.CONSTANT
    arrival_seed: int = 0
    timeout: Amount = TIMEOUT
    thresholds: tuple[Threshold, ...] = ()

    def __str__(self) -> str:
        """The load in words: how much, and how it is paced."""
        size = f"for {durations.show(self.duration)}" if self.duration else ""
        count = "" if self.requests is None else f"{self.requests} requests"
        if self.rate:
            pace = f"at {self.rate:g} requests/s"
            if self.arrivals is Arrivals.POISSON:
                pace += " (Poisson)"
            return " ".join(filter(None, (count, size, pace)))
        return ", ".join(filter(None, (" ".join(filter(None, (count, size))), self.pace)))

    @property
    def pace(self) -> str:
        """Concurrency of a closed loop, rate of an open one, for a table."""
        return f"{self.rate:g}/s" if self.rate else f"concurrency {self.concurrency}"


class Pace(msgspec.Struct, frozen=True, kw_only=True):
    """How an open loop kept its rate: what was ``asked`` and ``achieved``, in requests/s.

    ``lag`` is by how many seconds the latest request was late.
    """

    asked: Amount
    achieved: Amount
    lag: Amount

    @property
    def kept(self) -> bool:
        """Whether the rate was the one asked for, up to one percent."""
        return self.achieved >= KEPT * self.asked


class Load(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a load.

    ``sent`` counts every request that was begun, also those that found no connection; each
    either ``succeeded`` (status 200 to 299) or ``failed``, and ``errors`` counts the failed
    ones by cause: ``status 500``, or one of :class:`lab.measure.traffic.outcome.ErrorKind`.
    ``unsent`` are further ones that this machine could not send: they say nothing of a service.
    ``success_rate`` is that of the requests whose outcome is known, :attr:`known`, and
    ``success_interval`` Wilson's at 95 %. ``seconds`` is wall time, ``last_sent`` when the last
    request was sent, in seconds after the first, ``throughput`` answers of any status per second,
    None when nothing was sent. ``partial`` says that it was interrupted before its end, and
    ``signal`` is the number of a signal that came before it was recorded.

    Latencies run from the moment when a request was due until its answer was complete, for
    answers of any status and for time-outs; ``histogram`` has them all in microseconds, as
    :func:`lab.measure.traffic.latency.summary` reads. ``outcomes`` has a bit per request in the
    order of sending, as :func:`lab.measure.traffic.outcome.unpack` reads.
    """

    order: Order
    sent: Count
    succeeded: Count
    failed: Count
    success_rate: Share | None
    success_interval: Interval
    seconds: Amount
    last_sent: Amount
    throughput: Amount | None
    partial: bool
    answers: tuple[Answers, ...]
    errors: dict[str, Count]
    latency: Latency | None
    pace: Pace | None
    histogram: str
    outcomes: str
    unsent: int = 0
    signal: int | None = None
    thresholds: tuple[Kept, ...] = ()

    @property
    def known(self) -> int:
        """How many requests have an outcome: all but those given up when it was interrupted."""
        return self.sent - self.errors.get(ErrorKind.UNANSWERED, 0)

    def __post_init__(self) -> None:
        """Raise ``ValueError`` for counts that contradict each other: a damaged record's."""
        if min(self.succeeded, self.failed) < 0 or self.succeeded + self.failed != self.sent:
            raise ValueError(
                f"{self.succeeded} succeeded and {self.failed} failed of {self.sent} requests"
            )
        if len(self.outcomes) != outcome.packed(self.sent):
            raise ValueError(f"the outcomes are not those of {self.sent} requests")
        if (self.success_rate is None) != (not self.known):
            raise ValueError(f"the success rate is not that of {self.known} requests")

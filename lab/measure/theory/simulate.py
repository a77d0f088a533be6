"""A discrete-event simulation of clients behind a proxy that limits concurrent retries.

Closed loop: every client sends, waits for the answer, and sends again. A failed attempt is
repeated after a back-off, provided a slot of the circuit breaker is free; the slot is held
from that decision, through the back-off, until the repeated attempt has answered. This is
what Envoy does (``RetryStateImpl::shouldRetry`` in source/common/router/retry_state_impl.cc):
the limit on retries per request is looked at before the breaker, and a request that fails
again gives its slot back and takes it anew in one step, so only first retries are refused.
"""

from __future__ import annotations

import heapq
import math
from dataclasses import dataclass
from random import Random

BASE_BACKOFF = 0.025
"""Seconds: Envoy's default ``retry_back_off.base_interval``."""

MAX_BACKOFF = 0.25
"""Seconds: Envoy's default ``retry_back_off.max_interval``, ten times the base."""

DEFAULT_MAX_RETRIES = 3
"""Envoy's default ``circuit_breakers.thresholds.max_retries``."""


@dataclass(frozen=True, slots=True)
class Policy:
    """How a proxy retries: ``retries`` per request, ``max_retries`` at a time in a cluster.

    ``base`` and ``cap`` bound the back-off, in seconds.

    Raises:
        ValueError: a count is negative, or not 0 <= base <= cap.
    """

    retries: int = 2
    max_retries: int = DEFAULT_MAX_RETRIES
    base: float = BASE_BACKOFF
    cap: float = MAX_BACKOFF

    def __post_init__(self) -> None:
        """Refuse what no proxy can be told."""
        if self.retries < 0 or self.max_retries < 0 or not 0 <= self.base <= self.cap < math.inf:
            raise ValueError(f"no such retry policy: {self}")

    def window(self, retry: int) -> float:
        """The longest back-off in seconds before the given retry, which is 1 or more.

        Doubles from the base up to the cap: 25, 50, 100, 200, 250 ms by default. Envoy draws
        uniformly below it ("full jitter"; source/common/common/backoff_strategy.cc).
        """
        return min(self.cap, self.base * 2.0 ** min(retry - 1, 64))


@dataclass(frozen=True, slots=True)
class Load:
    """What is sent: ``requests`` by ``clients`` at a time; each attempt fails at ``error_rate``.

    Raises:
        ValueError: requests negative, clients below 1, or error_rate outside [0, 1].
    """

    requests: int
    clients: int
    error_rate: float

    def __post_init__(self) -> None:
        """Refuse what cannot be sent."""
        if self.requests < 0 or self.clients < 1 or not 0 <= self.error_rate <= 1:
            raise ValueError(f"no such load: {self}")


@dataclass(frozen=True, slots=True)
class Timing:
    """Where a request's time goes, in mean seconds.

    ``attempt`` is from the proxy's sending upstream to the answer's arrival, ``overhead`` all
    the rest of a request without retries: the client, the network, the proxy. Both are drawn
    from exponential distributions, or are ``constant``. ``lateness`` is by how much longer than
    drawn a back-off lasts, beyond its timer's rounding. With ``queued``, the overheads of all
    requests wait for one server, as on a busy processor; else each passes on its own.

    Raises:
        ValueError: a time is negative or not finite.
    """

    attempt: float
    overhead: float
    lateness: float = 0.0
    constant: bool = False
    queued: bool = False

    def __post_init__(self) -> None:
        """Refuse clocks that run backwards."""
        if not all(0 <= t < math.inf for t in (self.attempt, self.overhead, self.lateness)):
            raise ValueError(f"no such timing: {self}")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one simulated run counted, under the names of Envoy's statistics.

    ``retry_limit_exceeded`` requests failed after their last retry, ``retry_overflow`` ones
    because the circuit breaker refused a retry. ``rate`` is the steady request rate, see
    :func:`steady_rate`.
    """

    requests: int
    retry_limit_exceeded: int
    retry_overflow: int
    attempts: int
    rate: float

    @property
    def failures(self) -> int:
        """Requests whose client saw an error."""
        return self.retry_limit_exceeded + self.retry_overflow

    @property
    def successes(self) -> int:
        """Requests whose client saw an answer."""
        return self.requests - self.failures

    @property
    def retries(self) -> int:
        """Attempts beyond each request's first."""
        return self.attempts - self.requests


def steady_rate(requests: int, clients: int, last_sent: float) -> float:
    """Requests per second of a closed loop while all its clients were busy.

    ``last_sent`` is when the last request was sent, in seconds from the first: by then all but
    ``clients`` requests had been answered. Dividing by the whole run instead would count the
    idle end, when the last back-offs run out, which is a tenth of a short run. NaN when every
    client sent at most one request.
    """
    return (requests - clients) / last_sent if requests > clients and last_sent > 0 else math.nan


def simulate(load: Load, policy: Policy, timing: Timing, seed: int) -> Outcome:
    """Run the load once; the same arguments give the same outcome.

    Envoy draws back-offs in whole milliseconds and its timers fire up to one late; here they
    are continuous, which has the same mean.
    """
    rng = Random(seed)  # noqa: S311 - a simulation, not a secret
    draw = _constant if timing.constant else rng.expovariate
    attempt_rate, overhead_rate = _rate(timing.attempt), _rate(timing.overhead)
    windows = [policy.window(retry) for retry in range(1, policy.retries + 1)]

    free_from = 0.0  # when the server that overheads queue for has no more work

    def answer(now: float) -> float:
        nonlocal free_from
        start = max(now, free_from) if timing.queued else now
        free_from = start + draw(overhead_rate)
        return free_from + draw(attempt_rate)

    waiting = load.requests
    answers: list[tuple[float, int, int]] = []  # when, a tie-breaker, retries already made
    while waiting and len(answers) < load.clients:
        waiting -= 1
        answers.append((answer(0.0), len(answers), 0))
    heapq.heapify(answers)

    slots = policy.max_retries
    exhausted = refused = attempts = 0
    sent = 0.0
    while answers:
        now, order, tries = answers[0]
        attempts += 1
        slots += tries > 0
        if rng.random() < load.error_rate:
            if tries == policy.retries:
                exhausted += 1
            elif slots == 0:
                refused += 1
            else:
                slots -= 1
                backoff = rng.random() * windows[tries] + timing.lateness
                answered = now + backoff + draw(attempt_rate)
                heapq.heapreplace(answers, (answered, order, tries + 1))
                continue
        if waiting:
            waiting -= 1
            sent = now
            heapq.heapreplace(answers, (answer(now), order, 0))
        else:
            heapq.heappop(answers)
    return Outcome(
        requests=load.requests,
        retry_limit_exceeded=exhausted,
        retry_overflow=refused,
        attempts=attempts,
        rate=steady_rate(load.requests, load.clients, sent),
    )


def _rate(mean: float) -> float:
    """Events per second, as ``expovariate`` wants it; infinity where the mean is 0."""
    return 1 / mean if mean else math.inf


def _constant(rate: float) -> float:
    return 1 / rate

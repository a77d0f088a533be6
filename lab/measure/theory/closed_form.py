"""What a proxy that retries should do, in closed form.

Throughout, ``error_rate`` is the probability (0 to 1, not percent) that one attempt fails,
independently of all others, and ``retries`` is how often a failed attempt may be repeated.
A request is therefore a sequence of attempts that ends with the first success or after
``retries + 1`` failures: a truncated geometric distribution.

These hold while the proxy never refuses a retry. Envoy's circuit breaker does refuse when
``max_retries`` are under way; :func:`engset` says how often.
"""

from __future__ import annotations

import cmath
import math
from typing import TYPE_CHECKING

from lab.measure.intervals import Interval, equal_tailed

if TYPE_CHECKING:
    from collections.abc import Sequence

_NEGLIGIBLE = 1e-17


def success_rate(error_rate: float, retries: int) -> float:
    """The share of requests that succeed: ``1 - p^(n+1)``, as all n + 1 attempts must fail.

    Raises:
        ValueError: error_rate outside [0, 1] or retries negative.
    """
    _check(error_rate, retries)
    return 1 - error_rate ** (retries + 1)


def attempts_per_request(error_rate: float, retries: int) -> float:
    """The mean number of attempts of one request: ``(1 - p^(n+1)) / (1 - p)``.

    Summed as ``1 + p + ... + p^n`` (attempt k happens when k - 1 have failed), which also
    holds at p = 1.

    Raises:
        ValueError: error_rate outside [0, 1] or retries negative.
    """
    _check(error_rate, retries)
    return math.fsum(error_rate**k for k in range(retries + 1))


def retries_per_request(error_rate: float, retries: int) -> float:
    """The mean number of retries of one request: its attempts but the first.

    Raises:
        ValueError: error_rate outside [0, 1] or retries negative.
    """
    return attempts_per_request(error_rate, retries) - 1


def attempts_variance(requests: int, error_rate: float, retries: int) -> float:
    """The variance of the number of attempts that ``requests`` requests take together.

    Independent requests, so N times the variance of one, with E[A^2] as the sum of
    ``(2k - 1) P(A >= k)``. The retries have the same variance.

    Raises:
        ValueError: requests or retries negative, or error_rate outside [0, 1].
    """
    _check(error_rate, retries, requests)
    square = math.fsum((2 * k + 1) * error_rate**k for k in range(retries + 1))
    return requests * max(0.0, square - attempts_per_request(error_rate, retries) ** 2)


def attempts_interval(
    requests: int, error_rate: float, retries: int, confidence: float
) -> Interval:
    """The numbers of attempts to expect from ``requests`` requests: what service B counts.

    Equal-tailed and exact but for rounding: the distribution of the sum is found by inverting
    its characteristic function on the lattice of whole numbers, over a window of 20 standard
    deviations (and 40 counts) on either side of the mean.
    Source: Abate and Whitt, Numerical inversion of probability generating functions,
    Operations Research Letters 12 (1992) 245.

    Raises:
        ValueError: requests or retries negative, error_rate outside [0, 1], or confidence
            not between 0 and 1.
    """
    deviation = math.sqrt(attempts_variance(requests, error_rate, retries))
    mean = requests * retries_per_request(error_rate, retries)
    size = min(requests * retries + 1, 2 * math.ceil(20 * deviation + 40))
    first = max(0, math.floor(mean) - size // 2)
    survival = [error_rate**k for k in range(retries + 1)]
    chances = [now - then for now, then in zip(survival, [*survival[1:], 0.0], strict=True)]

    mass = [0.0] * size
    for j in range(size):
        turn = cmath.exp(2j * math.pi * j / size)
        transform = sum(chance * turn**k for k, chance in enumerate(chances)) ** requests
        if abs(transform) < _NEGLIGIBLE:
            continue
        for i in range(size):
            angle = -2 * math.pi * (j * (first + i) % size) / size
            mass[i] += (transform * cmath.exp(1j * angle)).real / size
    return equal_tailed(mass, requests + first, confidence)


def engset(sources: int, servers: int, load: float) -> float:
    """The share of demands that find all servers busy, blocked demands being lost.

    Each of ``sources`` alternates between idling and, unless blocked, holding a server;
    ``load`` is the mean holding time over the mean idle time. Only the two means matter, not
    the distributions. Here a source is a client of a closed loop, a server is one of the
    circuit breaker's ``max_retries`` slots, and a demand is the first retry of a request.
    Source: T. O. Engset, Elektrotechnische Zeitschrift 39 (1918) 304; the recursion and the
    insensitivity: V. B. Iversen, Teletraffic Engineering (ITU, 2010), chapter 5.

    Raises:
        ValueError: sources below 1, servers negative, or load negative or not finite.
    """
    if sources < 1 or servers < 0:
        raise ValueError(f"{sources} sources and {servers} servers make no loss system")
    if not 0 <= load < math.inf:
        raise ValueError(f"load is a finite ratio of two times, not {load}")
    blocked = 1.0
    # A demand sees the system as the other sources alone would leave it.
    for busy in range(1, servers + 1):
        offered = max(0, sources - busy) * load * blocked
        blocked = offered / (busy + offered)
    return blocked


def loss_throughput(throughput: Sequence[float], slots: int, offered_seconds: float) -> float:
    """The rate of a closed loop from which customers step aside into slots for a while.

    ``throughput[j]`` is the rate per second of the loop with j customers in it, its last index
    the number of all customers. One that completes a round asks for a slot with probability p,
    is held there for a mean time h unless all ``slots`` are taken, and ``offered_seconds`` is
    p h. With ``throughput[j]`` proportional to j this is Engset's system.
    Source: birth and death in the number of slots taken, exact by product form; V. B. Iversen,
    Teletraffic Engineering (ITU, 2010), chapters 5 and 12.

    Raises:
        ValueError: slots or offered_seconds negative, or no customers.
    """
    customers = len(throughput) - 1
    if customers < 1 or slots < 0 or offered_seconds < 0:
        raise ValueError(f"{customers} customers and {slots} slots make no loss system")
    if offered_seconds == 0:
        return throughput[customers]
    logs = [0.0]
    for taken in range(1, min(slots, customers) + 1):
        births = throughput[customers - taken + 1] * offered_seconds
        logs.append(logs[-1] + math.log(births / taken))
    highest = max(logs)
    weights = [math.exp(log - highest) for log in logs]
    rates = [throughput[customers - taken] for taken in range(len(weights))]
    weighted = (weight * rate for weight, rate in zip(weights, rates, strict=True))
    return math.fsum(weighted) / math.fsum(weights)


def queue_throughput(customers: int, service: float, delay: float) -> list[float]:
    """The rate per second of 0, 1, ... ``customers`` that share one server and then delay.

    Each round waits for the server, is served for ``service`` seconds on average, and takes
    ``delay`` seconds more. Mean value analysis: Reiser and Lavenberg, J. ACM 27 (1980) 313.

    Raises:
        ValueError: a negative argument, or no time at all.
    """
    if customers < 0 or min(service, delay) < 0 or service + delay <= 0:
        raise ValueError(f"no rate for {customers} customers in {service} + {delay} s")
    rates, queue = [0.0], 0.0
    for present in range(1, customers + 1):
        at_server = service * (1 + queue)
        rates.append(present / (at_server + delay))
        queue = rates[-1] * at_server
    return rates


def _check(error_rate: float, retries: int, requests: int = 0) -> None:
    if not 0 <= error_rate <= 1:
        raise ValueError(f"an error rate is between 0 and 1, not {error_rate}")
    if retries < 0 or requests < 0:
        raise ValueError(f"there cannot be {min(retries, requests)} retries or requests")

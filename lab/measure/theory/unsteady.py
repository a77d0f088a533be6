"""Runs whose rate went up and down, as on a host that is busy with other things as well.

A circuit breaker refuses more in a run's fast phases than it spares in the slow ones, so that
the mean rate alone predicts too few refusals. How uneven a run was shows in its latencies: in a
closed loop of c clients, requests that take t seconds are sent at c / t a second.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.measure.theory.calibrate import expected_rate, mean_hold, timings_for_rate

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from lab.measure.intervals import Interval
    from lab.measure.theory.simulate import Load, Policy, Timing

_PHASES = 25
"""So many phases, of as many requests each, stand for a run; more would change little."""
_MOST = 1000.0
"""A steady run that is refused as much as an uneven one is at most this much faster."""
_BISECTIONS = 30


def equivalent_timing(
    load: Load,
    policy: Policy,
    rate: float,
    attempt: Interval,
    latencies: Mapping[int, int],
) -> Timing:
    """The timing of a steady run that is refused as many retries as the run in question.

    As if requests that took equally long had been sent together: no run is more uneven than
    that. Slots are held as long as :func:`lab.measure.theory.calibrate.timings_for_rate` allows.
    ``latencies`` says how often each occurred, by microseconds.

    Raises:
        ValueError: rate is not positive and finite.
    """

    def timing(speed: float) -> Timing:
        return timings_for_rate(load, policy, speed, attempt)[1]

    def refused(speed: float) -> float:
        return _refused(load, policy, timing(speed))

    shares = [refused(load.clients / seconds) for seconds in _phases(latencies)]
    if not shares:
        return timing(rate)
    wanted = sum(shares) / len(shares)
    low, high = rate, rate * _MOST
    for _ in range(_BISECTIONS):
        speed = (low * high) ** 0.5
        low, high = (speed, high) if refused(speed) < wanted else (low, speed)
    return timing(low)


def _refused(load: Load, policy: Policy, timing: Timing) -> float:
    """The share of first retries that find no slot, from how long requests take on average."""
    retried = load.error_rate * mean_hold(load, policy, timing)
    if not retried:
        return 0.0
    cycle = load.clients / expected_rate(load, policy, timing)
    return 1 - (cycle - timing.attempt - timing.overhead) / retried


def _phases(latencies: Mapping[int, int]) -> Iterator[float]:
    """The mean latency, in seconds, of each of :data:`_PHASES` equal parts of all requests."""
    total = sum(latencies.values())
    size = total / _PHASES
    filled = sum_ = 0.0
    for microseconds, count in sorted(latencies.items()):
        left = float(count)
        while left > 0:
            taken = min(left, size - filled)
            filled += taken
            left -= taken
            sum_ += taken * microseconds / 1e6
            if filled >= size * (1 - 1e-9):
                yield max(sum_ / size, 1e-6)
                filled = sum_ = 0.0

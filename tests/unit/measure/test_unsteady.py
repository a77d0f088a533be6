"""Uneven runs: as if they had been steady, and faster."""

from __future__ import annotations

import pytest

from lab.measure.theory.calibrate import UNKNOWN, expected_rate, timings_for_rate
from lab.measure.theory.simulate import Load, Policy
from lab.measure.theory.unsteady import equivalent_timing

LOAD, POLICY = Load(4000, 16, 0.2), Policy()
RATE = 400.0


def rate_for(latencies: dict[int, int]) -> float:
    """The rate of the steady run that stands for one with these latencies."""
    timing = equivalent_timing(LOAD, POLICY, RATE, UNKNOWN, latencies)
    return expected_rate(LOAD, POLICY, timing)


def test_an_even_run_stands_for_itself() -> None:
    assert rate_for({40_000: 4000}) == pytest.approx(RATE, rel=1e-3)


def test_a_run_of_which_no_latency_is_known_counts_as_even() -> None:
    assert rate_for({}) == pytest.approx(RATE, rel=1e-3)


def test_an_uneven_run_stands_for_a_faster_one() -> None:
    # Half of the requests took 10 ms, half 70: on average 40, as in the even run.
    assert rate_for({10_000: 2000, 70_000: 2000}) > 1.2 * RATE


def test_the_more_uneven_the_faster() -> None:
    rates = [rate_for({40_000 - d: 2000, 40_000 + d: 2000}) for d in (0, 10_000, 20_000, 35_000)]
    assert rates == sorted(rates)


def test_slots_are_held_as_long_as_the_rate_allows() -> None:
    timing = equivalent_timing(LOAD, POLICY, RATE, UNKNOWN, {40_000: 4000})
    longest = timings_for_rate(LOAD, POLICY, RATE)[1]
    assert timing.attempt == pytest.approx(longest.attempt, rel=1e-3)
    assert timing.lateness == longest.lateness


def test_where_nothing_fails_unevenness_changes_nothing() -> None:
    load = Load(4000, 16, 0.0)
    timing = equivalent_timing(load, POLICY, RATE, UNKNOWN, {10_000: 2000, 70_000: 2000})
    assert expected_rate(load, POLICY, timing) == pytest.approx(RATE, rel=1e-3)

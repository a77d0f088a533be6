"""Timings found from rates and histograms, against the simulation that they are for."""

from __future__ import annotations

import math

import pytest

from lab.measure.intervals import Interval
from lab.measure.theory.calibrate import (
    LATENESS,
    attempt_bounds,
    expected_rate,
    mean_hold,
    timings_for_rate,
)
from lab.measure.theory.simulate import Load, Policy, Timing


@pytest.mark.parametrize("clients", [1, 4, 16, 64])
@pytest.mark.parametrize("rate", [100.0, 1000.0, 8000.0])
def test_every_timing_runs_at_the_rate_it_was_made_for(clients: int, rate: float) -> None:
    load, policy = Load(4000, clients, 0.1), Policy(max_retries=3)
    for timing in timings_for_rate(load, policy, rate):
        possible = expected_rate(load, policy, Timing(0, 0, lateness=timing.lateness))
        assert expected_rate(load, policy, timing) == pytest.approx(min(rate, possible))


def test_a_retrying_request_holds_its_slot_for_back_offs_and_attempts() -> None:
    load, policy = Load(1, 1, 0.2), Policy(retries=2)
    assert mean_hold(load, policy, Timing(0.010, 1.0, lateness=0.001)) == pytest.approx(
        0.0125 + 0.011 + 0.2 * (0.025 + 0.011)
    )


@pytest.mark.parametrize("rate", [0.0, -1.0, math.inf, math.nan])
def test_a_rate_that_is_none_is_refused(rate: float) -> None:
    with pytest.raises(ValueError, match="rate"):
        timings_for_rate(Load(100, 16, 0.2), Policy(), rate)


def test_an_attempt_that_nobody_measured_takes_no_time_or_all() -> None:
    short, long, _ = timings_for_rate(Load(4000, 16, 0.2), Policy(), 3000)
    assert short.attempt == 0
    assert long.overhead == 0


def test_a_measured_attempt_keeps_the_timings_within_its_bounds() -> None:
    timings = timings_for_rate(Load(4000, 16, 0.2), Policy(), 3000, Interval(0.001, 0.002))
    assert [timing.attempt for timing in timings] == [0.001, 0.002, 0.001]


def test_each_thing_that_makes_the_breaker_refuse_more_is_in_some_extreme() -> None:
    timings = timings_for_rate(Load(4000, 16, 0.2), Policy(), 3000)
    assert [timing.lateness for timing in timings] == [0, LATENESS, LATENESS]
    assert [timing.queued for timing in timings] == [False, False, True]


def test_nothing_but_back_offs_limits_the_rate_when_nothing_else_takes_time() -> None:
    limited = expected_rate(Load(4000, 3, 0.2), Policy(retries=1), Timing(0, 0))
    assert limited == pytest.approx(3 / (0.2 * 0.0125))
    assert expected_rate(Load(4000, 4, 0.2), Policy(), Timing(0, 0)) == math.inf


def test_an_attempt_never_takes_longer_than_the_rate_allows() -> None:
    load, policy = Load(4000, 16, 0.2), Policy()
    _, unknown, _ = timings_for_rate(load, policy, 3000)
    _, bounded, _ = timings_for_rate(load, policy, 3000, Interval(0.0, 10.0))
    assert bounded == unknown


def test_envoys_histogram_gives_the_attempts_time_back() -> None:
    # Attempts of 10 ms: 4000 requests, 800 first retries, 160 second ones, none refused.
    attempts, backoffs = 4960 * 0.010, 800 * 0.0125 + 160 * 0.025
    bounds = attempt_bounds(Load(4000, 4, 0.2), Policy(), (attempts + backoffs) / 4000, 960)
    assert 0.010 in bounds
    assert bounds.high < 0.0125


def test_a_histogram_of_zeros_leaves_up_to_its_resolution() -> None:
    bounds = attempt_bounds(Load(4000, 4, 0.2), Policy(retries=0), 0.0, 0)
    assert bounds.low == 0
    assert 0.001 <= bounds.high < 0.0012


@pytest.mark.parametrize(
    ("requests", "upstream_time", "retries"),
    [(0, 0.1, 0), (10, -0.1, 0), (10, math.nan, 0), (10, 0.1, -1)],
)
def test_nothing_measured_gives_no_bounds(
    requests: int, upstream_time: float, retries: int
) -> None:
    with pytest.raises(ValueError, match="nothing measured"):
        attempt_bounds(Load(requests, 4, 0.2), Policy(), upstream_time, retries)

"""The simulation against closed forms, where there are any, and against what must hold."""

from __future__ import annotations

import math
from dataclasses import replace
from statistics import fmean

import pytest

from lab.measure.intervals import binomial_prediction
from lab.measure.theory import closed_form
from lab.measure.theory.calibrate import expected_rate, mean_hold
from lab.measure.theory.simulate import Load, Outcome, Policy, Timing, simulate, steady_rate

FAST = Timing(attempt=0.0002, overhead=0.0003)
CERTAIN = 0.999999
"""Intervals at this confidence: these seeds are fixed, so what passes once always does."""


def overflow_share(load: Load, outcome: Outcome) -> float:
    """The share of first retries that the breaker refused, of a policy with one retry."""
    asked = outcome.retry_overflow + outcome.retries
    assert asked > load.requests * load.error_rate / 2
    return outcome.retry_overflow / asked


def test_the_same_seed_gives_the_same_run() -> None:
    load, policy = Load(500, 8, 0.2), Policy()
    assert simulate(load, policy, FAST, 7) == simulate(load, policy, FAST, 7)
    assert simulate(load, policy, FAST, 7) != simulate(load, policy, FAST, 8)


@pytest.mark.parametrize("clients", [1, 3, 16])
@pytest.mark.parametrize("error_rate", [0.05, 0.2, 0.5])
@pytest.mark.parametrize("retries", [0, 1, 3])
def test_with_a_slot_for_every_client_the_closed_forms_hold(
    clients: int, error_rate: float, retries: int
) -> None:
    policy = Policy(retries=retries, max_retries=clients)
    outcome = simulate(Load(3000, clients, error_rate), policy, FAST, seed=1)
    success = closed_form.success_rate(error_rate, retries)
    assert outcome.retry_overflow == 0
    assert outcome.successes in binomial_prediction(3000, success, CERTAIN)
    assert outcome.attempts in closed_form.attempts_interval(3000, error_rate, retries, CERTAIN)


@pytest.mark.parametrize("constant", [False, True])
@pytest.mark.parametrize(
    "timing", [Timing(0.0, 0.001), Timing(0.001, 0.0), Timing(0.02, 0.005, lateness=0.003)]
)
@pytest.mark.parametrize(("clients", "slots"), [(4, 3), (16, 3), (64, 8)])
def test_the_share_of_refused_retries_is_engsets(
    clients: int, slots: int, timing: Timing, *, constant: bool
) -> None:
    load, policy = Load(60_000, clients, 0.2), Policy(retries=1, max_retries=slots)
    idle = (timing.attempt + timing.overhead) / load.error_rate
    blocked = closed_form.engset(clients, slots, mean_hold(load, policy, timing) / idle)
    outcome = simulate(load, policy, replace(timing, constant=constant), seed=3)
    assert overflow_share(load, outcome) == pytest.approx(blocked, abs=0.015)


@pytest.mark.parametrize(
    "timing", [FAST, Timing(0.0002, 0.0003, queued=True), Timing(0.01, 0.001, queued=True)]
)
@pytest.mark.parametrize("clients", [4, 16])
def test_the_rate_is_that_of_the_loop_with_losses(clients: int, timing: Timing) -> None:
    load, policy = Load(4000, clients, 0.2), Policy()
    rates = [simulate(load, policy, timing, seed).rate for seed in range(20)]
    assert fmean(rates) == pytest.approx(expected_rate(load, policy, timing), rel=0.02)


def test_when_everything_fails_requests_end_at_the_limit_or_at_the_breaker() -> None:
    outcome = simulate(Load(400, 8, 1.0), Policy(retries=2, max_retries=3), FAST, seed=1)
    assert outcome.successes == 0
    assert outcome.retry_overflow > 0
    assert outcome.retries == 2 * outcome.retry_limit_exceeded


def test_only_a_first_retry_is_ever_refused() -> None:
    # A request that fails again keeps its slot, so one client in four always gets through.
    outcome = simulate(Load(4, 4, 1.0), Policy(retries=5, max_retries=1), FAST, seed=1)
    assert (outcome.retry_limit_exceeded, outcome.retry_overflow) == (1, 3)
    assert outcome.retries == 5


def test_when_nothing_fails_nothing_is_retried() -> None:
    outcome = simulate(Load(100, 8, 0.0), Policy(), FAST, seed=1)
    assert (outcome.successes, outcome.attempts) == (100, 100)


def test_a_policy_without_retries_blames_the_limit_and_not_the_breaker() -> None:
    outcome = simulate(Load(1000, 64, 0.5), Policy(retries=0, max_retries=0), FAST, seed=1)
    assert outcome.retry_overflow == 0
    assert outcome.attempts == 1000
    assert outcome.retry_limit_exceeded in binomial_prediction(1000, 0.5, CERTAIN)


def test_without_slots_every_failure_is_an_overflow() -> None:
    outcome = simulate(Load(1000, 1, 0.3), Policy(retries=2, max_retries=0), FAST, seed=1)
    assert (outcome.retries, outcome.retry_limit_exceeded) == (0, 0)
    assert outcome.retry_overflow == outcome.failures > 0


def test_no_requests_are_no_run() -> None:
    outcome = simulate(Load(0, 4, 0.2), Policy(), FAST, seed=1)
    assert (outcome.successes, outcome.attempts) == (0, 0)
    assert math.isnan(outcome.rate)


def test_more_clients_than_requests_all_send_once() -> None:
    outcome = simulate(Load(5, 64, 0.0), Policy(), FAST, seed=1)
    assert outcome.successes == 5
    assert math.isnan(outcome.rate)


def test_the_steady_rate_leaves_out_the_idle_end() -> None:
    # 4 clients, 10 requests: when the last was sent, 6 had been answered.
    assert steady_rate(10, 4, last_sent=3.0) == 2.0


def test_back_offs_double_up_to_envoys_cap() -> None:
    windows = [Policy(retries=6).window(retry) for retry in range(1, 7)]
    assert windows == [0.025, 0.05, 0.1, 0.2, 0.25, 0.25]


@pytest.mark.parametrize(
    "build",
    [
        lambda: Load(-1, 1, 0.2),
        lambda: Load(1, 0, 0.2),
        lambda: Load(1, 1, 20),
        lambda: Policy(retries=-1),
        lambda: Policy(max_retries=-1),
        lambda: Policy(base=0.5),
        lambda: Timing(-1, 0),
        lambda: Timing(0, math.inf),
        lambda: Timing(0, 0, lateness=-1),
    ],
)
def test_what_cannot_be_is_refused(build: type) -> None:
    with pytest.raises(ValueError, match="no such"):
        build()

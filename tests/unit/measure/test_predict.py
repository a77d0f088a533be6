"""Predictions: exact without a breaker, calibrated by the rate with one, honest in both."""

from __future__ import annotations

import math
from random import Random

import pytest

from lab.measure.intervals import Interval, binomial_prediction
from lab.measure.theory import closed_form
from lab.measure.theory.calibrate import LATENESS, timings_for_rate
from lab.measure.theory.predict import SIMULATED_REQUESTS, predict
from lab.measure.theory.simulate import Load, Policy, Timing, simulate


@pytest.mark.parametrize(
    ("clients", "policy"), [(3, Policy()), (64, Policy(max_retries=1024)), (64, Policy(retries=0))]
)
def test_where_the_breaker_cannot_refuse_the_prediction_is_exact(
    clients: int, policy: Policy
) -> None:
    prediction = predict(Load(4000, clients, 0.2), policy, [], 0.999)
    success = closed_form.success_rate(0.2, policy.retries)
    attempts = closed_form.attempts_interval(4000, 0.2, policy.retries, 0.999)
    assert prediction.successes.interval == binomial_prediction(4000, success, 0.999)
    assert prediction.retries.interval == Interval(attempts.low - 4000, attempts.high - 4000)
    assert prediction.retry_overflow.interval == Interval(0, 0)


@pytest.mark.parametrize(
    ("clients", "rate", "failures"),
    [(4, 3533, 627), (8, 9737, 738), (16, 13505, 744), (64, 16538, 777)],
)
def test_what_a_real_envoy_did_at_its_rate_is_predicted(
    clients: int, rate: float, failures: int
) -> None:
    # Envoy 1.40.0, 4000 requests, error rate 20 %, 2 retries, 3 slots: bench/breaker.py.
    load, policy = Load(4000, clients, 0.2), Policy()
    prediction = predict(load, policy, timings_for_rate(load, policy, rate), 0.99)
    assert 4000 - failures in prediction.successes.interval


def test_the_breaker_explains_most_failures_at_concurrency_16() -> None:
    load, policy = Load(4000, 16, 0.2), Policy()
    prediction = predict(load, policy, timings_for_rate(load, policy, 3000), 0.999)
    assert prediction.successes.interval.high < 4000 * closed_form.success_rate(0.2, 2)
    assert prediction.retry_overflow.mean > 0.9 * (4000 - prediction.successes.mean)


def test_an_upstream_twice_as_bad_is_outside_the_prediction() -> None:
    believed, policy = Load(4000, 16, 0.2), Policy()
    actual = simulate(Load(4000, 16, 0.4), policy, Timing(0.001, 0.003), seed=1)
    prediction = predict(believed, policy, timings_for_rate(believed, policy, actual.rate), 0.999)
    assert actual.successes not in prediction.successes.interval


def test_a_longer_run_than_is_simulated_scales_mean_and_spread() -> None:
    policy, timing = Policy(), [Timing(0.001, 0.003)]
    short, long = (
        predict(Load(SIMULATED_REQUESTS * times, 16, 0.2), policy, timing, 0.999).successes
        for times in (1, 100)
    )
    assert long.mean == pytest.approx(100 * short.mean)
    spread = (long.interval.high - long.interval.low) / (short.interval.high - short.interval.low)
    assert spread == pytest.approx(math.sqrt((100 + 100**2 / 60) / (1 + 1 / 60)), rel=0.02)


@pytest.mark.parametrize(("error_rate", "successes"), [(0.0, 500), (1.0, 0)])
def test_certainty_is_predicted_as_certainty(error_rate: float, successes: int) -> None:
    prediction = predict(Load(500, 16, error_rate), Policy(), [Timing(0.001, 0.003)], 0.999)
    assert prediction.successes.interval == Interval(successes, successes)


def test_no_requests_are_predicted_to_count_nothing() -> None:
    prediction = predict(Load(0, 16, 0.2), Policy(), [], 0.999)
    nothing = Interval(0, 0)
    assert prediction.successes.interval == prediction.retries.interval == nothing


def test_a_breaker_without_a_timing_is_not_guessed_at() -> None:
    with pytest.raises(ValueError, match="timing"):
        predict(Load(100, 16, 0.2), Policy(), [], 0.999)


def test_false_alarms_are_no_more_frequent_than_stated() -> None:
    # 60 runs of random loads, judged knowing no more of them than their rate. At 95 % three
    # alarms are expected; more than 8 would have a chance below 1 in 200.
    rng = Random(11)  # noqa: S311 - a simulation, not a secret
    alarms = 0
    for run in range(60):
        load = Load(rng.choice([300, 600]), rng.choice([4, 8, 32]), rng.choice([0.05, 0.2, 0.5]))
        policy = Policy(retries=rng.choice([1, 2, 3]))
        time, share = 10 ** rng.uniform(-3.5, -2), rng.random()
        timing = Timing(
            attempt=time * share,
            overhead=time * (1 - share),
            lateness=rng.uniform(0, LATENESS),
            constant=rng.random() < 0.5,
            queued=rng.random() < 0.5,
        )
        outcome = simulate(load, policy, timing, seed=1_000_000 + run)
        timings = timings_for_rate(load, policy, outcome.rate)
        prediction = predict(load, policy, timings, 0.95, seed=run)
        alarms += outcome.successes not in prediction.successes.interval
    assert alarms <= 8

"""Intervals against published values, against brute force, and at their edges."""

from __future__ import annotations

import math

import pytest

from lab.measure.intervals import (
    Interval,
    binomial_prediction,
    compare,
    equal_tailed,
    normal_quantile,
    wilson,
)


def mass(k: int, n: int, p: float) -> float:
    return math.comb(n, k) * p**k * (1 - p) ** (n - k)


def test_an_interval_contains_its_ends_and_nothing_beyond() -> None:
    interval = Interval(2, 4)
    assert [value in interval for value in (1.99, 2, 3, 4, 4.01)] == [
        False,
        True,
        True,
        True,
        False,
    ]


def test_the_normal_quantile_is_the_familiar_one() -> None:
    assert normal_quantile(0.95) == pytest.approx(1.959964, abs=1e-6)


def test_wilson_gives_the_published_interval() -> None:
    # Newcombe, Statistics in Medicine 17 (1998) 857, table I, method 3.
    interval = wilson(81, 263)
    assert (interval.low, interval.high) == pytest.approx((0.2553, 0.3662), abs=5e-5)


@pytest.mark.parametrize(("successes", "end"), [(0, 0.0), (50, 1.0)])
def test_wilson_reaches_the_end_when_all_trials_agree(successes: int, end: float) -> None:
    interval = wilson(successes, 50)
    assert end in interval
    # By Wilson's formula the squared quantile over itself plus n.
    assert interval.high - interval.low == pytest.approx(3.8415 / 53.8415, abs=1e-4)


def test_wilson_of_no_trials_says_nothing() -> None:
    assert wilson(0, 0) == Interval(0.0, 1.0)


@pytest.mark.parametrize(("successes", "trials"), [(-1, 5), (6, 5)])
def test_wilson_refuses_impossible_counts(successes: int, trials: int) -> None:
    with pytest.raises(ValueError, match="impossible"):
        wilson(successes, trials)


@pytest.mark.parametrize("confidence", [0.0, 1.0, 95.0])
def test_a_confidence_outside_0_and_1_is_refused(confidence: float) -> None:
    with pytest.raises(ValueError, match="confidence"):
        binomial_prediction(10, 0.5, confidence)


@pytest.mark.parametrize("n", [0, 1, 2, 7, 40])
@pytest.mark.parametrize("p", [0.0, 0.001, 0.2, 0.5, 0.97, 1.0])
@pytest.mark.parametrize("confidence", [0.5, 0.95, 0.999])
def test_a_binomial_prediction_leaves_at_most_half_on_either_side(
    n: int, p: float, confidence: float
) -> None:
    interval = binomial_prediction(n, p, confidence)
    low, high = int(interval.low), int(interval.high)
    spare = (1 - confidence) / 2
    rounding = 1e-12
    assert sum(mass(k, n, p) for k in range(low)) <= spare + rounding
    assert sum(mass(k, n, p) for k in range(high + 1, n + 1)) <= spare + rounding
    assert low == 0 or sum(mass(k, n, p) for k in range(low + 1)) > spare - rounding
    assert high == n or sum(mass(k, n, p) for k in range(high, n + 1)) > spare - rounding


def test_a_binomial_prediction_of_a_million_trials_is_exact() -> None:
    # Quantiles of Binomial(10^6, 0.992) at 0.0005 and 0.9995, by SciPy 1.17.
    assert binomial_prediction(10**6, 0.992, 0.999) == Interval(991705, 992292)


@pytest.mark.parametrize(("trials", "probability"), [(-1, 0.5), (5, -0.1), (5, 1.1)])
def test_a_binomial_prediction_refuses_what_cannot_be(trials: int, probability: float) -> None:
    with pytest.raises(ValueError, match=r"negative|probability"):
        binomial_prediction(trials, probability, 0.95)


def test_cutting_tails_starts_counting_at_the_first_count() -> None:
    assert equal_tailed([0.02, 0.02, 0.9, 0.03, 0.03], first=7, confidence=0.9) == Interval(9, 10)


def test_fisher_gives_the_p_value_of_the_lady_tasting_tea() -> None:
    # All four cups right: 1/70 on either side.
    assert compare((4, 0), (4, 4)).p_value == pytest.approx(2 / 70)


def test_fisher_of_equal_proportions_is_no_evidence() -> None:
    assert compare((30, 30), (100, 100)).p_value == pytest.approx(1.0)


def test_fisher_agrees_with_a_reference_on_large_counts() -> None:
    # The reference is SciPy 1.17.
    assert compare((792, 992), (1000, 1000)).p_value == pytest.approx(2.8421259e-56, rel=1e-6)


def test_newcombe_gives_the_published_interval() -> None:
    # Newcombe, Statistics in Medicine 17 (1998) 873, table II (a), method 10: 56/70 - 48/80.
    result = compare((48, 56), (80, 70))
    assert result.difference == pytest.approx(0.2)
    assert (result.interval.low, result.interval.high) == pytest.approx((0.0524, 0.3339), abs=5e-5)


def test_swapping_two_runs_mirrors_their_difference() -> None:
    there, back = compare((10, 30), (50, 60)), compare((30, 10), (60, 50))
    assert back.difference == pytest.approx(-there.difference)
    assert back.interval.high == pytest.approx(-there.interval.low)
    assert back.p_value == pytest.approx(there.p_value)


def test_a_run_without_requests_is_not_compared() -> None:
    with pytest.raises(ValueError, match="without requests"):
        compare((0, 5), (0, 10))

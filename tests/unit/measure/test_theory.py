"""Closed forms against enumeration, and where they are trivial."""

from __future__ import annotations

import math

import pytest

from lab.measure.intervals import Interval, binomial_prediction
from lab.measure.theory import closed_form

GRID = [(p, n) for p in (0.0, 0.05, 0.2, 0.5, 0.9, 1.0) for n in (0, 1, 2, 3, 7)]


def attempts_distribution(p: float, n: int) -> dict[int, float]:
    """The probability of each number of attempts of one request."""
    chances = {k: p ** (k - 1) * (1 - p) for k in range(1, n + 1)}
    return chances | {n + 1: p**n}


def sum_distribution(requests: int, p: float, n: int) -> dict[int, float]:
    """The same for several requests together, by plain convolution."""
    total = {0: 1.0}
    for _ in range(requests):
        longer: dict[int, float] = {}
        for sum_, chance in total.items():
            for count, more in attempts_distribution(p, n).items():
                longer[sum_ + count] = longer.get(sum_ + count, 0.0) + chance * more
        total = longer
    return total


def test_two_retries_turn_20_percent_errors_into_less_than_1_percent() -> None:
    assert closed_form.success_rate(0.2, 2) == pytest.approx(0.992)


@pytest.mark.parametrize(("p", "n"), GRID)
def test_the_mean_number_of_attempts_is_that_of_the_distribution(p: float, n: int) -> None:
    mean = math.fsum(k * chance for k, chance in attempts_distribution(p, n).items())
    assert closed_form.attempts_per_request(p, n) == pytest.approx(mean)
    assert closed_form.retries_per_request(p, n) == pytest.approx(mean - 1)


@pytest.mark.parametrize(("p", "n"), [(p, n) for p, n in GRID if p < 1])
def test_the_mean_number_of_attempts_is_the_textbook_fraction(p: float, n: int) -> None:
    assert closed_form.attempts_per_request(p, n) == pytest.approx((1 - p ** (n + 1)) / (1 - p))


def test_when_everything_fails_every_retry_is_used() -> None:
    assert closed_form.success_rate(1.0, 2) == 0
    assert closed_form.attempts_per_request(1.0, 2) == 3


@pytest.mark.parametrize(("p", "n"), GRID)
def test_the_variance_of_the_attempts_is_that_of_the_distribution(p: float, n: int) -> None:
    chances = attempts_distribution(p, n)
    mean = math.fsum(k * chance for k, chance in chances.items())
    spread = math.fsum((k - mean) ** 2 * chance for k, chance in chances.items())
    assert closed_form.attempts_variance(10, p, n) == pytest.approx(10 * spread, abs=1e-12)


@pytest.mark.parametrize(("p", "n"), GRID)
@pytest.mark.parametrize("requests", [0, 1, 12])
def test_the_interval_of_the_attempts_leaves_at_most_half_on_either_side(
    requests: int, p: float, n: int
) -> None:
    confidence, rounding = 0.99, 1e-12
    spare = (1 - confidence) / 2
    interval = closed_form.attempts_interval(requests, p, n, confidence)
    chances = sum_distribution(requests, p, n)
    below = math.fsum(chance for count, chance in chances.items() if count < interval.low)
    above = math.fsum(chance for count, chance in chances.items() if count > interval.high)
    assert max(below, above) <= spare + rounding
    assert below + chances[int(interval.low)] > spare - rounding
    assert above + chances[int(interval.high)] > spare - rounding


def test_with_one_retry_the_attempts_of_a_long_run_are_binomial() -> None:
    retries = binomial_prediction(4000, 0.2, 0.999)
    attempts = closed_form.attempts_interval(4000, 0.2, 1, 0.999)
    assert attempts == Interval(4000 + retries.low, 4000 + retries.high)


def test_engset_with_a_server_for_every_source_never_blocks() -> None:
    assert closed_form.engset(3, 3, 100.0) == 0


def test_engset_without_servers_always_blocks() -> None:
    assert closed_form.engset(3, 0, 1.0) == 1


@pytest.mark.parametrize("load", [0.0, 0.3, 2.0, 50.0])
def test_engset_is_the_ratio_of_the_textbook_sums(load: float) -> None:
    sources, servers = 9, 4
    terms = [math.comb(sources - 1, k) * load**k for k in range(servers + 1)]
    assert closed_form.engset(sources, servers, load) == pytest.approx(terms[-1] / sum(terms))


def test_engset_with_very_many_sources_is_erlangs_loss_formula() -> None:
    terms = [10.0**k / math.factorial(k) for k in range(4)]
    many = 10**7
    assert closed_form.engset(many, 3, 10 / many) == pytest.approx(terms[-1] / sum(terms), rel=1e-5)


@pytest.mark.parametrize("load", [0.0, 0.3, 20.0])
def test_a_loop_without_queues_loses_as_engset_says(load: float) -> None:
    sources, slots, idle = 9, 4, 2.0
    cycle = idle + (1 - closed_form.engset(sources, slots, load)) * load * idle
    rates = [present / idle for present in range(sources + 1)]
    assert closed_form.loss_throughput(rates, slots, load * idle) == pytest.approx(sources / cycle)


def test_a_saturated_server_loses_as_erlang_says() -> None:
    # With the server never idle, demands for 3 slots come at a constant rate of 10 a second;
    # the server is idle only if all 1000 customers were elsewhere.
    assert closed_form.loss_throughput([0.0] + [10.0] * 1000, 3, 5.0) == pytest.approx(10.0)


def test_a_lone_customer_in_the_loop_is_gone_while_it_holds_a_slot() -> None:
    # One second in the loop, then three in the slot.
    assert closed_form.loss_throughput([0.0, 1.0], 1, 3.0) == pytest.approx(1 / 4)


def test_one_customer_never_queues() -> None:
    assert closed_form.queue_throughput(1, 0.5, 1.5) == [0.0, pytest.approx(1 / 2)]


def test_two_customers_of_one_server_queue_as_the_textbook_says() -> None:
    # Without delay the server is never idle; with service and delay of 1 s each,
    # 0, 1 or 2 at the server weigh 1, 2 and 2, so it is busy for 4/5 of the time.
    assert closed_form.queue_throughput(2, 1.0, 0.0)[2] == pytest.approx(1.0)
    assert closed_form.queue_throughput(2, 1.0, 1.0)[2] == pytest.approx(4 / 5)


@pytest.mark.parametrize(
    ("customers", "service", "delay"), [(-1, 1.0, 1.0), (1, -1.0, 2.0), (1, 0.0, 0.0)]
)
def test_an_impossible_queue_is_refused(customers: int, service: float, delay: float) -> None:
    with pytest.raises(ValueError, match="no rate"):
        closed_form.queue_throughput(customers, service, delay)


@pytest.mark.parametrize(
    ("rates", "slots", "offered"), [([0.0], 1, 1.0), ([0.0, 1.0], -1, 1.0), ([0.0, 1.0], 1, -1.0)]
)
def test_an_impossible_loop_is_refused(rates: list[float], slots: int, offered: float) -> None:
    with pytest.raises(ValueError, match="loss system"):
        closed_form.loss_throughput(rates, slots, offered)


@pytest.mark.parametrize(("p", "n"), [(-0.1, 1), (1.1, 1), (20, 1), (0.2, -1), (math.nan, 1)])
def test_impossible_rates_and_retries_are_refused(p: float, n: int) -> None:
    for function in (
        closed_form.success_rate,
        closed_form.attempts_per_request,
        closed_form.retries_per_request,
    ):
        with pytest.raises(ValueError, match=r"error rate|cannot"):
            function(p, n)


def test_a_negative_number_of_requests_is_refused() -> None:
    with pytest.raises(ValueError, match="cannot"):
        closed_form.attempts_interval(-1, 0.2, 2, 0.95)


@pytest.mark.parametrize(
    ("sources", "servers", "load"), [(0, 1, 1.0), (1, -1, 1.0), (1, 1, -1.0), (1, 1, math.inf)]
)
def test_an_impossible_loss_system_is_refused(sources: int, servers: int, load: float) -> None:
    with pytest.raises(ValueError, match=r"loss system|load"):
        closed_form.engset(sources, servers, load)

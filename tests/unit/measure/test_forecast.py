"""From a scenario's parameters and a measured run to predictions, or why there are none."""

from __future__ import annotations

import msgspec
import pytest

from lab.measure.counters.samples import UPSTREAM_MILLISECONDS, UPSTREAM_TIMED, Growth, Snapshot
from lab.measure.intervals import binomial_prediction
from lab.measure.theory import closed_form
from lab.measure.theory.forecast import Forecasts, forecast, upstream_time
from lab.measure.traffic.load import Load, Order
from tests.unit.experiment.simulated import made_load
from tests.unit.measure.snapshots import snapshot

BREAKER: dict[str, int | str | None] = {"error-rate": 20, "retries": 2, "max-retries": 3}
NOTHING = Growth(Snapshot(0.0, ()), Snapshot(0.0, ()))


def load(clients: int = 1, sent: int = 1000, **changes: float) -> Load:
    order = Order(url="", requests=sent, concurrency=clients, rate=changes.get("rate"))
    return made_load(order, 0, last_sent=changes.get("last_sent", 1.0))


def predict(of: Load, growth: Growth = NOTHING, **parameters: str | int | None) -> Forecasts:
    return forecast(of, growth, {**BREAKER, **parameters}, 0.999)


def test_without_a_sidecar_each_request_is_one_attempt() -> None:
    found = forecast(load(), NOTHING, {"error-rate": 20}, 0.999)
    assert found.counts["successes"].interval == binomial_prediction(1000, 0.8, 0.999)
    assert found.counts["retries"].interval.high == 0


def test_one_client_gets_the_closed_form() -> None:
    found = predict(load())
    success = closed_form.success_rate(0.2, 2)
    assert found.counts["successes"].interval == binomial_prediction(1000, success, 0.999)
    assert found.why == ()


def test_the_breaker_is_explained_where_it_may_refuse() -> None:
    (why,) = predict(load(clients=16)).why
    assert why.startswith(
        "99.2% would succeed if every retry were allowed; at concurrency 16 the circuit breaker, "
        "which allows 3 concurrent retries, brings that to "
    )


def test_a_scenario_without_a_sidecars_limit_has_no_breaker() -> None:
    found = forecast(load(clients=64), NOTHING, {"error-rate": 20, "retries": 2}, 0.999)
    assert found.counts["successes"].mean == pytest.approx(992)


@pytest.mark.parametrize("value", [None, "20"])
def test_a_scenario_without_an_error_rate_is_not_predicted(value: str | None) -> None:
    parameters: dict[str, int | str | None] = {} if value is None else {"error-rate": value}
    found = forecast(load(), NOTHING, parameters, 0.999)
    assert not found.counts
    assert found.missing == "the scenario has no parameter error-rate"


def test_an_open_loop_is_predicted_only_where_the_breaker_cannot_refuse() -> None:
    refused = predict(load(clients=16, rate=100.0))
    assert not refused.counts
    assert refused.missing == (
        "theory covers the circuit breaker in closed loops only, and this was open"
    )
    assert predict(load(clients=3, rate=100.0)).counts


@pytest.mark.parametrize(("sent", "last_sent"), [(16, 1.0), (10, 1.0), (100, 0.0)])
def test_a_run_without_a_steady_phase_is_not_predicted(sent: int, last_sent: float) -> None:
    found = predict(load(clients=16, sent=sent, last_sent=last_sent))
    assert found.missing == "the run was too short to tell its rate"


def test_envoys_histogram_makes_the_prediction_sharper() -> None:
    timed = ((UPSTREAM_MILLISECONDS, 3000.0), (UPSTREAM_TIMED, 1000.0))
    zero = ((UPSTREAM_MILLISECONDS, 0.0), (UPSTREAM_TIMED, 0.0))
    measured = Growth(snapshot(extra=zero), snapshot({"retries": 100}, extra=timed))
    of = load(clients=16, last_sent=2.0)
    sharp, blunt = (predict(of, growth).counts["successes"] for growth in (measured, NOTHING))
    widths = [each.interval.high - each.interval.low for each in (sharp, blunt)]
    assert widths[0] < widths[1]


def test_the_upstream_time_is_a_mean_in_seconds() -> None:
    timed = ((UPSTREAM_MILLISECONDS, 3000.0), (UPSTREAM_TIMED, 1000.0))
    zero = ((UPSTREAM_MILLISECONDS, 0.0), (UPSTREAM_TIMED, 0.0))
    assert upstream_time(Growth(snapshot(extra=zero), snapshot(extra=timed))) == 0.003
    assert upstream_time(Growth(snapshot(extra=zero), snapshot(extra=zero))) is None
    assert upstream_time(NOTHING) is None


def test_a_forecast_can_be_written_as_json() -> None:
    assert msgspec.json.encode(predict(load()))

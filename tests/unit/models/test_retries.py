"""From a model's parameters and a measured run to predictions, or why there are none."""

from __future__ import annotations

import msgspec
import pytest

from lab import models
from lab.measure.intervals import binomial_prediction
from lab.measure.theory import closed_form
from lab.models.base import Predicted, Run
from lab.models.retries import UNLIMITED
from lab.topology.spec import ModelSpec

BREAKER = {"error_rate": 0.2, "retries": 2.0, "max_concurrent": 3.0}
EGRESS = "proxy.egress"


def run(clients: int = 1, sent: int = 1000, rate: float = 1000.0, **changes: float) -> Run:
    made = Run(sent=sent, concurrency=clients, open_loop=False, proxy=EGRESS, rate=rate)
    return msgspec.structs.replace(made, **changes)


def predict(of: Run, parameters: dict[str, float] | None = None) -> Predicted:
    model = ModelSpec(kind="retries", parameters=BREAKER if parameters is None else parameters)
    return models.predict(model, of, 0.999)


def bounds(found: Predicted, name: str = "client.succeeded") -> tuple[float, float]:
    return found.counts[name].low, found.counts[name].high


def test_without_retries_each_request_is_one_attempt() -> None:
    found = predict(run(), {"error_rate": 0.2})
    expected = binomial_prediction(1000, 0.8, 0.999)
    assert bounds(found) == (expected.low, expected.high)
    assert bounds(found, f"{EGRESS}.retries") == (0, 0)


def test_one_client_gets_the_closed_form() -> None:
    found = predict(run())
    expected = binomial_prediction(1000, closed_form.success_rate(0.2, 2), 0.999)
    assert bounds(found) == (expected.low, expected.high)
    assert found.why == ()


def test_without_a_proxy_that_retries_there_is_nothing_to_predict_of_it() -> None:
    assert list(predict(run(proxy="")).counts) == ["client.succeeded"]  # type: ignore[arg-type] # a text


def test_the_limit_is_explained_where_it_may_refuse() -> None:
    (why,) = predict(run(clients=16)).why
    assert why.startswith(
        "99.2% would succeed if every retry were allowed; at concurrency 16 the circuit breaker, "
        "which allows 3 concurrent retries, brings that to "
    )


def test_without_a_limit_any_number_of_clients_gets_the_closed_form() -> None:
    found = predict(run(clients=64), {"error_rate": 0.2, "retries": 2})
    assert found.counts["client.succeeded"].mean == pytest.approx(992)
    assert found.why == ()


def test_a_limit_that_concurrency_reaches_does_not_matter_yet() -> None:
    assert predict(run(clients=3)).why == ()
    assert predict(run(clients=4)).why != ()


def test_an_open_loop_is_predicted_only_where_the_limit_cannot_refuse() -> None:
    refused = predict(run(clients=16, open_loop=True))
    assert refused.counts == {}
    assert refused.missing == "the model knows its limit in closed loops only"
    assert predict(run(clients=3, open_loop=True)).counts


@pytest.mark.parametrize("rate", [0.0, float("nan")])
def test_a_run_without_a_steady_phase_is_not_predicted(rate: float) -> None:
    assert predict(run(clients=16, rate=rate)).missing == "the run was too short to tell its rate"


def test_the_time_that_requests_took_upstream_makes_the_prediction_sharper() -> None:
    of = run(clients=16, rate=500.0)
    measured = msgspec.structs.replace(of, upstream_time=0.003, retries=100)
    (sharp, blunt) = (high - low for low, high in map(bounds, map(predict, (measured, of))))
    assert sharp < blunt


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"error_rate": 1.5},
        {"error_rate": -0.1},
        {"error_rate": 0.2, "retries": 9e8},
        {"error_rate": 0.2, "max_concurrent": -1},
        {"error_rate": 0.2, "patience": 1},
    ],
)
def test_values_that_it_does_not_take_are_not_predicted(parameters: dict[str, float]) -> None:
    found = predict(run(), parameters)
    assert found.counts == {}
    assert found.missing.startswith("the model retries takes no ")


@pytest.mark.parametrize("kind", ["", "luck", "base", "os"])
def test_a_model_that_there_is_not_predicts_nothing(kind: str) -> None:
    found = models.predict(ModelSpec(kind=kind), run(), 0.999)
    assert found == Predicted(missing=f"there is no model {kind}")


def test_the_ends_of_each_parameter_are_taken() -> None:
    known = models.parameters("retries")
    assert set(models.required("retries")) <= set(known)
    for end in (0, 1):
        given = {name: span[end] for name, span in known.items()}
        assert predict(run(sent=10), given).missing == ""
    assert known["max_concurrent"] == (0, UNLIMITED)

"""Requests that are repeated when they fail, up to a number, and up to a number at one time.

The model answers in closed form while its limit on concurrent retries cannot refuse any. Else
the prediction also depends on how fast requests came, and how evenly, which is taken from the run
(:mod:`lab.measure.theory.calibrate`, :mod:`lab.measure.theory.unsteady`); whether they succeeded
is not looked at.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.measure.theory import closed_form
from lab.measure.theory.calibrate import UNKNOWN, attempt_bounds, timings_for_rate
from lab.measure.theory.predict import predict as simulated
from lab.measure.theory.simulate import Load, Policy
from lab.measure.theory.unsteady import equivalent_timing
from lab.metrics.laws import CLIENT
from lab.models.base import Predicted
from lab.spec.claims import Prediction

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lab.measure.theory.predict import Forecast
    from lab.measure.theory.simulate import Timing
    from lab.models.base import Run

UNLIMITED = 1_000_000
"""A limit on concurrent retries that nothing reaches."""
PARAMETERS: Mapping[str, tuple[float, float]] = {
    "error_rate": (0, 1),
    "retries": (0, 1000),
    "max_concurrent": (0, UNLIMITED),
}
REQUIRED = ("error_rate",)


def predict(parameters: Mapping[str, float], run: Run, confidence: float) -> Predicted:
    """Predict how many requests of a run succeed, and how many retries its proxy makes."""
    policy = Policy(
        retries=round(parameters.get("retries", 0)),
        max_retries=round(parameters.get("max_concurrent", UNLIMITED)),
    )
    sent = Load(run.sent, run.concurrency, parameters["error_rate"])
    timings: tuple[Timing, ...] = ()
    if _limit_matters(sent, policy):
        if run.open_loop:
            return Predicted(missing="the model knows its limit in closed loops only")
        if not run.rate > 0:
            return Predicted(missing="the run was too short to tell its rate")
        attempt = UNKNOWN
        if run.upstream_time is not None and run.retries is not None:
            attempt = attempt_bounds(sent, policy, run.upstream_time, run.retries)
        timings = (
            *timings_for_rate(sent, policy, run.rate, attempt),
            equivalent_timing(sent, policy, run.rate, attempt, run.latencies),
        )
    found = simulated(sent, policy, timings, confidence)
    counts = {f"{CLIENT}.succeeded": _prediction(found.successes)}
    if run.proxy:
        counts[f"{run.proxy}.retries"] = _prediction(found.retries)
    return Predicted(counts=counts, why=tuple(_explain(sent, policy, found.successes.mean)))


def _prediction(forecast: Forecast) -> Prediction:
    return Prediction(mean=forecast.mean, low=forecast.interval.low, high=forecast.interval.high)


def _explain(sent: Load, policy: Policy, successes: float) -> list[str]:
    """How the limit moves the prediction away from 1 - p^(n+1), in a sentence."""
    if not _limit_matters(sent, policy) or not sent.requests:
        return []
    unlimited = closed_form.success_rate(sent.error_rate, policy.retries)
    return [
        (
            f"{unlimited:.1%} would succeed if every retry were allowed; at concurrency "
            f"{sent.clients} the circuit breaker, which allows {policy.max_retries} concurrent "
            f"retries, brings that to {successes / sent.requests:.1%}"
        )
    ]


def _limit_matters(sent: Load, policy: Policy) -> bool:
    return policy.retries > 0 and sent.clients > policy.max_retries

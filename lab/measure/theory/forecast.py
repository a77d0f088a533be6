"""What theory says of a run that has been measured: the bridge from parameters to predictions.

The parameters ``error-rate`` (percent), ``retries`` and ``max-retries`` say what ran. When the
circuit breaker may refuse retries, the prediction also depends on how fast requests came, and
how evenly, which is taken from the run (:mod:`lab.measure.theory.calibrate`,
:mod:`lab.measure.theory.unsteady`); whether they succeeded is not looked at.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from lab.measure.counters.samples import RETRIES, UPSTREAM_MILLISECONDS, UPSTREAM_TIMED
from lab.measure.numbers import MOST
from lab.measure.theory import closed_form
from lab.measure.theory.calibrate import UNKNOWN, attempt_bounds, timings_for_rate
from lab.measure.theory.predict import Forecast, predict
from lab.measure.theory.simulate import Load as SimulatedLoad
from lab.measure.theory.simulate import Policy, steady_rate
from lab.measure.theory.unsteady import equivalent_timing
from lab.measure.traffic import latency

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lab.measure.counters.samples import Growth
    from lab.measure.theory.simulate import Timing
    from lab.measure.traffic.load import Load

UNLIMITED = 1_000_000
"""A limit on concurrent retries that nothing reaches, for scenarios that have none."""
MOST_RETRIES = 20
"""Retries per request that predictions are made for: their time grows with these."""

_RANGES = {"error-rate": (0, 100), "retries": (0, MOST_RETRIES), "max-retries": (UNLIMITED, MOST)}
"""The parameters that theory knows: what they are when not given, and the most they can be."""


class Forecasts(msgspec.Struct, frozen=True, kw_only=True):
    """Predicted counts of a run of ``requests``, by what they predict.

    ``missing`` says why there are none; ``why`` explains what else to know.
    """

    requests: int
    counts: dict[str, Forecast] = {}
    missing: str = ""
    why: tuple[str, ...] = ()


def forecast(
    load: Load,
    growth: Growth,
    parameters: Mapping[str, int | str | None],
    confidence: float,
) -> Forecasts:
    """Predict the counts of a run, each at ``confidence`` on its own.

    From the counters' ``growth`` only times and the number of retries are taken; where they
    were not measured, the intervals are wider.
    """
    known = setting(parameters)
    if isinstance(known, str):
        return Forecasts(requests=load.sent, missing=known)
    error_rate, policy = known
    sent = SimulatedLoad(load.sent, load.order.concurrency, error_rate)
    timings: tuple[Timing, ...] = ()
    if _breaker_may_refuse(sent, policy):
        if load.order.rate is not None:
            missing = "theory covers the circuit breaker in closed loops only, and this was open"
            return Forecasts(requests=load.sent, missing=missing)
        rate = steady_rate(load.sent, sent.clients, load.last_sent)
        if not rate > 0:
            return Forecasts(requests=load.sent, missing="the run was too short to tell its rate")
        retries, time = growth.of(RETRIES), upstream_time(growth)
        attempt = UNKNOWN
        if time is not None and retries is not None:
            attempt = attempt_bounds(sent, policy, time, retries)
        taken = latency.counts(load.histogram)
        timings = (
            *timings_for_rate(sent, policy, rate, attempt),
            equivalent_timing(sent, policy, rate, attempt, taken),
        )
    predicted = predict(sent, policy, timings, confidence)
    counts = {"successes": predicted.successes, "retries": predicted.retries}
    return Forecasts(
        requests=load.sent, counts=counts, why=tuple(_explain(sent, policy, predicted.successes))
    )


def setting(parameters: Mapping[str, int | str | None]) -> tuple[float, Policy] | str:
    """The error rate (0 to 1) and the policy that parameters describe, else why there is none.

    Any scenario can call its parameters so, and give them values of which theory knows nothing.
    """
    if not isinstance(parameters.get("error-rate"), int):
        return "the scenario has no parameter error-rate"
    values = []
    for name, (otherwise, most) in _RANGES.items():
        value = parameters.get(name)
        values.append(value if isinstance(value, int) else otherwise)
        if not 0 <= values[-1] <= most:
            return f"{name} is {values[-1]}, and theory knows 0 to {most}"
    error_rate, retries, max_retries = values
    return error_rate / 100, Policy(retries=retries, max_retries=max_retries)


def upstream_time(growth: Growth) -> float | None:
    """The mean seconds that Envoy's requests to service B took, None when not measured."""
    total, count = growth.of(UPSTREAM_MILLISECONDS), growth.of(UPSTREAM_TIMED)
    return total / count / 1000 if total is not None and count else None


def _explain(sent: SimulatedLoad, policy: Policy, successes: Forecast) -> list[str]:
    """How the breaker moves the prediction away from 1 - p^(n+1), in a sentence."""
    if not _breaker_may_refuse(sent, policy) or not sent.requests:
        return []
    unlimited = closed_form.success_rate(sent.error_rate, policy.retries)
    return [
        (
            f"{unlimited:.1%} would succeed if every retry were allowed; at concurrency "
            f"{sent.clients} the circuit breaker, which allows {policy.max_retries} concurrent "
            f"retries, brings that to {successes.mean / sent.requests:.1%}"
        )
    ]


def _breaker_may_refuse(sent: SimulatedLoad, policy: Policy) -> bool:
    return policy.retries > 0 and sent.clients > policy.max_retries

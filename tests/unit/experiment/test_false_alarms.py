"""Honest verdicts: labs that are as described are confirmed, others are refuted."""

from __future__ import annotations

from random import Random

import msgspec
import pytest

from lab.measure.intervals import binomial_prediction
from lab.measure.theory.calibrate import LATENESS
from lab.measure.theory.simulate import Timing
from lab.metrics.quantities import Quantities
from lab.spec.claims import Verdict, overall
from lab.verdicts.assess import FALSE_ALARMS, predict
from tests.unit.experiment.simulated import Judged, Run, judged, judgement

SIGNIFICANCE = 0.001
"""A correct program fails the test of its false alarms this rarely."""


def random_run(rng: Random, seed: int, sizes: tuple[int, ...]) -> Run:
    time, share = 10 ** rng.uniform(-3.5, -2), rng.random()
    return Run(
        scenario=rng.choice(("direct", "sidecar", "haproxy")),
        requests=rng.choice(sizes),
        clients=rng.choice((1, 2, 4, 16, 64)),
        error_rate=rng.choice((0, 1, 5, 20, 50, 100)),
        retries=rng.choice((0, 1, 2, 3)),
        max_retries=rng.choice((0, 1, 3, 1024)),
        timings=(
            Timing(
                attempt=time * share,
                overhead=time * (1 - share),
                lateness=rng.uniform(0, LATENESS),
                constant=rng.random() < 0.5,
                queued=rng.random() < 0.3,
            ),
        ),
        latencies=False,
        seed=1_000_000 + seed,
    )


def test_of_200_correct_labs_no_more_are_refuted_than_stated() -> None:
    rng = Random(29)  # noqa: S311 - a simulation, not a secret
    runs = [random_run(rng, number, (150, 300)) for number in range(200)]
    alarms = [run for run in runs if overall(run.judged().results) is Verdict.REFUTED]
    most = binomial_prediction(len(runs), FALSE_ALARMS, 1 - 2 * SIGNIFICANCE).high
    assert len(alarms) <= most, alarms


@pytest.mark.parametrize("scenario", ["direct", "sidecar"])
@pytest.mark.parametrize("clients", [1, 16])
def test_a_service_b_that_fails_twice_as_often_is_refuted(scenario: str, clients: int) -> None:
    for seed in range(3):
        run = Run(scenario=scenario, clients=clients, actual_error_rate=40, seed=seed)
        assert overall(run.judged().results) is Verdict.REFUTED


EXTREMES = {
    "no failures": Run(error_rate=0),
    "only failures": Run(error_rate=100),
    "only failures, in parallel": Run(error_rate=100, clients=16),
    "no retries": Run(retries=0, clients=16),
    "no retry at a time": Run(max_retries=0, clients=16),
    "no retry at a time, one client": Run(max_retries=0),
    "a single request": Run(requests=1, error_rate=0),
    "fewer requests than clients": Run(requests=5, clients=8, max_retries=1024),
}


@pytest.mark.parametrize("run", EXTREMES.values(), ids=EXTREMES.keys())
def test_extremes_are_judged_and_confirmed(run: Run) -> None:
    assert overall(run.judged().results) is Verdict.CONFIRMED


def interval(found: Judged, name: str) -> tuple[float | None, float | None]:
    result = judgement(found, name)
    return result.low, result.high


def test_certain_failure_leaves_no_room() -> None:
    judged = Run(error_rate=100).judged()
    assert interval(judged, "success") == (0, 0)
    assert interval(judged, "retries") == (2000, 2000)


@pytest.mark.parametrize("scenario", ["direct", "sidecar"])
def test_no_requests_measure_nothing(scenario: str) -> None:
    judged = Run(scenario=scenario, requests=0).judged()
    assert {each.verdict for each in judged.results} == {Verdict.NOT_MEASURED}
    assert judgement(judged, "success").why == ("no request was sent",)


def test_requests_that_this_machine_could_not_send_are_held_against_nobody() -> None:
    record = Run(scenario="direct", error_rate=0, requests=100).record()
    load = msgspec.structs.replace(record.load, unsent=3)
    found = judged(msgspec.structs.replace(record, load=load))
    assert {each.verdict for each in found.results} == {Verdict.NOT_MEASURED}
    assert judgement(found, "success").why == ("3 requests could not be sent by this machine",)


def test_fewer_requests_than_clients_tell_no_rate_for_the_breaker() -> None:
    judged = Run(requests=5, clients=8).judged()
    success = judgement(judged, "success")
    assert success.verdict is Verdict.NOT_MEASURED
    assert success.why == ("the run was too short to tell its rate",)


def test_a_breaker_with_one_client_and_no_slots_refuses_every_retry() -> None:
    judged = Run(max_retries=0, error_rate=100, requests=50).judged()
    assert interval(judged, "success") == (0, 0)


FAST, SLOW = Timing(0.0005, 0.001), Timing(0.002, 0.1)


@pytest.mark.parametrize("seed", range(2))
def test_a_lab_on_a_host_that_is_busy_at_times_is_confirmed(seed: int) -> None:
    run = Run(requests=4000, clients=16, timings=(FAST, SLOW), seed=seed)
    assert overall(run.judged().results) is Verdict.CONFIRMED


def test_the_mean_rate_alone_would_refute_a_lab_on_a_host_that_is_busy_at_times() -> None:
    run = Run(requests=4000, clients=16, timings=(FAST, SLOW), latencies=False)
    assert judgement(run.judged(), "success").verdict is Verdict.REFUTED


def test_a_bad_service_b_is_not_excused_by_a_busy_host() -> None:
    run = Run(requests=4000, clients=16, timings=(FAST, SLOW), actual_error_rate=40)
    assert judgement(run.judged(), "success").verdict is Verdict.REFUTED


def test_a_prediction_does_not_look_at_what_succeeded() -> None:
    good, bad = (Run(clients=16, actual_error_rate=rate).record() for rate in (20, 40))
    changed = msgspec.structs.replace(
        good.load,
        succeeded=bad.load.succeeded,
        failed=bad.load.failed,
        outcomes=bad.load.outcomes,
    )
    other = msgspec.structs.replace(good, load=changed)
    quantities = Quantities(good.spec)
    assert predict(good, quantities) == predict(other, quantities)


def test_a_record_that_is_judged_twice_is_judged_alike() -> None:
    run = Run(clients=16)
    assert judged(run.record()) == judged(run.judged().record)

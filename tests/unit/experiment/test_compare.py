"""Two runs side by side: what differed going in, what came out, and what is significant."""

from __future__ import annotations

import msgspec
import pytest

from lab.experiment.compare import Comparison, Difference, contrast
from lab.measure.records import Image
from lab.measure.traffic import latency
from tests.unit.experiment.simulated import Run


def row(found: Comparison, name: str) -> Difference:
    (only,) = (each for each in found.differences if each.name == name)
    return only


DIRECT, SIDECAR = Run(scenario="direct").record("one"), Run().record("two")


def test_a_sidecar_succeeds_significantly_more() -> None:
    success = row(contrast(DIRECT, SIDECAR), "success rate")
    assert success.significant is True
    assert success.test == "Fisher's exact test"
    assert (success.second or 0) > (success.first or 1)


def test_two_runs_of_the_same_lab_do_not_differ() -> None:
    found = contrast(Run(seed=1).record("one"), Run(seed=2).record("two"))
    assert row(found, "success rate").significant is False
    assert found.inputs == {}


def test_fishers_p_value_is_the_published_one() -> None:
    # The lady tasting tea: 3 of 4 against 1 of 4 gives 0.4857 (R. A. Fisher, The Design of
    # Experiments, 1935; R's fisher.test(matrix(c(3, 1, 1, 3), 2)).
    three, one = (Run(requests=4).record() for _ in range(2))
    runs = [
        msgspec.structs.replace(
            each, load=msgspec.structs.replace(each.load, succeeded=good, failed=4 - good)
        )
        for each, good in ((three, 3), (one, 1))
    ]
    p_value = row(contrast(*runs), "success rate").p_value
    assert p_value == pytest.approx(0.4857, abs=1e-4)


def test_latencies_are_compared_by_rank_and_shown_by_percentile() -> None:
    found = contrast(DIRECT, SIDECAR)
    ranks = row(found, "latency")
    assert ranks.test == "Mann-Whitney U test"
    assert ranks.p_value is not None
    assert row(found, "latency p99").first is not None


def test_without_a_sidecar_the_last_hop_gets_each_request_once_and_nothing_retries() -> None:
    found = contrast(DIRECT, SIDECAR)
    assert row(found, "last hop per request").first == 1.0
    assert (row(found, "last hop per request").second or 0) > 1.1
    assert row(found, "retries per request").first is None
    assert (row(found, "retries per request").second or 0) > 0.1


def test_retries_of_two_proxies_that_count_them_differently_are_compared() -> None:
    found = contrast(Run(scenario="haproxy").record("one"), SIDECAR)
    retries = row(found, "retries per request")
    assert retries.first == pytest.approx(retries.second, abs=0.1)


def test_runs_without_requests_have_nothing_to_test() -> None:
    nothing = Run(requests=0).record()
    found = contrast(nothing, nothing)
    assert {each.p_value for each in found.differences} == {None}
    assert row(found, "success rate").significant is None


def test_runs_without_latencies_are_not_ranked() -> None:
    empty = latency.Recorder().histogram()
    load = msgspec.structs.replace(SIDECAR.load, histogram=empty, latency=None)
    found = contrast(DIRECT, msgspec.structs.replace(SIDECAR, load=load))
    assert row(found, "latency").p_value is None
    assert row(found, "latency p50").second is None


def test_inputs_that_differ_are_named_and_no_others() -> None:
    other = Run(error_rate=30, clients=4).record()
    image = Image(reference="localhost/lab/service-b:2", id="b2", digest="sha256:b2")
    other = msgspec.structs.replace(
        other, images=(image,), host=msgspec.structs.replace(other.host, processors=8)
    )
    assert contrast(SIDECAR, other).inputs == {
        "parameters.error-rate": (20, 30),
        "load.concurrency": (1, 4),
        "images.localhost/lab/service-b": ("b1", "b2"),
        "host.processors": (2, 8),
    }

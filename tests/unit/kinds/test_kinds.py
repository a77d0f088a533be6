"""What every kind says of its programs is complete and consistent."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab import kinds
from lab.errors import UsageError
from lab.images import bases
from lab.kinds.base import METRIC, Hop, Kind, Program
from lab.kinds.http_service import PORT
from lab.metrics.laws import CLIENT_HOP
from lab.spec.expressions import sum_of

ROOT = Path(__file__).parents[3]
COMMON = (
    "received",
    "succeeded",
    "failed",
    "sent",
    "upstream_succeeded",
    "upstream_failed",
)
"""What all hops have in common, as lab/kinds/base.py says it."""
HOPS = [
    pytest.param(name, hop, id=f"{name}.{called}" if called else name)
    for name in kinds.NAMES
    for called, hop in kinds.describe(name, Program(service="x", hops=())).hops.items()
]


def described(kind: str, **environment: str) -> Kind:
    return kinds.describe(kind, Program(service="my-service", environment=environment))


@pytest.mark.parametrize(("kind", "hop"), HOPS)
def test_a_hop_counts_all_that_hops_have_in_common(kind: str, hop: Hop) -> None:
    assert not set(COMMON) - {*hop.meters, *hop.derived}, kind


@pytest.mark.parametrize(("kind", "hop"), HOPS)
def test_sums_laws_and_notes_of_a_hop_speak_of_its_own_meters_only(kind: str, hop: Hop) -> None:
    sums = [*hop.derived.values(), *(side for law in hop.laws for side in (law.left, law.right))]
    for text in sums:
        assert set(sum_of(text).names()) <= set(hop.meters), (kind, text)
    for note in hop.notes:
        assert not note.limit or note.limit not in hop.meters or hop.meters[note.limit].gauge
    assert not hop.busy or hop.meters[hop.busy].gauge


@pytest.mark.parametrize(("kind", "hop"), HOPS)
def test_no_quantity_of_a_hop_is_there_twice(kind: str, hop: Hop) -> None:
    assert not set(hop.meters) & set(hop.derived), kind


@pytest.mark.parametrize(("kind", "hop"), HOPS)
def test_a_meter_says_what_it_counts_and_by_what_its_absence_is_known(kind: str, hop: Hop) -> None:
    for name, meter in hop.meters.items():
        assert meter.what, (kind, name)
        assert meter.beside in {"", METRIC, *meter.labels}, (kind, name)


@pytest.mark.parametrize("name", kinds.NAMES)
def test_a_kind_is_called_as_its_module_and_shows_a_new_process(name: str) -> None:
    found = described(name)
    assert found.name == name
    assert found.start_time or found.uptime


@pytest.mark.parametrize("name", ["", "nginx", "base", "../envoy"])
def test_an_unknown_kind_is_a_key_error(name: str) -> None:
    with pytest.raises(KeyError):
        kinds.describe(name, Program(service="x"))


def test_every_build_context_of_labs_own_has_its_kind() -> None:
    contexts = {path.parent.name for path in ROOT.glob("*/Containerfile")}
    assert set(kinds.CONTEXTS) == contexts
    assert set(kinds.CONTEXTS.values()) == set(kinds.NAMES)


def test_every_base_is_pinned() -> None:
    assert {bases.base(name).registry != "" for name in kinds.BASES} == {True}
    with pytest.raises(UsageError) as caught:
        bases.base("")
    assert caught.value.hint == f"the bases are {', '.join(sorted(kinds.BASES))}"


def test_every_module_is_listed() -> None:
    modules = {path.stem for path in Path(kinds.__file__).parent.glob("*.py")}
    assert modules - {"__init__", "base"} == set(kinds.NAMES)


@pytest.mark.parametrize("kind", ["envoy", "haproxy"])
def test_a_proxy_has_the_hops_of_the_path_or_its_two_sides(kind: str) -> None:
    found = kinds.describe(kind, Program(service="proxy", hops=("edge", "egress")))
    assert list(found.hops) == ["edge", "egress"]
    assert list(described(kind).hops) == ["ingress", "egress"]


@pytest.mark.parametrize("kind", ["envoy", "haproxy"])
def test_only_a_hop_that_may_retry_counts_retries(kind: str) -> None:
    hops = described(kind).hops
    assert "retries" not in {**hops["ingress"].meters, **hops["ingress"].derived}
    assert "retries" in {**hops["egress"].meters, **hops["egress"].derived}


def test_a_service_counts_under_its_own_name_or_the_one_that_it_is_given() -> None:
    assert described("http_service").hops[""].meters["failed"].selector == (
        'my_service_requests_total{status="5xx"}'
    )
    given = described("http_service", SERVICE_NAME="service_a")
    assert given.hops[""].meters["failed"].metric == "service_a_requests_total"


@pytest.mark.parametrize(("given", "port"), [("9000", 9000), ("", PORT), ("soon", PORT)])
def test_a_service_serves_its_metrics_where_it_is_told_to(given: str, port: int) -> None:
    assert described("http_service", METRICS_PORT=given).endpoint.port == port
    assert described("http_service").endpoint.port == PORT


def test_prometheus_is_passed_by_no_request() -> None:
    assert described("prometheus").hops == {}


def test_the_client_derives_its_answers_from_what_it_counts() -> None:
    assert set(CLIENT_HOP.derived) == {"upstream_succeeded", "upstream_failed"}

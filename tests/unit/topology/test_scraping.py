"""What Prometheus scrapes is data of the scenario, and the same wherever it can stay the same."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from lab.topology import scenario
from lab.topology.scraping import ALL, LIMITS

if TYPE_CHECKING:
    from lab.topology.spec import LabSpec, PodSpec

ROOT = Path(__file__).parents[3]
EXAMPLES = sorted((ROOT / "docs" / "examples").glob("*/*.yaml"))
PROMETHEUS = "envoy-prom"


def configuration(spec: LabSpec) -> list[dict[str, Any]]:
    (build,) = (image.build for image in spec.images if image.name == PROMETHEUS)
    assert build is not None
    found: list[dict[str, Any]] = json.loads(build.args["SCRAPE_CONFIGS"])
    return found


def targets(spec: LabSpec) -> dict[str, list[str]]:
    """The targets of each job."""
    return {
        job["job_name"]: [target for part in job["static_configs"] for target in part["targets"]]
        for job in configuration(spec)
    }


def prometheus_pod(spec: LabSpec) -> PodSpec:
    (pod,) = (pod for pod in spec.pods if pod.name.endswith("prometheus-pod"))
    return pod


def test_prometheus_is_the_same_in_direct_sidecar_and_haproxy() -> None:
    specs = [scenario.load(name, given={}) for name in ("direct", "sidecar", "haproxy")]
    assert len({json.dumps(configuration(spec)) for spec in specs}) == 1
    assert len({prometheus_pod(spec).digest for spec in specs}) == 1


def test_every_job_of_the_articles_scenarios_has_its_target() -> None:
    assert targets(scenario.load("direct", given={})) == {
        "service-a": ["service-a-pod:8081"],
        "service-a-envoy": ["service-a-pod:9902"],
        "service-a-haproxy": ["service-a-pod:8405"],
        "service-b": ["service-b-pod:8081"],
    }


def test_a_scrape_has_its_path_and_its_limits() -> None:
    jobs = {job["job_name"]: job for job in configuration(scenario.load("direct", given={}))}
    assert jobs["service-a-envoy"]["metrics_path"] == "/stats/prometheus"
    assert jobs["service-b"]["metrics_path"] == "/metrics"
    assert all(LIMITS.items() <= job.items() for job in jobs.values())


@pytest.mark.parametrize("copies", [1, 3])
def test_each_replica_is_a_target_that_prometheus_resolves(copies: int) -> None:
    spec = scenario.load("sidecar", given={"copies": copies})
    pods = [f"service-b-pod-{number}" for number in range(1, copies + 1)]
    assert targets(spec)["service-b"] == [f"{pod}:8081" for pod in pods]
    hosts = prometheus_pod(spec).hosts
    assert {pod: hosts[pod] for pod in pods} == {pod: (pod,) for pod in pods}


def test_another_lab_has_the_same_targets_under_its_own_pods() -> None:
    one, two = (scenario.load("sidecar", name=name, given={}) for name in ("lab", "two"))
    assert configuration(one) == configuration(two)
    assert prometheus_pod(two).hosts == {
        "service-a-pod": ("two-service-a-pod",),
        "service-b-pod": ("two-service-b-pod",),
    }


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda path: path.stem)
def test_the_examples_scrape_what_counts_and_nothing_else(file: Path) -> None:
    expected = {
        "cache": {"cache": ["cache-pod:8081"], "web": ["web-pod:8081"]},
        "chain": {f"service-{x}": [f"service-{x}-pod:8081"] for x in "abc"},
        "fan-out": {
            "gateway": ["gateway-pod:8081"],
            "service-b": ["service-b-pod:8081"],
            "service-c": ["service-c-pod:8081"],
        },
        "foreign": {"web-envoy": ["web-pod:9902"]},
    }
    assert targets(scenario.load(str(file), given={})) == expected[file.stem]


def own(tmp_path: Path, text: str) -> LabSpec:
    (tmp_path / "mine.yaml").write_text(text)
    return scenario.load(str(tmp_path / "mine.yaml"), given={})


def test_a_scenario_adds_jobs_of_containers_that_it_does_not_have(tmp_path: Path) -> None:
    spec = own(
        tmp_path,
        "summary: s\ninclude: _prometheus\n"
        "pods: {p: {containers: {a: {image: i, kind: http_service}}}}\n"
        "scrape: {later: {pod: p, kind: haproxy}, a: {pod: p, kind: envoy}}\n",
    )
    assert targets(spec) == {"a": ["p:8081"], "later": ["p:8405"]}  # a container's own job counts


def test_a_variable_of_the_container_says_where_its_metrics_are(tmp_path: Path) -> None:
    spec = own(
        tmp_path,
        "summary: s\ninclude: _prometheus\n"
        "pods: {p: {containers: {a: {image: i, kind: http_service, environment: "
        "{METRICS_PORT: 9100}}}}}\n",
    )
    assert targets(spec) == {"a": ["p:9100"]}


def test_names_that_the_scenario_gives_prometheus_itself_stay(tmp_path: Path) -> None:
    spec = own(
        tmp_path,
        "summary: s\n"
        "pods:\n"
        "  watch:\n"
        "    extra_hosts: {p: 192.0.2.1, other: p}\n"
        "    containers:\n"
        "      w:\n"
        "        build: {context: prometheus, base: prometheus, args: {S: {scrape: all}, T: t}}\n"
        "  p: {containers: {a: {image: i, kind: http_service}}}\n",
    )
    assert spec.pods[0].hosts == {"p": ("192.0.2.1",), "other": ("p",)}
    (build,) = (image.build for image in spec.images if image.build)
    assert build.args["T"] == "t"
    assert [job["job_name"] for job in json.loads(build.args["S"])] == ["a"]


def test_without_a_prometheus_nothing_is_filled_in(tmp_path: Path) -> None:
    spec = own(tmp_path, "summary: s\npods: {p: {containers: {a: {image: i, kind: envoy}}}}\n")
    assert spec.pods[0].hosts == {}
    assert ALL not in spec.to_json()

"""The configurations that ship with lab, as far as they can be judged without running them."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from lab.images import bases, contexts


def envoy(retries: str = "2", max_retries: str = "3") -> dict[str, Any]:
    arguments = {"RETRIES": retries, "MAX_RETRIES": max_retries}
    loaded = yaml.safe_load(contexts.load("envoy", arguments)["envoy.yaml"].content)
    assert isinstance(loaded, dict)
    return loaded


def http(listener: dict[str, Any]) -> dict[str, Any]:
    config: dict[str, Any] = listener["filter_chains"][0]["filters"][0]["typed_config"]
    return config


@pytest.mark.parametrize("retries", [0, 2, 10])
def test_the_number_of_retries_reaches_the_egress_route(retries: int) -> None:
    egress = envoy(retries=str(retries))["static_resources"]["listeners"][1]
    host = http(egress)["route_config"]["virtual_hosts"][0]
    assert host["retry_policy"] == {"retry_on": "5xx", "num_retries": retries}
    assert host["domains"] == ["b.local.service", "b.local.service:*"]


def test_the_ingress_route_does_not_retry() -> None:
    ingress = envoy()["static_resources"]["listeners"][0]
    assert "retry" not in str(ingress)


def test_the_circuit_breaker_of_retries_is_a_parameter_and_observable() -> None:
    cluster = envoy(max_retries="7")["static_resources"]["clusters"][1]
    thresholds = cluster["circuit_breakers"]["thresholds"]
    assert thresholds == [{"max_retries": 7, "track_remaining": True}]


def test_only_ingress_and_metrics_listen_outside_the_pod() -> None:
    config = envoy()
    listeners = [listener["address"] for listener in config["static_resources"]["listeners"]]
    addresses = [each["socket_address"] for each in (*listeners, config["admin"]["address"])]
    assert [(each["address"], each["port_value"]) for each in addresses] == [
        ("0.0.0.0", 80),  # noqa: S104 - compared, not bound
        ("127.0.0.1", 9001),
        ("0.0.0.0", 9902),  # noqa: S104 - compared, not bound
        ("127.0.0.1", 9901),
    ]


def test_prometheus_asks_every_second_what_the_scenario_lists() -> None:
    jobs = [{"job_name": "b", "static_configs": [{"targets": ["1.b:8081", "2.b:8081"]}]}]
    files = contexts.load("prometheus", {"SCRAPE_CONFIGS": json.dumps(jobs)})
    config = yaml.safe_load(files["prometheus.yml"].content)
    assert config["global"]["scrape_interval"] == "1s"
    assert config["scrape_configs"] == jobs


@pytest.mark.parametrize("name", ["python", "envoy", "haproxy", "prometheus"])
def test_every_base_is_pinned_to_a_version(name: str) -> None:
    tag = bases.base(name).registry.partition(":")[2]
    assert tag.count(".") == 2


def test_a_pinned_digest_takes_the_place_of_the_tag() -> None:
    assert bases.official("python").startswith("docker.io/library/python@sha256:")
    assert bases.official("envoy") == bases.base("envoy").registry

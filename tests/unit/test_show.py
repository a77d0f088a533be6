"""`lab show`: what can be counted, a picture, and the configuration that will run."""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING

import pytest
import yaml
from typer.testing import CliRunner

from lab.cli import app
from lab.metrics.quantities import Quantities
from lab.topology import scenario
from lab.topology.diagram import mermaid

if TYPE_CHECKING:
    from typer.testing import Result

PARTS = ("--shell", "--quantities", "--graph", "--config")
CACHE = "docs/examples/cache/cache.yaml"


def show(*words: str, status: int = 0) -> Result:
    result = CliRunner().invoke(app, ["show", *words], env={"COLUMNS": "300"})
    assert result.exit_code == status, result.output
    return result


@pytest.mark.parametrize("name", ["direct", "haproxy", "scale", CACHE])
def test_every_quantity_that_a_claim_can_speak_of_is_listed_once(name: str) -> None:
    listed = [each["name"] for each in json.loads(show(name, "--quantities", "-o", "json").stdout)]
    known = Quantities(scenario.load(name, given={})).words
    assert sorted(listed) == sorted(known)


def test_a_quantity_says_what_it_counts_and_where() -> None:
    lines = show("sidecar", "--quantities").stdout.splitlines()
    (retries,) = (line for line in lines if line.startswith("service-a-envoy.egress.retries "))
    assert retries.split("  ")[-1].strip() == (
        "service-a-envoy:9902/stats/prometheus "
        'envoy_cluster_upstream_rq_retry{envoy_cluster_name="remote_service_b"}'
    )
    (received,) = (line for line in lines if line.startswith("service-b.received "))
    assert "requests that reached the hop" in received
    assert received.endswith("= service-b.succeeded + service-b.failed")


def test_meters_of_ones_own_are_listed_with_their_series() -> None:
    found = json.loads(show(CACHE, "--quantities", "-o", "json").stdout)
    (hits,) = (each for each in found if each["name"] == "cache.hits")
    assert (hits["container"], hits["metric"], hits["labels"]) == (
        "cache", "cache_lookups_total", {"result": "hit"}
    )  # fmt: skip


def test_the_graph_is_the_lab_s_alone() -> None:
    printed = show("sidecar", "--graph", "--set", "port=8081").stdout
    assert printed == mermaid(scenario.load("sidecar", given={"port": 8081})) + "\n"
    assert printed.startswith("flowchart LR\n")
    assert 'client -->|"127.0.0.1:8081"| service_a_envoy_2e_ingress' in printed


def test_the_configuration_is_what_the_images_get() -> None:
    found = json.loads(show("sidecar", "--config", "--set", "retries=5", "-o", "json").stdout)
    assert sorted(found) == ["envoy-prom", "service-a-envoy"]
    envoy = yaml.safe_load(found["service-a-envoy"]["envoy.yaml"])
    _, egress, _ = envoy["static_resources"]["listeners"]
    assert '"num_retries": 5' in json.dumps(egress)
    prometheus = yaml.safe_load(found["envoy-prom"]["prometheus.yml"])
    assert [job["job_name"] for job in prometheus["scrape_configs"]] == [
        "service-a", "service-a-envoy", "service-a-haproxy", "service-b"
    ]  # fmt: skip


def test_each_configuration_stands_below_its_image_and_path() -> None:
    printed = show("haproxy", "--config", "--set", "retries=7").stdout
    assert "\n# service-a-haproxy: haproxy.cfg\n" in f"\n{printed}"
    assert "\n    retries 7\n" in printed
    assert "\n# envoy-prom: prometheus.yml\n" in f"\n{printed}"


@pytest.mark.parametrize("pair", [*itertools.combinations(PARTS, 2)], ids=" ".join)
def test_parts_exclude_each_other(pair: tuple[str, str]) -> None:
    assert (
        f"error: {pair[0]} and {pair[1]} exclude each other\n"
        in show("direct", *pair, status=2).stderr
    )


@pytest.mark.parametrize("words", [(), ("--shell",), ("--graph",)], ids=" ".join)
def test_json_is_of_quantities_and_configurations_only(words: tuple[str, ...]) -> None:
    assert (
        "-o json needs --quantities or --config"
        in show("direct", *words, "-o", "json", status=2).stderr
    )

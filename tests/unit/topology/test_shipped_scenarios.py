"""The scenarios that come with lab: the article's two set-ups, and what was made of them.

golden/NAME.json is the whole spec of a scenario as it is loaded without any parameter.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.spec.claims import Evenly
from lab.topology import scenario
from lab.topology.spec import LabSpec

GOLDEN = Path(__file__).parent / "golden"


def environment(spec: LabSpec, name: str) -> dict[str, str]:
    (found,) = (c.environment for _, c in spec.containers() if c.name == name)
    return found


@pytest.mark.parametrize("name", ["direct", "haproxy", "scale", "sidecar"])
def test_a_shipped_scenario_gives_the_golden_spec(name: str) -> None:
    golden = LabSpec.from_json((GOLDEN / f"{name}.json").read_text())
    assert scenario.load(name, given={}) == golden


def test_direct_and_sidecar_differ_only_in_what_runs_in_the_pod_of_service_a() -> None:
    direct, sidecar, haproxy = (
        scenario.load(name, given={}) for name in ("direct", "sidecar", "haproxy")
    )
    assert direct.pods[:2] == sidecar.pods[:2] == haproxy.pods[:2]
    assert direct.pods[2].shell_digest == sidecar.pods[2].shell_digest
    assert [pod.name for pod in sidecar.pods] == [
        "prometheus-pod",
        "service-b-pod",
        "service-a-pod",
    ]
    assert direct.volumes == sidecar.volumes
    assert all(image in sidecar.images for image in direct.images)


def test_service_a_calls_b_itself_or_through_the_sidecar() -> None:
    direct, sidecar = scenario.load("direct", given={}), scenario.load("sidecar", given={})
    assert environment(direct, "service-a")["UPSTREAM_SERVICE"] == "http://b.service:80"
    assert environment(sidecar, "service-a")["UPSTREAM_SERVICE"] == "http://b.local.service:9001"


def test_another_name_prefixes_everything_podman_holds_but_no_image() -> None:
    spec = scenario.load("sidecar", name="two", given={})
    assert spec.network.name == "two-lab"
    assert [volume.name for volume in spec.volumes] == ["two-prometheus-data"]
    assert [pod.name for pod in spec.pods] == [
        "two-prometheus-pod",
        "two-service-b-pod",
        "two-service-a-pod",
    ]
    assert [c.name for _, c in spec.containers()] == [
        "two-envoy-prom",
        "two-service-b",
        "two-service-a",
        "two-service-a-envoy",
    ]
    assert spec.pods[0].hosts == {
        "service-a-pod": ("two-service-a-pod",),
        "service-b-pod": ("two-service-b-pod",),
    }
    assert spec.pods[0].containers[0].mounts[0].volume == "two-prometheus-data"
    assert [image.name for image in spec.images] == [
        "envoy-prom",
        "service-b",
        "service-a",
        "service-a-envoy",
    ]
    assert [port.name for port in spec.ports()] == ["prometheus", "service-a"]


def test_every_parameter_arrives_where_it_belongs() -> None:
    given: dict[str, str | int] = {
        "error-rate": 35,
        "seed": "-7",
        "host": "0.0.0.0",  # noqa: S104 - nothing binds it
        "port": "8081",
        "prometheus-port": 9091,
        "retries": 0,
        "max-retries": 1024,
        "copies": 1,
    }
    spec = scenario.load("sidecar", given=given)
    assert environment(spec, "service-b-1") == {
        "ERROR_RATE": "35",
        "ERROR_SEED": "-7",
        "REPLICA": "1",
    }
    assert [port.published for port in spec.ports()] == [9091, 8081]
    assert {port.host_ip for port in spec.ports()} == {given["host"]}
    envoy = next(image.build for image in spec.images if image.name == "service-a-envoy")
    assert envoy is not None
    assert envoy.args == {"RETRIES": "0", "MAX_RETRIES": "1024"}
    assert spec.parameters == {**given, "seed": -7, "port": 8081}


def test_a_seed_that_is_not_set_leaves_its_variable_out() -> None:
    spec = scenario.load("direct", given={})
    assert spec.parameters["seed"] is None
    assert environment(spec, "service-b") == {"ERROR_RATE": "20"}


def test_scale_is_sidecar_with_three_copies_of_service_b() -> None:
    sidecar, scale = scenario.load("sidecar", given={}), scenario.load("scale", given={})
    assert [pod.name for pod in scale.pods[1:-1]] == [f"service-b-pod-{n}" for n in (1, 2, 3)]
    assert scale.pods == scenario.load("sidecar", given={"copies": 3}).pods
    assert scale.claims[:-1] == sidecar.claims
    assert isinstance(scale.claims[-1], Evenly)
    assert scale.claims[-1].spread == "service-b.received"
    assert scale.path == sidecar.path


def test_the_list_of_scenarios_leaves_out_what_is_only_included() -> None:
    assert [(shipped.name, shipped.summary[:9]) for shipped in scenario.names()] == [
        ("direct", "Service A"),
        ("haproxy", "Service A"),
        ("scale", "The sidec"),
        ("sidecar", "Service A"),
    ]


def test_the_text_of_a_scenario_is_its_yaml_with_the_comments_then_what_it_includes() -> None:
    files = ("sidecar.yaml", "_common.yaml", "_prometheus.yaml")
    parts = (f"# {name}\n{(scenario.SHIPPED / name).read_text()}" for name in files)
    assert scenario.text("sidecar") == "\n".join(parts)


def test_traffic_goes_to_service_a() -> None:
    assert scenario.load("direct", given={}).entry == "service-a"

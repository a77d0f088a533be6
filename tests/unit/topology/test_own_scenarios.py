"""Scenarios of the user's own: every key of the format arrives in the spec."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest

from lab.errors import UsageError
from lab.spec.claims import Evenly, Holds, Listens, Predicted
from lab.topology import scenario
from lab.topology.spec import (
    BuildSpec,
    ContainerSpec,
    ImageSpec,
    LabSpec,
    MountSpec,
    PortSpec,
    VolumeSpec,
)

MANUAL = Path(__file__).parents[3] / "docs" / "scenarios.md"
IMAGE = "docker.io/library/nginx:1.27"


@pytest.fixture(autouse=True)
def _in_a_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def load(directory: Path, text: str) -> LabSpec:
    (directory / "mine.yaml").write_text(text)
    return scenario.load("./mine.yaml", given={})


def container(directory: Path, keys: str) -> ContainerSpec:
    """The container c with these keys in flow style, in a scenario that declares two volumes."""
    spec = load(
        directory,
        "summary: s\n"
        "parameters: {unset: {type: integer, default: null}, size: {type: integer, default: 7}}\n"
        "volumes: {data: , more: }\n"
        f"pods: {{p: {{containers: {{c: {{{keys}}}}}}}}}\n",
    )
    return spec.pods[0].containers[0]


def test_a_container_of_a_strangers_image_may_write_and_keeps_its_capabilities(
    tmp_path: Path,
) -> None:
    assert container(tmp_path, f"image: {IMAGE}") == ContainerSpec(
        name="c", image=IMAGE, read_only=False, drop_capabilities=False
    )


def test_a_container_that_lab_builds_gets_a_read_only_root_and_room_for_scratch_files(
    tmp_path: Path,
) -> None:
    built = container(tmp_path, "build: {context: services, base: python}")
    assert built == ContainerSpec(name="c", image="c", tmpfs=("/tmp", "/run"))  # noqa: S108


def test_every_key_of_a_container_arrives(tmp_path: Path) -> None:
    keys = f"""
        image: {IMAGE},
        command: [serve, "--size=${{size}}", "$${{HOME}}"],
        environment: {{SIZE: "${{size}}", UNSET: "${{unset}}", FLAG: true, EMPTY: ""}},
        user: "1000:users",
        volumes: ["data:/data", "more:/run"],
        tmpfs: [/scratch],
        read_only: true,
        mem_limit: 2GB,
        pids_limit: "${{size}}",
        stop_grace_period: 1m30s
    """
    assert container(tmp_path, keys) == ContainerSpec(
        name="c",
        image=IMAGE,
        command=("serve", "--size=7", "${HOME}"),
        environment={"SIZE": "7", "FLAG": "true", "EMPTY": ""},
        user="1000:users",
        mounts=(
            MountSpec(volume="lab-data", target="/data"),
            MountSpec(volume="lab-more", target="/run"),
        ),
        tmpfs=("/tmp", "/scratch"),  # noqa: S108
        read_only=True,
        drop_capabilities=False,
        memory=2 * 1024**3,
        pids=7,
        stop_timeout=90,
    )


def test_an_environment_may_be_a_list(tmp_path: Path) -> None:
    keys = f'image: {IMAGE}, environment: [A=1=2, "B=${{unset}}", "C=${{size}}"]'
    assert container(tmp_path, keys).environment == {"A": "1=2", "C": "7"}


FORMS = {
    'environment: {discovery.type: single-node, a-b: 1, 1x: 2, "a b": 3}': {
        "environment": {"discovery.type": "single-node", "a-b": "1", "1x": "2", "a b": "3"}
    },
    "environment: [discovery.type=single-node]": {"environment": {"discovery.type": "single-node"}},
    "command: \"serve --name 'a b' ${size}\"": {"command": ("serve", "--name", "a b", "7")},
    "tmpfs: /scratch": {"tmpfs": ("/scratch",)},
    'tmpfs: ["/my data,a", /b/]': {"tmpfs": ("/my data,a", "/b")},
    'volumes: ["data:/data/:ro", "more:/more:rw"]': {
        "mounts": (
            MountSpec(volume="lab-data", target="/data", read_only=True),
            MountSpec(volume="lab-more", target="/more"),
        )
    },
    "mem_limit: 1.5g": {"memory": 3 * 512 * 1024**2},
    "mem_limit: 512MiB": {"memory": 512 * 1024**2},
    "mem_limit: 512 mb": {"memory": 512 * 1024**2},
    "mem_limit: 1t": {"memory": 1024**4},
    "mem_limit: 8388608": {"memory": 8 * 1024**2},
    "stop_grace_period: 10": {"stop_timeout": 10},
    "stop_grace_period: 1h1.5m": {"stop_timeout": 3690},
    "stop_grace_period: 1500ms": {"stop_timeout": 2},
    "user: robot$$": {"user": "robot$"},
}


@pytest.mark.parametrize(("keys", "fields"), FORMS.items(), ids=FORMS)
def test_what_compose_and_podman_accept_is_accepted(
    tmp_path: Path, keys: str, fields: dict[str, object]
) -> None:
    expected = ContainerSpec(name="c", image=IMAGE, read_only=False, drop_capabilities=False)
    found = container(tmp_path, f"image: {IMAGE}, {keys}")
    assert found == msgspec.structs.replace(expected, **fields)


IMAGES = ("[::1]:5000/a/b:1", f"a@sha512:{'0' * 128}", "localhost/a_b--c", "a:1@sha256:" + "f" * 64)


@pytest.mark.parametrize("image", IMAGES)
def test_an_image_has_whatever_name_podman_takes(tmp_path: Path, image: str) -> None:
    assert container(tmp_path, f'image: "{image}"').image == image


def test_names_may_be_long_and_hosts_whatever_a_hosts_file_takes(tmp_path: Path) -> None:
    long = "c" * 100
    spec = load(
        tmp_path,
        "summary: s\n"
        "pods:\n"
        "  p:\n"
        "    extra_hosts: {_x.y: '::1'}\n"
        f"    containers: {{{long}: {{image: {IMAGE}}}}}\n",
    )
    assert spec.pods[0].hosts == {"_x.y": ("::1",)}
    assert spec.pods[0].containers[0].name == long


def test_a_key_whose_parameter_is_not_set_has_its_default(tmp_path: Path) -> None:
    assert container(tmp_path, f'image: {IMAGE}, pids_limit: "${{unset}}"').pids == 256


def test_ports_and_hosts_of_a_pod_arrive(tmp_path: Path) -> None:
    spec = load(
        tmp_path,
        "summary: >\n  Two\n  lines.\n"
        "pods:\n"
        "  web:\n"
        "    extra_hosts: {db.internal: db, other: 192.0.2.1}\n"
        "    ports: [{name: http, published: 8000, target: 80}]\n"
        f"    containers: {{nginx: {{image: {IMAGE}}}}}\n"
        "  db:\n"
        f"    containers: {{postgres: {{image: {IMAGE}}}}}\n",
    )
    assert spec.summary == "Two lines."
    assert spec.pods[0].hosts == {"db.internal": ("db",), "other": ("192.0.2.1",)}
    assert spec.pods[0].ports == (
        PortSpec(name="http", host_ip="127.0.0.1", published=8000, target=80),
    )


OPEN = """\
summary: s
parameters: {host: {type: address, default: 0.0.0.0}}
pods:
  web:
    ports: [{name: http, host_ip: "${host}", published: 8000, target: 80}]
    containers: {nginx: {image: nginx:1}}
"""


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.7"])  # noqa: S104 - nothing binds it
def test_a_port_is_open_to_other_machines_when_the_command_line_says_so(
    tmp_path: Path, host: str
) -> None:
    (tmp_path / "mine.yaml").write_text(OPEN)
    spec = scenario.load("./mine.yaml", given={"host": host})
    (port,) = spec.ports()
    assert (port.host_ip, port.url) == (host, f"http://{host}:8000")


@pytest.mark.parametrize("given", [{}, {"host": "192.0.2.7"}])
def test_a_local_lab_has_every_port_on_loopback(tmp_path: Path, given: dict[str, str]) -> None:
    (tmp_path / "mine.yaml").write_text(OPEN)
    (port,) = scenario.load("./mine.yaml", given=given, local=True).ports()
    assert port.host_ip == "127.0.0.1"


def test_replicas_are_pods_alike_that_know_their_number(tmp_path: Path) -> None:
    spec = load(
        tmp_path,
        "summary: s\n"
        "parameters: {copies: {type: integer, default: 2}}\n"
        "pods:\n"
        "  db:\n"
        '    replicas: "${copies}"\n'
        f"    containers: {{sql: {{image: {IMAGE}, command: [serve, 'as ${{replica}}']}}}}\n",
    )
    assert [(pod.name, pod.replica) for pod in spec.pods] == [("db-1", 1), ("db-2", 2)]
    assert [(c.name, c.command) for _, c in spec.containers()] == [
        ("sql-1", ("serve", "as 1")),
        ("sql-2", ("serve", "as 2")),
    ]
    assert spec.images == (ImageSpec(name=IMAGE, reference=IMAGE),)
    assert set(spec.services()) == {"sql"}


def test_one_replica_is_numbered_as_well(tmp_path: Path) -> None:
    pod = f"p: {{replicas: 1, containers: {{c: {{image: {IMAGE}}}}}}}"
    spec = load(tmp_path, f"summary: s\npods: {{{pod}}}\n")
    assert [(pod.name, c.name) for pod, c in spec.containers()] == [("p-1", "c-1")]


def test_a_name_for_replicas_stands_for_all_and_a_numbered_one_for_each(tmp_path: Path) -> None:
    spec = load(
        tmp_path,
        "summary: s\n"
        "pods:\n"
        "  web:\n"
        "    extra_hosts: {db.internal: db, second: db-2}\n"
        f"    containers: {{nginx: {{image: {IMAGE}}}}}\n"
        "  db:\n"
        "    replicas: 2\n"
        f"    containers: {{sql: {{image: {IMAGE}}}}}\n",
    )
    assert spec.pods[0].hosts == {
        "db.internal": ("db-1", "db-2"),
        "second": ("db-2",),
        "1.db.internal": ("db-1",),
        "2.db.internal": ("db-2",),
    }


def test_a_build_argument_can_list_a_target_for_each_copy(tmp_path: Path) -> None:
    spec = load(
        tmp_path,
        "summary: s\n"
        "pods:\n"
        "  watch:\n"
        "    extra_hosts: {db.internal: db, other: 192.0.2.1}\n"
        "    containers:\n"
        "      prom:\n"
        "        build:\n"
        "          context: prometheus\n"
        "          base: prometheus\n"
        "          args:\n"
        "            MANY: {each: db.internal, port: 9100}\n"
        "            ONE: {each: other, port: 80}\n"
        "            TEXT: t\n"
        "  db:\n"
        "    replicas: 2\n"
        f"    containers: {{sql: {{image: {IMAGE}}}}}\n",
    )
    build = spec.images[0].build
    assert build is not None
    assert build.args == {
        "MANY": '["1.db.internal:9100", "2.db.internal:9100"]',
        "ONE": '["other:80"]',
        "TEXT": "t",
    }


def test_a_file_can_give_a_parameter_of_the_included_file_another_default(tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text(
        "parameters: {size: {type: integer, default: 9, maximum: 99, help: h}}\n"
        f'pods: {{p: {{containers: {{c: {{image: "{IMAGE}", pids_limit: "${{size}}"}}}}}}}}\n'
    )
    spec = load(tmp_path, "summary: s\ninclude: ./base.yaml\nparameters: {size: {default: 7}}\n")
    assert spec.pods[0].containers[0].pids == 7
    (parameter,) = scenario.parameters("./mine.yaml")
    assert (parameter.default, parameter.maximum, parameter.help) == (7, 99, "h")


def test_another_default_has_to_be_in_the_range(tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text(
        "parameters: {size: {type: integer, default: 9, maximum: 99}}\n"
        f"pods: {{p: {{containers: {{c: {{image: {IMAGE}}}}}}}}}\n"
    )
    with pytest.raises(UsageError) as caught:
        load(tmp_path, "summary: s\ninclude: ./base.yaml\nparameters: {size: {default: 100}}\n")
    (detail,) = caught.value.details
    assert detail == "mine.yaml:3: parameters.size.default: '100' is out of range: at most 99"


def test_an_image_that_two_containers_use_is_needed_once(tmp_path: Path) -> None:
    spec = load(
        tmp_path,
        "summary: s\n"
        f"pods: {{p: {{containers: {{a: {{image: {IMAGE}}}, b: {{image: {IMAGE}}}}}}}}}\n",
    )
    assert spec.images == (ImageSpec(name=IMAGE, reference=IMAGE),)


def test_a_build_context_is_a_directory_beside_the_file(tmp_path: Path) -> None:
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "Containerfile").write_text("ARG BASE\nFROM ${BASE}\n")
    spec = load(
        tmp_path,
        "summary: s\npods: {p: {containers: "
        "{c: {build: {context: ./app, base: python, args: {A: 1}}}}}}\n",
    )
    build = BuildSpec(context=str(tmp_path / "app"), base="python", args={"A": "1"})
    assert spec.images == (ImageSpec(name="c", reference="", build=build),)


def test_a_build_context_is_where_its_links_lead(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "Containerfile").touch()
    (tmp_path / "mine" / "app").symlink_to("..")
    text = "summary: s\npods: {p: {containers: {c: {build: {context: ./app, base: python}}}}}\n"
    (tmp_path / "mine" / "mine.yaml").write_text(text)
    with pytest.raises(UsageError) as caught:
        scenario.load("./mine/mine.yaml", given={})
    (detail,) = caught.value.details
    assert detail.endswith("'./app' is outside the scenario's directory")


def test_the_spec_names_the_file_the_same_from_every_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = f"summary: s\npods: {{p: {{containers: {{c: {{image: {IMAGE}}}}}}}}}\n"
    here = load(tmp_path, text)
    monkeypatch.chdir("/")
    assert scenario.load(str(tmp_path / "mine.yaml"), given={}) == here
    assert here.scenario == str(tmp_path / "mine.yaml")


def test_included_files_come_first_and_share_everything(tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text(
        "parameters: {size: {type: integer, default: 9}}\n"
        "volumes: {data: }\n"
        f"pods: {{first: {{containers: {{a: {{image: {IMAGE}}}}}}}}}\n"
    )
    spec = load(
        tmp_path,
        "summary: s\ninclude: ./base.yaml\n"
        'pods: {second: {extra_hosts: {a: first}, containers: {b: {image: "i:${size}", '
        'volumes: ["data:/d"]}}}}\n',
    )
    assert [pod.name for pod in spec.pods] == ["first", "second"]
    assert spec.pods[1].containers[0].image == "i:9"
    assert spec.volumes == (VolumeSpec(name="lab-data"),)


def test_an_included_file_may_include_what_is_above_it(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub/base.yaml").write_text("include: ../base.yaml\n")
    (tmp_path / "base.yaml").write_text("volumes: {data: }\n")
    pods = f"pods: {{p: {{containers: {{c: {{image: {IMAGE}}}}}}}}}\n"
    spec = load(tmp_path, f"summary: s\ninclude: ./sub/base.yaml\n{pods}")
    assert spec.volumes == (VolumeSpec(name="lab-data"),)


def test_a_scenario_may_include_what_the_shipped_ones_share(tmp_path: Path) -> None:
    spec = load(
        tmp_path,
        "summary: s\ninclude: _common\n"
        "pods: {service-a-pod: {containers: {service-a: {image: i, kind: http_service}}}}\n",
    )
    assert [c.name for _, c in spec.containers()] == ["envoy-prom", "service-b", "service-a"]


def test_a_scenario_may_have_prometheus_and_nothing_else_of_the_shipped_ones(
    tmp_path: Path,
) -> None:
    spec = load(
        tmp_path,
        "summary: s\ninclude: _prometheus\npods: {p: {containers: {c: {image: i}}}}\n",
    )
    assert [c.name for _, c in spec.containers()] == ["envoy-prom", "c"]
    assert spec.claims == ()
    build = spec.images[0].build
    assert build is not None
    assert build.args == {"SCRAPE_CONFIGS": "[]"}


def test_a_file_can_put_containers_into_a_pod_of_the_file_that_it_includes(tmp_path: Path) -> None:
    spec = load(
        tmp_path,
        "summary: s\ninclude: sidecar\n"
        f"pods: {{service-a-pod: {{containers: {{more: {{image: {IMAGE}}}}}}}}}\n",
    )
    sidecar = scenario.load("sidecar", given={})
    names = [container.name for container in spec.pods[2].containers]
    assert names == ["service-a", "service-a-envoy", "more"]
    assert [pod.shell_digest for pod in spec.pods] == [pod.shell_digest for pod in sidecar.pods]


def test_a_pod_that_no_file_gives_a_container_is_a_problem(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        load(tmp_path, "summary: s\ninclude: _common\n")
    assert caught.value.details[0] == "_common.yaml:24: pods.service-a-pod: containers is missing"


def test_the_example_in_the_manual_is_a_scenario(tmp_path: Path) -> None:
    example, replicas, secret, measuring = re.findall(
        r"```yaml\n(.*?)```", MANUAL.read_text(), re.DOTALL
    )
    spec = load(tmp_path, example)
    assert [pod.name for pod in spec.pods] == ["web-pod", "cache-pod"]
    assert [port.url for port in spec.ports()] == ["http://127.0.0.1:8080"]
    assert all(container.environment == {} for _, container in spec.containers())
    pods = load(tmp_path, replicas).pods
    assert [pod.name for pod in pods] == ["shard-pod-1", "shard-pod-2", "shard-pod-3", "web-pod"]
    assert [each.parameter for each in load(tmp_path, secret).secrets] == ["db-password"]
    measured, sidecar = load(tmp_path, measuring), scenario.load("sidecar", given={})
    assert (measured.path, measured.model) == (sidecar.path, sidecar.model)
    assert list(measured.meters) == ["b.cpu"]
    added = measured.claims[len(sidecar.claims) :]
    assert [type(claim) for claim in added] == [Holds, Holds, Predicted, Evenly, Listens]

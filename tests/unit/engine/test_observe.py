"""From podman's lists, as 4.3.1 words them, to what the rest of lab sees."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from lab.converge.diff import diff
from lab.converge.observed import (
    ABANDONED,
    Observed,
    SeenContainer,
    SeenNetwork,
    SeenPod,
    SeenSecret,
    SeenVolume,
)
from lab.engine import working
from lab.errors import EngineError
from tests.unit.engine.fake_podman import answer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.unit.engine.conftest import Engine
    from tests.unit.engine.fake_podman import Answer


def labels(owner: str) -> dict[str, str]:
    """The labels of what is the lab's and known as ``owner``."""
    return {"lab.name": "lab", "lab.owner": owner, "lab.digest": "0123"}


LISTS: dict[str, list[dict[str, object]]] = {
    "/pods/json": [
        {
            "Id": "p1",
            "Name": "service-a-pod",
            "Status": "Running",
            "InfraId": "c2",
            "Labels": labels("service-a-pod"),
        },
        {"Id": "p2", "Name": "other", "Status": "Exited", "Labels": {"lab.name": "two"}},
        {"Id": "p3", "Name": "plain", "Status": "Created", "Labels": None},
    ],
    "/containers/json": [
        {
            "Id": "c1",
            "Names": ["service-a"],
            "State": "running",
            "Pod": "p1",
            "Image": "localhost/lab/service-a:0123",
            "ImageID": "i1",
            "Labels": labels("p1/service-a"),
            "Ports": [
                {"host_ip": "127.0.0.1", "container_port": 80, "host_port": 8080, "range": 1}
            ],
        },
        {
            "Id": "c2",
            "Names": ["service-a-pod-infra"],
            "IsInfra": True,
            "State": "Exited",
            "Pod": "p1",
            "Image": "localhost/podman-pause:4.3.1-0",
            "ImageID": "i2",
            "Labels": labels("service-a-pod"),
            "Networks": ["lab"],
            "Ports": [{"host_ip": "", "container_port": 1, "host_port": 7000, "range": 3}],
        },
        {
            "Id": "c3",
            "Names": ["alone"],
            "State": "paused",
            "Pod": "",
            "Image": "i3",
            "ImageID": "i3",
            "Labels": {},
            "Ports": None,
        },
    ],
    "/networks/json": [
        {"name": "lab", "labels": labels("lab"), "subnets": [{"subnet": "10.64.1.0/24"}]},
        {"name": "podman", "subnets": [{"subnet": "10.88.0.0/16", "gateway": "10.88.0.1"}]},
        {"name": "empty", "labels": None, "subnets": None},
    ],
    "/volumes/json": [
        {"Name": "data", "Labels": labels("data"), "CreatedAt": "2026-11-23T17:00:00.123456789Z"},
        {
            "Name": "record",
            "Labels": {"lab.name": "lab", "lab.owner": "record", "lab.spec": "{}"},
            "CreatedAt": "2026-11-23T18:00:00+01:00",
        },
        {"Name": "theirs", "Labels": None, "CreatedAt": "2026-11-23T17:00:01Z"},
    ],
    "/secrets/json": [
        {"ID": "s1", "Spec": {"Name": "lab-secret-password-01", "Labels": None}},
        {"ID": "s2", "Spec": {"Name": "lab-secret-password-02", "Labels": None}},
        {"ID": "s3", "Spec": {"Name": "theirs", "Labels": None}},
    ],
}
SECRET_LABELS = {"lab.parameter": "password", "lab.fingerprint": "0:1"}
SECRETS = {
    "/secrets/lab-secret-password-01/json": labels("lab-secret-password-01") | SECRET_LABELS,
    "/secrets/lab-secret-password-02/json": labels("lab-secret-password-01") | SECRET_LABELS,
}
"""The labels of secrets, which no list has."""


def responding(lists: Mapping[str, object]) -> Callable[[str, str], Answer]:
    """Answer with these lists, and with what is known of each secret."""

    def respond(_method: str, path: str) -> Answer:
        if path in SECRETS:
            return answer(200, {"ID": "s", "Spec": {"Name": "s", "Labels": SECRETS[path]}})
        return answer(200, lists[path])

    return respond


@pytest.fixture
def seen(engine: Engine) -> Observed:
    found, _ = engine(responding(LISTS))
    return found.observe("lab")


@pytest.mark.parametrize("path", LISTS)
def test_a_list_in_which_something_was_just_removed_is_asked_for_again(
    engine: Engine, path: str
) -> None:
    gone = answer(500, {"message": "no volume with name x found in database: no such volume"})
    answers = {each: [answer(200, found)] for each, found in LISTS.items()}
    answers[path].append(gone)
    others = responding(LISTS)
    fake, server = engine(lambda _, it: answers[it].pop() if it in answers else others("", it))
    assert fake.observe("lab").my_pods()
    assert [asked for _, asked, _, _ in server.requests].count(path) == 2


def test_pods_are_known_by_their_labels(seen: Observed) -> None:
    assert seen.pods == (
        SeenPod(id="p1", name="service-a-pod", state="Running", digest="0123", mine=True),
        SeenPod(id="p2", name="other", state="Exited"),
        SeenPod(id="p3", name="plain", state="Created"),
    )


def test_containers_come_with_their_pod_image_and_ports(seen: Observed) -> None:
    assert seen.containers[0] == SeenContainer(
        id="c1",
        name="service-a",
        state="running",
        pod="p1",
        image="localhost/lab/service-a:0123",
        image_id="i1",
        digest="0123",
        mine=True,
        published=(("127.0.0.1", 8080),),
    )
    assert seen.containers[2] == SeenContainer(
        id="c3", name="alone", state="paused", image="i3", image_id="i3"
    )


def test_states_are_in_small_letters_and_infra_containers_are_marked(seen: Observed) -> None:
    assert (seen.containers[1].state, seen.containers[1].infra) == ("exited", True)


def test_an_infra_container_that_its_pod_has_forgotten_is_none(engine: Engine) -> None:
    lists = LISTS | {"/pods/json": [LISTS["/pods/json"][0] | {"InfraId": ""}]}
    fake, _ = engine(responding(lists))
    assert not fake.observe("lab").containers[1].infra


def test_what_another_program_builds_in_podman_s_storage_is_passed_over(engine: Engine) -> None:
    half_made, building = (
        {"Id": word, "Names": [word], "State": "storage", "Command": [word], "Labels": None}
        for word in ("storage", "buildah")
    )
    lists = LISTS | {"/containers/json": [half_made, building]}
    fake, _ = engine(responding(lists))
    seen = fake.observe("lab").containers
    assert seen == (SeenContainer(id="storage", name="storage", state="storage"),)


def test_a_range_of_ports_is_each_of_them(seen: Observed) -> None:
    assert seen.containers[1].published == (("", 7000), ("", 7001), ("", 7002))


COPIES = {
    "of an image, in no pod": ({"Pod": ""}, "lab"),
    "of an image, in our pod": ({}, "lab"),
    "of a commit of ours, in no pod": ({"Pod": ""}, "p1/service-a"),
    "of a commit of ours, in another pod": ({"Pod": "p3"}, "p1/service-a"),
    "of a commit of ours, in another pod, that knows its id": ({"Pod": "p3"}, "p3/service-a"),
    "of a commit of ours, in our pod": ({"Names": ["copy"]}, "p1/service-a"),
    "without a name": ({"Names": None}, "p1/service-a"),
    "with the labels of our pod": ({"Names": ["service-a-pod-infra"]}, "service-a-pod"),
    "an infra container of another pod": (
        {"Names": ["plain-infra"], "Pod": "p3", "IsInfra": True},
        "plain",
    ),
    "an infra container with another name": ({"Names": ["x-infra"], "IsInfra": True}, "p1"),
}


@pytest.mark.parametrize(("fields", "owner"), COPIES.values(), ids=COPIES)
def test_labels_that_came_with_an_image_make_nothing_ours(
    engine: Engine, fields: dict[str, object], owner: str
) -> None:
    copy = LISTS["/containers/json"][0] | fields | {"Labels": labels(owner)}
    lists = LISTS | {"/containers/json": [copy]}
    fake, _ = engine(responding(lists))
    assert [c.mine for c in fake.observe("lab").containers] == [False]


@pytest.mark.parametrize(
    ("path", "key"), [("/pods/json", "Name"), ("/networks/json", "name"), ("/volumes/json", "Name")]
)
def test_a_copy_under_another_name_is_nobody_s(engine: Engine, path: str, key: str) -> None:
    lists = LISTS | {path: [*LISTS[path], LISTS[path][0] | {key: "copy"}]}
    fake, _ = engine(responding(lists))
    seen = fake.observe("lab")
    for listed in (seen.pods, seen.networks, seen.volumes):
        assert not any(each.mine for each in listed if each.name == "copy")


@pytest.mark.parametrize("index", [0, 1])
def test_what_is_left_of_a_pod_that_is_gone_is_ours(engine: Engine, index: int) -> None:
    lists = LISTS | {"/pods/json": [], "/containers/json": [LISTS["/containers/json"][index]]}
    fake, _ = engine(responding(lists))
    assert [c.mine for c in fake.observe("lab").my_containers()] == [True]


def test_networks_come_with_their_subnets(seen: Observed) -> None:
    assert seen.networks == (
        SeenNetwork(name="lab", subnets=("10.64.1.0/24",), digest="0123", mine=True),
        SeenNetwork(name="podman", subnets=("10.88.0.0/16",)),
        SeenNetwork(name="empty"),
    )


def test_subnets_in_use_are_those_of_all_networks_and_of_the_host_s_routes(
    seen: Observed,
) -> None:
    assert seen.subnets_in_use[:2] == ("10.64.1.0/24", "10.88.0.0/16")
    assert "0.0.0.0/0" not in seen.subnets_in_use


def test_volumes_come_with_the_record_and_the_time_they_were_created(seen: Observed) -> None:
    assert seen.volumes == (
        SeenVolume(
            name="data", mine=True, created=datetime(2026, 11, 23, 17, 0, 0, 123456, tzinfo=UTC)
        ),
        SeenVolume(
            name="record", mine=True, spec="{}", created=datetime(2026, 11, 23, 17, tzinfo=UTC)
        ),
        SeenVolume(name="theirs", created=datetime(2026, 11, 23, 17, 0, 1, tzinfo=UTC)),
    )


def test_secrets_are_known_by_the_labels_that_each_is_asked_for(seen: Observed) -> None:
    assert seen.secrets == (
        SeenSecret(
            name="lab-secret-password-01", parameter="password", fingerprint="0:1", mine=True
        ),
        SeenSecret(name="lab-secret-password-02", parameter="password", fingerprint="0:1"),
    )


def test_a_secret_that_goes_meanwhile_is_passed_over(engine: Engine) -> None:
    others = responding(LISTS)
    gone = answer(404, {"cause": "no such secret"})
    found, _ = engine(lambda method, path: gone if path in SECRETS else others(method, path))
    assert found.observe("lab").secrets == ()


def test_images_are_not_listed(engine: Engine) -> None:
    found, server = engine(responding(LISTS))
    assert found.observe("lab").images == {}
    assert not any("images" in path for _, path, _, _ in server.requests)


def test_podman_says_which_image_a_reference_stands_for(engine: Engine) -> None:
    found, server = engine(answer(200, {"Id": "i1", "RepoTags": ["docker.io/library/a:latest"]}))
    assert found.image_id("a") == "i1"
    assert [path for _, path, _, _ in server.requests] == ["/images/a/json"]


def test_an_image_that_podman_does_not_know_has_no_id(engine: Engine) -> None:
    found, _ = engine(answer(404, {"cause": "image not known"}))
    assert found.image_id("a:1") == ""


def test_an_empty_podman_may_answer_null_for_a_list(engine: Engine) -> None:
    found, _ = engine(answer(200, None))
    assert found.observe("lab").pods == ()


def test_a_range_of_more_ports_than_there_are_is_unexpected(engine: Engine) -> None:
    containers = [{**LISTS["/containers/json"][0], "Ports": [{"host_port": 1, "range": 10**12}]}]

    found, _ = engine(responding(LISTS | {"/containers/json": containers}))
    with pytest.raises(EngineError, match="something unexpected"):
        found.observe("lab")


def test_what_a_build_of_lab_left_is_abandoned_once_its_process_is_gone(engine: Engine) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    here = working.name()
    gone = here.replace(f"-{os.getpid()}-", f"-{ended.pid}-")
    reused = f"{here.rpartition('-')[0]}-1"
    elsewhere = here.replace(here.split("-")[1], "0" * 8).replace(f"-{os.getpid()}-", "-1-")
    names = [f"{base}-working-container-7" for base in (here, gone, reused, elsewhere)]
    names += [f"x-{gone}-working-container", f"{gone}-working-container-x", gone]
    items = [
        {"Id": name, "Names": [name], "State": "storage", "Command": ["buildah"], "Labels": None}
        for name in names
    ]
    lists = LISTS | {"/containers/json": items}
    fake, _ = engine(responding(lists))
    seen = fake.observe("lab")
    assert [(c.name, c.state) for c in seen.containers] == [
        (f"{gone}-working-container-7", ABANDONED),
        (f"{reused}-working-container-7", ABANDONED),
    ]
    assert [str(step) for step in diff(None, seen).steps[:2]] == [
        f"remove container {c.name}  because its build was interrupted" for c in seen.containers
    ]

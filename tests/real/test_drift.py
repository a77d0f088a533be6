"""Drift of every kind: `lab status` names each thing, `lab up` repairs it and nothing else."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.real.accounts import Account
from tests.real.conftest import Foreign, Labs, new_lab
from tests.real.engine import Podman
from tests.real.labs import Lab
from tests.real.scenarios import built, pair
from tests.real.steps import step

pytestmark = pytest.mark.real

CONTAINERS = ("service-a", "service-a-envoy", "service-b", "envoy-prom")
PODS = ("service-a-pod", "service-b-pod", "prometheus-pod")


@pytest.fixture(scope="module")
def lab(account: Account, images: dict[str, str]) -> Iterator[Lab]:
    """One lab for all drift: each test finds it repaired by the last."""
    del images
    lab = new_lab(account, "drift")
    yield lab
    lab.remove()


@pytest.fixture
def before(lab: Lab, podman: Podman) -> dict[str, str]:
    """The ids of everything in a lab that is in sync."""
    lab.up("sidecar")
    return podman.ids(lab.name)


def drift(lab: Lab) -> str:
    """What `lab status` says would be repaired."""
    found = lab.status(expect=3)
    assert not found["in_sync"]
    return "\n".join(found["drift"])


def changed(lab: Lab, podman: Podman, before: dict[str, str]) -> set[str]:
    """What has another id after a repair, without the lab's prefix."""
    lab.up("sidecar")
    assert lab.status()["in_sync"]
    after = podman.ids(lab.name)
    keys = {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)}
    return {key.replace(f" {lab.name}-", " ") for key in keys if not key.endswith("-infra")}


@pytest.mark.parametrize(
    ("command", "repair"),
    [
        (("kill",), "start container {}  because it was stopped"),
        (("stop",), "start container {}  because it was stopped"),
        (("pause",), "resume container {}  because it was paused"),
    ],
)
def test_every_container_that_does_not_run_goes_on(
    lab: Lab, podman: Podman, before: dict[str, str], command: tuple[str, ...], repair: str
) -> None:
    names = [lab.container(name) for name in CONTAINERS]
    podman(*command, *names)
    said = drift(lab)
    assert all(repair.format(name) in said for name in names), said
    assert changed(lab, podman, before) == set()


def test_every_container_that_was_removed_is_made_in_the_pod_that_is_there(
    lab: Lab, podman: Podman, before: dict[str, str]
) -> None:
    names = [lab.container(name) for name in CONTAINERS]
    podman("rm", "--force", *names)
    said = drift(lab)
    assert all(f"create container {n}  because it does not exist" in said for n in names), said
    assert changed(lab, podman, before) == {f"container {name}" for name in CONTAINERS}


def test_every_pod_that_was_stopped_is_started(
    lab: Lab, podman: Podman, before: dict[str, str]
) -> None:
    names = [lab.container(name) for name in PODS]
    podman("pod", "stop", *names)
    said = drift(lab)
    assert all(f"start pod {name}  because it was stopped" in said for name in names), said
    assert changed(lab, podman, before) == set()


def test_every_pod_that_was_removed_is_made_with_its_containers(
    lab: Lab, podman: Podman, before: dict[str, str]
) -> None:
    names = [lab.container(name) for name in PODS]
    podman("pod", "rm", "--force", *names)
    said = drift(lab)
    assert all(f"create pod {name}  because it does not exist" in said for name in names), said
    made = {*(f"pod {name}" for name in PODS), *(f"container {name}" for name in CONTAINERS)}
    assert changed(lab, podman, before) == made


def test_a_data_volume_that_was_removed_is_made_with_the_container_that_had_it(
    lab: Lab, podman: Podman, before: dict[str, str]
) -> None:
    volume = lab.container("prometheus-data")
    podman("volume", "rm", "--force", volume)
    said = drift(lab)
    assert f"create volume {volume}  because it does not exist" in said
    made = {"volume prometheus-data", "container envoy-prom"}
    assert changed(lab, podman, before) == made


def test_a_container_whose_digest_is_another_is_made_again(
    lab: Lab, podman: Podman, before: dict[str, str]
) -> None:
    name = lab.container("service-b")
    found = podman.inspect(name)
    podman("rm", "--force", name)
    labels = {
        "lab.name": lab.name,
        "lab.owner": f"{found['Pod']}/{name}",
        "lab.digest": "another",
    }
    words = [word for key, value in labels.items() for word in ("--label", f"{key}={value}")]
    podman("create", "--name", name, "--pod", found["Pod"], *words, found["ImageName"])
    assert f"remove container {name}  because its image or settings changed" in drift(lab)
    assert changed(lab, podman, before) == {"container service-b"}


def test_a_container_that_has_lost_the_lab_s_label_is_named_and_left_alone(
    lab: Lab, podman: Podman, before: dict[str, str]
) -> None:
    name = lab.container("service-b")
    image = podman.inspect(name)["ImageName"]
    podman("rm", "--force", name)
    podman("create", "--name", name, "--label", "lab.name=", image)
    with step("status misses its own"):
        assert f"create container {name}  because it does not exist" in drift(lab)
    with step("up refuses to touch it, and says what is in the way"):
        refused = lab.up("sidecar", status=1)
        assert f"container {name} exists and does not belong to this lab" in refused.err
        assert podman.state(name) == "created"
    podman("rm", name)
    assert changed(lab, podman, before) == {"container service-b"}


def test_a_container_whose_image_was_tagged_anew_is_made_again(
    labs: Labs, podman: Podman, images: dict[str, str], foreign: Foreign, tmp_path: Path
) -> None:
    lab = labs("retag")
    tag = f"localhost/{lab.name}:1"
    podman("tag", images["service-b"], tag)
    foreign.cleanup.callback(podman, "untag", tag, tag)
    file = pair(tmp_path, port=lab.port, front=images["service-a"], back=tag)
    lab("up", str(file))
    before = podman.ids(lab.name)
    podman("tag", images["service-a"], tag)
    said = "\n".join(lab.status()["drift"])  # up: everything runs, only not from this image
    assert f"remove container {lab.container('back')}  because its image was tagged anew" in said
    lab("up", str(file))
    after = podman.ids(lab.name)
    assert {key for key in after if after[key] != before.get(key)} == {
        f"container {lab.container('back')}"
    }


def test_an_image_that_was_removed_is_built_again_and_nothing_else_touched(
    labs: Labs, podman: Podman, images: dict[str, str], foreign: Foreign, tmp_path: Path
) -> None:
    lab = labs("unbuilt")
    file = built(tmp_path, other=images["service-b"])
    lab("up", str(file))
    before = podman.ids(lab.name)
    name = lab.container("built")
    image = podman.inspect(name)["ImageName"]
    foreign.cleanup.callback(podman, "rmi", "--force", image)
    build = f"build image built  because {image} is not in podman's storage"

    def repaired() -> set[str]:
        lab("up", str(file))
        assert lab.status()["in_sync"]
        after = podman.ids(lab.name)
        return {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)}

    with step("its name alone: the container runs on, on the image that comes back"):
        podman("untag", image)
        assert lab.status()["drift"] == [build]
        assert repaired() == set()
    with step("with the container that runs it: that one is made again"):
        podman("rmi", "--force", image)
        said = "\n".join(lab.status(expect=3)["drift"])
        assert build in said
        assert f"create container {name}  because it does not exist" in said
        assert repaired() == {f"container {name}"}

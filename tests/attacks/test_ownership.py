"""Labels say whose something is, and images carry labels: nothing that is not ours goes with us."""

import json
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.real.conftest import Labs
from tests.real.engine import Podman
from tests.real.labs import Lab
from tests.real.steps import step

pytestmark = pytest.mark.real

IMAGE = "localhost/t-owned-copy:1"


@pytest.fixture
def lab(labs: Labs) -> Lab:
    found = labs("owned")
    found.up("direct")
    return found


@pytest.fixture
def cleanup(podman: Podman, lab: Lab) -> Iterator[ExitStack]:
    """Remove the image, and what was made of it, before the lab goes."""
    with ExitStack() as stack:
        # As a commit of the lab's own container, the image has every label that lab gives one.
        podman("commit", "--quiet", lab.container("service-b"), IMAGE)
        stack.callback(podman, "rmi", "--force", IMAGE)
        yield stack


def run(podman: Podman, cleanup: ExitStack, name: str, *options: str) -> str:
    """Run a container of the copied image; returns its id."""
    variables = ("--env", "SERVICE_PORT=18080", "--env", "METRICS_PORT=18081")
    made = podman("run", "--detach", "--name", name, *variables, *options, IMAGE).strip()
    cleanup.callback(podman, "rm", "--force", "--time", "0", "--ignore", name)
    return made


@pytest.mark.attack("8.6: `up` and `down` remove what has the lab's labels from its image")
def test_a_container_of_a_committed_image_stays(
    podman: Podman, lab: Lab, cleanup: ExitStack
) -> None:
    pod = lab.container("service-b-pod")
    found = podman.json("pod", "inspect", pod)
    labels = (found[0] if isinstance(found, list) else found)["Labels"]  # a list since 5.0
    copied = f"{lab.name}-copied-pod"
    podman(
        "pod", "create", "--name", copied,
        *(word for key, value in labels.items() for word in ("--label", f"{key}={value}")),
    )  # fmt: skip
    cleanup.callback(podman, "pod", "rm", "--force", copied)
    strangers = {
        name: run(podman, cleanup, name, *options)
        for name, options in {
            f"{lab.name}-alone": (),
            f"{lab.name}-in-a-copied-pod": ("--pod", copied),
        }.items()
    }
    volume = f"{lab.name}-copied-data"
    podman("volume", "create", "--label", f"lab.name={lab.name}", volume)
    cleanup.callback(podman, "volume", "rm", "--force", volume)
    assert podman.inspect(f"{lab.name}-alone")["Config"]["Labels"]["lab.name"] == lab.name
    for words in (lab.up_arguments("sidecar"), ("down", "--name", lab.name, "--volumes")):
        with step(f"lab {words[0]}"):
            process = lab.start(*words)
            out, err = process.communicate(timeout=120)
            assert process.returncode == 0, out + err
            for name, made in strangers.items():
                found = podman.inspect(name)
                assert (found["Id"], found["State"]["Status"]) == (made, "running")
            podman("volume", "inspect", volume)
    with step("neither logs nor status take them for the lab's"):
        assert lab.status(expect=3)["state"] == "absent"
        lab("logs", status=3)


@pytest.mark.attack("8.6: a container with the lab's labels sits in its pod, or on its network")
def test_a_guest_of_a_committed_image_is_named_and_stays(
    podman: Podman, lab: Lab, cleanup: ExitStack
) -> None:
    places = {
        "guest": ("--pod", lab.container("service-b-pod")),
        "neighbour": ("--network", lab.container("lab")),
    }
    for short, options in places.items():
        with step(short):
            name = f"{lab.name}-{short}"
            made = run(podman, cleanup, name, *options)
            before = podman.states(lab.name)
            refused = lab("down", status=1)
            assert f"container {name}" in refused.err
            assert "does not belong to this lab" in refused.err
            assert podman.states(lab.name) == before
            if short == "guest":
                refused = lab.up("sidecar", status=1)
                assert f"container {name}" in refused.err
                assert podman.inspect(name)["Id"] == made
            podman("rm", "--force", "--time", "0", name)


@pytest.mark.attack("8.6: a container with the lab's labels has the name of one of the lab's own")
def test_a_container_in_the_place_of_a_lab_s_own_is_named_and_stays(
    podman: Podman, lab: Lab, cleanup: ExitStack
) -> None:
    name = lab.container("service-b")
    podman("rm", "--force", "--time", "0", name)
    made = run(podman, cleanup, name)
    refused = lab.up("direct", status=1)
    assert f"container {name} exists and does not belong to this lab" in refused.err
    assert podman.inspect(name)["Id"] == made
    lab("down")
    assert json.loads(podman("container", "inspect", name))[0]["Id"] == made

"""Volumes without a name, which podman makes for an image's VOLUME: they go with the container."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.real.conftest import Labs
from tests.real.engine import Podman

pytestmark = pytest.mark.real

IMAGE = "localhost/t-anonymous:1"
SCENARIO = """\
summary: An image with two volumes, of which one is given a name.
parameters:
  word: {{type: string, default: one}}
volumes: {{named: }}
pods:
  keeper-pod:
    containers:
      keeper:
        image: {image}
        environment: {{WORD: "${{word}}", SERVICE_PORT: 8000}}
        volumes: ["named:/named"]
"""


@pytest.fixture
def image(podman: Podman, images: dict[str, str], tmp_path: Path) -> Iterator[str]:
    """An image with two volumes."""
    file = tmp_path / "Containerfile"
    file.write_text(f"FROM {images['service-b']}\nVOLUME /data\nVOLUME /named\n")
    # Lab's images have no history, without which podman 4.3.1 cannot keep a build's steps apart.
    words = ("--quiet", "--layers=false", "--tag", IMAGE)
    podman("build", *words, "--file", str(file), str(tmp_path))
    yield IMAGE
    podman("rmi", "--force", IMAGE)


def anonymous(podman: Podman, container: str) -> set[str]:
    """The names of a container's volumes that have none of ours."""
    mounts = podman.inspect(container)["Mounts"]
    return {m["Name"] for m in mounts if m["Type"] == "volume" and m["Destination"] == "/data"}


def test_a_replaced_container_leaves_no_volume_behind(
    labs: Labs, podman: Podman, image: str, tmp_path: Path
) -> None:
    lab = labs("anonymous")
    file = tmp_path / "mine.yaml"
    file.write_text(SCENARIO.format(image=image))
    used: set[str] = set()
    for word in ("one", "two", "three"):
        lab("up", str(file), "--set", f"word={word}")
        used |= anonymous(podman, lab.container("keeper"))
    assert len(used) == 3
    there = {volume["Name"] for volume in podman.json("volume", "ls", "--format", "json")}
    assert there & used == anonymous(podman, lab.container("keeper"))
    assert f"{lab.name}-named" in there
    lab("down")
    there = {volume["Name"] for volume in podman.json("volume", "ls", "--format", "json")}
    assert not there & used
    assert f"{lab.name}-named" in there

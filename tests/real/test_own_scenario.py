"""`lab up ./mine.yaml`: images of the user's own, from any directory."""

from pathlib import Path

import pytest
import requests

from tests.real.conftest import Labs
from tests.real.engine import Podman
from tests.real.scenarios import pair
from tests.real.steps import step

pytestmark = pytest.mark.real


def test_a_scenario_of_two_images_runs_from_any_directory(
    labs: Labs, podman: Podman, images: dict[str, str], tmp_path: Path
) -> None:
    lab = labs("mine")
    pair(tmp_path, port=lab.port, front=images["service-a"], back=images["service-b"])
    with step("it comes up and answers through both containers"):
        lab("up", "./mine.yaml", cwd=tmp_path)
        answer = requests.get(lab.url, timeout=10)
        assert answer.status_code == 200
        assert "Service B: Yay!" in answer.text
    with step("status and down work elsewhere, and without the file"):
        (tmp_path / "mine.yaml").rename(tmp_path / "moved.yaml")
        found = lab.status()
        assert found["state"] == "up"
        assert [pod["name"] for pod in found["pods"]] == [
            lab.container("front-pod"),
            lab.container("back-pod"),
        ]
        lab("down", cwd=Path("/"))
        assert podman.states(lab.name) == {}
    with step("an image keeps the capabilities that it may need, as documented"):
        lab("up", str(tmp_path / "moved.yaml"))
        caps = podman.inspect(lab.container("front"))["BoundingCaps"]
        assert caps

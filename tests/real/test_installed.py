"""The wheel of the project: all that `pipx install` would give a user."""

from pathlib import Path

import pytest
import requests

from tests.real.accounts import Account
from tests.real.conftest import Labs
from tests.real.engine import Podman
from tests.real.labs import Lab

pytestmark = pytest.mark.real


def test_an_installed_wheel_runs_a_lab_from_any_directory(
    labs: Labs, installed: str, podman: Podman, images: dict[str, str]
) -> None:
    checkout = labs("wheel")
    user = Account(installed, home=Path("/"))
    lab = Lab(user, checkout.name, checkout.port, checkout.prometheus_port)
    where = user.run(installed, "-c", "import lab; print(lab.__file__)").stdout
    assert where.startswith(str(Path(installed).parents[1]))
    lab.up("direct")
    assert requests.get(lab.url, timeout=10).status_code in {200, 500}
    used = podman.inspect(lab.container("service-a"))["ImageName"]
    assert used == images["service-a"], "the wheel's sources are the checkout's"


def test_the_installed_command_tells_its_version(installed: str) -> None:
    command = str(Path(installed).with_name("lab"))
    done = Account(installed, home=Path("/")).run(command, "--version")
    assert done.returncode == 0
    assert done.stdout.startswith("lab ")

"""Fixtures of the tests on real podman: labs that are gone afterwards, ports, accounts."""

import itertools
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.real.accounts import Account, clean_environment
from tests.real.engine import Podman
from tests.real.labs import Lab, run_lab
from tests.real.users import temporary_account

PORTS = itertools.count(21000)
BUILD_PATIENCE = 900.0
PROJECT = Path(__file__).parents[2]

FAILED = pytest.StashKey[bool]()

Labs = Callable[[str], Lab]


def free_port() -> int:
    """A port of the range kept for tests that nothing listens on."""
    for port in itertools.takewhile(lambda port: port < 22000, PORTS):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("0.0.0.0", port))  # noqa: S104 - tried, never listened on
            except OSError:
                continue
        return port
    raise AssertionError("no port between 21000 and 22000 is free")


def new_lab(account: Account, name: str) -> Lab:
    """A lab of that name on free ports; nothing is created yet."""
    lab = Lab(account, f"t-{name}", free_port(), free_port())
    lab("down", "--volumes")  # what an interrupted test run left
    return lab


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Remember that a test failed, so that its labs' logs are kept."""
    report = yield
    if report.failed:
        item.stash[FAILED] = True
    return report


@pytest.fixture(scope="session")
def account(tmp_path_factory: pytest.TempPathFactory) -> Account:
    """The user who runs the tests, whose own records of runs stay apart from those of tests."""
    state = tmp_path_factory.mktemp("state")
    return Account(environment=clean_environment(XDG_STATE_HOME=str(state)))


@pytest.fixture(scope="session")
def podman(account: Account) -> Podman:
    """The podman that the labs of these tests live in."""
    return Podman(account)


@pytest.fixture(scope="session")
def images(account: Account) -> dict[str, str]:
    """The references of lab's own images by name, built if they are missing."""
    built: dict[str, str] = {}
    for scenario in ("direct", "sidecar"):
        done = run_lab(account, "build", scenario, "-o", "json", patience=BUILD_PATIENCE)
        built |= {image["name"]: image["reference"] for image in done.json}
    return built


@pytest.fixture
def labs(
    request: pytest.FixtureRequest, account: Account, images: dict[str, str]
) -> Iterator[Labs]:
    """Make labs by a short name; they are removed after the test, and nothing may be left."""
    del images
    made: list[Lab] = []

    def make(name: str) -> Lab:
        made.append(new_lab(account, name))
        return made[-1]

    yield make
    failed = FAILED in request.node.stash
    with ExitStack() as stack:
        for lab in made:
            stack.callback(lab.remove)
            if failed:
                print(lab.last_words())  # noqa: T201 - pytest shows it below the failure


@dataclass(frozen=True)
class Foreign:
    """Things in podman that are no lab's; they are removed after the test."""

    podman: Podman
    image: str
    cleanup: ExitStack

    def network(self, name: str) -> None:
        """Create a network."""
        self.podman("network", "create", name)
        self.cleanup.callback(self.podman, "network", "rm", "--force", name)

    def volume(self, name: str) -> None:
        """Create a volume."""
        self.podman("volume", "create", name)
        self.cleanup.callback(self.podman, "volume", "rm", "--force", name)

    def pod(self, name: str) -> None:
        """Create a pod, not started."""
        self.podman("pod", "create", "--name", name)
        self.cleanup.callback(self.podman, "pod", "rm", "--force", name)

    def container(self, name: str, *options: str) -> str:
        """Run a container, and return its name."""
        variables = ("--env", "SERVICE_PORT=18080", "--env", "METRICS_PORT=18081")
        self.podman("run", "--detach", "--name", name, *variables, *options, self.image)
        self.cleanup.callback(self.podman, "rm", "--force", name)
        return name


@pytest.fixture
def foreign(podman: Podman, labs: Labs, images: dict[str, str]) -> Iterator[Foreign]:
    """Make things that are not a lab's; they go before the labs do."""
    del labs
    with ExitStack() as cleanup:
        yield Foreign(podman, images["service-b"], cleanup)


@pytest.fixture(scope="module")
def shared_lab(
    request: pytest.FixtureRequest, account: Account, images: dict[str, str]
) -> Iterator[Lab]:
    """A lab in the sidecar scenario, for all tests of a module that leave it in sync."""
    del images
    lab = new_lab(account, request.module.__name__.rpartition("test_")[2].replace("_", "-"))
    try:
        lab.up("sidecar")
        yield lab
    finally:
        lab.remove()


@pytest.fixture(scope="session")
def installed() -> Iterator[str]:
    """The Python of a fresh environment in which only a wheel of the project is installed.

    Every user of this machine can run it.
    """
    with tempfile.TemporaryDirectory(prefix="lab-test-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        python = f"{name}/venv/bin/python"
        for command in (
            (sys.executable, "-m", "build", "--wheel", "--no-isolation", "-o", name, str(PROJECT)),
            (python_of_everyone(), "-m", "venv", f"{name}/venv"),
        ):
            run(*command)
        (wheel,) = folder.glob("*.whl")
        run(python, "-m", "pip", "--disable-pip-version-check", "install", "-q", str(wheel))
        yield python


def run(*command: str) -> None:
    """Run a command of the set-up, which has to succeed."""
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr}"


def python_of_everyone() -> str:
    """A Python that all users can run: this one may lie in a folder of root's."""
    found = [Path(sys.executable).resolve()]
    for minor in range(20, 10, -1):
        found += map(Path, filter(None, [shutil.which(f"python3.{minor}", path=os.defpath)]))
    for python in found:
        if all(folder.stat().st_mode & 0o001 for folder in (python, *python.parents)):
            return str(python)
    raise AssertionError(f"none of {found} can be run by every user")


@pytest.fixture(scope="session")
def unprivileged(installed: str) -> Iterator[Account]:
    """A user without privileges: whoever runs the tests, or, for root, one made for them."""
    with temporary_account(installed, clean_environment()) as account:
        yield account

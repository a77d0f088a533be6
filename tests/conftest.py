"""Tests marked `real` need podman: without it they fail, and the summary says how many ran."""

from __future__ import annotations

import functools
import os
import signal
from collections import Counter
from typing import TYPE_CHECKING

import hypothesis
import pytest

from lab.engine import service
from lab.engine.podman import connect
from lab.errors import LabError

if TYPE_CHECKING:
    from xdist.remote import Producer
    from xdist.scheduler import Scheduling

# Whoever runs the tests in the background of a script has Ctrl-C ignored, also for what they start.
signal.signal(signal.SIGINT, signal.default_int_handler)

# No deadline: how long an example takes says more of the machine than of the code.
hypothesis.settings.register_profile("lab", deadline=None, derandomize="CI" in os.environ)
hypothesis.settings.load_profile("lab")

ROOTLESS_FIXTURE = "unprivileged"
"""Tests that ask for this fixture run lab as a user without privileges."""

ON_PODMAN = ("tests/attacks/", "tests/experiment/", "tests/faults/", "tests/real/", "tests/soak/")
"""Where the tests marked `real` are."""

_KIND = "podman"
"""The property of a report that says how its test ran podman: as root or not."""

_ran: Counter[str] = Counter()


@functools.cache
def _trouble() -> str:
    """Why podman cannot be used here, or nothing; asked once in a session."""
    try:
        connect().api.close()
    except LabError as error:
        return f"{error.message} ({error.hint})"
    return ""


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Scheduling:
    """Keep the tests on podman, of which there is one, in one process beside all the others."""
    from xdist.scheduler import LoadScopeScheduling

    class OnePodman(LoadScopeScheduling):  # type: ignore[misc] # xdist has no types
        def _split_scope(self, nodeid: str) -> str:
            return "podman" if nodeid.startswith(ON_PODMAN) else nodeid

    return OnePodman(config, log)


def pytest_runtest_setup(item: pytest.Item) -> None:
    if not item.get_closest_marker("real"):
        return
    assert item.nodeid.startswith(ON_PODMAN), "a test on podman stands among those without"
    if trouble := _trouble():
        pytest.fail(f"real tests need podman: {trouble}", pytrace=False)


def pytest_runtest_call(item: pytest.Item) -> None:
    if item.get_closest_marker("real"):
        fixtures = getattr(item, "fixturenames", ())
        rootless = os.geteuid() != 0 or ROOTLESS_FIXTURE in fixtures
        item.user_properties.append((_KIND, "rootless" if rootless else "rootful"))


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Count in the process that prints the summary, whichever one ran the test."""
    if report.when == "call":
        _ran.update(str(kind) for name, kind in report.user_properties if name == _KIND)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if not _ran:
        return
    version = ".".join(map(str, service.version()))
    kinds = ", ".join(f"{kind} {_ran[kind]}" for kind in sorted(_ran))
    terminalreporter.write_line(
        f"real podman: {_ran.total()} tests ran on podman {version} ({kinds})"
    )

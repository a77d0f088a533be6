"""Tests marked `real` need podman: without it they fail, and the summary says how many ran."""

import functools
import os
from collections import Counter

import hypothesis
import pytest

from lab.engine import service
from lab.engine.podman import connect
from lab.errors import LabError

# No deadline: how long an example takes says more of the machine than of the code.
hypothesis.settings.register_profile("lab", deadline=None, derandomize="CI" in os.environ)
hypothesis.settings.load_profile("lab")

ROOTLESS_FIXTURE = "unprivileged"
"""Tests that ask for this fixture run lab as a user without privileges."""

_COUNTS = pytest.StashKey[Counter[str]]()


@functools.cache
def _trouble() -> str:
    """Why podman cannot be used here, or nothing; asked once in a session."""
    try:
        connect().api.close()
    except LabError as error:
        return f"{error.message} ({error.hint})"
    return ""


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_COUNTS] = Counter()


def pytest_runtest_setup(item: pytest.Item) -> None:
    if not item.get_closest_marker("real"):
        return
    if trouble := _trouble():
        pytest.fail(f"real tests need podman: {trouble}", pytrace=False)


def pytest_runtest_call(item: pytest.Item) -> None:
    if item.get_closest_marker("real"):
        fixtures = getattr(item, "fixturenames", ())
        rootless = os.geteuid() != 0 or ROOTLESS_FIXTURE in fixtures
        item.config.stash[_COUNTS]["rootless" if rootless else "rootful"] += 1


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    counts = config.stash[_COUNTS]
    if not counts:
        return
    version = ".".join(map(str, service.version()))
    kinds = ", ".join(f"{kind} {counts[kind]}" for kind in sorted(counts))
    terminalreporter.write_line(
        f"real podman: {counts.total()} tests ran on podman {version} ({kinds})"
    )

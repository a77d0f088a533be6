"""A VPN's routes: in a table of their own, to which a rule leads before the main one."""

import subprocess
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.real.conftest import Labs

pytestmark = pytest.mark.real

TABLE = "47110"


@pytest.fixture
def vpn() -> Iterator[ExitStack]:
    """What it holds is undone after the test."""
    with ExitStack() as stack:
        yield stack


def ip(vpn: ExitStack, *words: str) -> None:
    """Add a route or a rule for the time of a test."""
    subprocess.run(["ip", *words], check=True, capture_output=True)
    undo = ["ip", *("delete" if word == "add" else word for word in words)]
    vpn.callback(subprocess.run, undo, check=True, capture_output=True)


def test_a_lab_goes_around_routes_of_every_table_and_names_a_rule_in_its_way(
    labs: Labs, vpn: ExitStack
) -> None:
    lab = labs("routes")

    def subnet() -> str:
        (network,) = lab.podman.json("network", "inspect", f"{lab.name}-lab")
        found: str = network["subnets"][0]["subnet"]
        return found

    lab.up("direct")
    first = subnet()
    lab("down")
    ip(vpn, "route", "add", first, "dev", "lo", "table", TABLE)
    lab.up("direct")
    assert subnet() != first
    ip(vpn, "route", "add", "prohibit", subnet(), "table", TABLE)
    ip(vpn, "rule", "add", "to", subnet(), "lookup", TABLE, "priority", "471")
    failed = lab.up("direct", "--wait", "1s", status=3)
    assert f"what is for {subnet()} nowhere: a routing rule" in failed.err

"""Where a lab is published stays with it, whatever the scenarios call their parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lab.lifecycle import Wish
from lab.topology import place, scenario
from lab.topology.spec import LabSpec

if TYPE_CHECKING:
    from pathlib import Path

OWN = """\
summary: A scenario with names of its own.
parameters:
  door: {type: integer, default: 7000, minimum: 1, maximum: 20000, help: where it is published}
  at: {type: address, default: 127.0.0.1, help: on which address}
pods:
  pod:
    ports:
      - {name: service-a, host_ip: "${at}", published: "${door}", target: 80}
      - {name: other, host_ip: "${at}", published: 7001, target: 81}
    containers:
      one: {image: localhost/one}
"""


@pytest.fixture
def own(tmp_path: Path) -> str:
    file = tmp_path / "own.yaml"
    file.write_text(OWN)
    return str(file)


def keeping(ref: str, recorded: LabSpec | None, **given: int | str) -> dict[str, tuple[str, int]]:
    """Where the ports of a scenario are when it takes the place of another."""
    spec = Wish(scenario=ref, name="lab", given=given).keeping(recorded)
    return {port.name: (port.host_ip, port.published) for port in spec.ports()}


def up(ref: str = "direct", **given: int | str) -> LabSpec:
    return LabSpec.from_json(scenario.load(ref, given=given).to_json())


def test_what_was_chosen_is_kept_by_the_names_of_the_ports(own: str) -> None:
    assert keeping(own, up(port=9180))["service-a"] == ("127.0.0.1", 9180)
    assert keeping("sidecar", up(own, door=9180, at="127.0.0.3"))["service-a"] == (
        "127.0.0.3",
        9180,
    )


def test_what_was_only_a_default_is_not(own: str) -> None:
    assert keeping(own, up())["service-a"] == ("127.0.0.1", 7000)
    assert keeping(own, up(host="127.0.0.2"))["service-a"] == ("127.0.0.2", 7000)


def test_what_is_given_counts_more(own: str) -> None:
    assert keeping(own, up(port=9180), door=9181)["service-a"] == ("127.0.0.1", 9181)


def test_what_was_kept_is_kept_again(own: str) -> None:
    second = Wish(scenario=own, name="lab", given={}).keeping(up(port=9180))
    assert keeping("direct", second)["service-a"] == ("127.0.0.1", 9180)


def test_where_a_scenario_cannot_be_published_it_is_not(own: str) -> None:
    assert keeping(own, up(port=30000))["service-a"] == ("127.0.0.1", 7000)  # out of range
    assert keeping(own, up(port=7001))["service-a"] == ("127.0.0.1", 7000)  # taken by another


def test_one_parameter_cannot_be_two_things(own: str, tmp_path: Path) -> None:
    split = tmp_path / "split.yaml"
    split.write_text(
        OWN.replace('host_ip: "${at}", published: 7001', 'host_ip: "${there}", published: 7001')
        .replace("  at:", "  there: {type: address, default: 127.0.0.1, help: x}\n  at:")
    )  # fmt: skip
    recorded = up(str(split), at="127.0.0.2", there="127.0.0.3")
    assert keeping(own, recorded)["service-a"] == ("127.0.0.1", 7000)


def test_a_throw_away_lab_is_on_the_ports_that_it_was_given_and_says_so(own: str) -> None:
    wish = Wish(
        scenario=own,
        name="x",
        given={"at": "0.0.0.0"},  # noqa: S104
        ports={"service-a": 1, "other": 2},
        throwaway="mine",
    )
    spec = wish.keeping(up(port=9180))
    assert [(port.host_ip, port.published) for port in spec.ports()] == [
        (place.LOOPBACK, 1),
        (place.LOOPBACK, 2),
    ]
    assert spec.throwaway == "mine"

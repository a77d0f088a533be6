"""What podman forgets of a network: iptables itself is a small script on PATH here."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lab.engine import leftovers

if TYPE_CHECKING:
    from pathlib import Path

RULES = """\
-N NETAVARK-HOSTPORT-DNAT
-A NETAVARK-HOSTPORT-DNAT -p tcp --dport 1 -m comment --comment "dnat name: lab id: a" -j DN-LAB
-A NETAVARK-HOSTPORT-DNAT -p tcp --dport 2 -m comment --comment "dnat name: lab-two id: b" -j DN-2
"""
SCRIPT = r"""#!/bin/sh
echo "$@" >> {calls}
case "$*" in
*-S\ NETAVARK-HOSTPORT-DNAT) cat {rules};;
*-S\ NETAVARK-DN-BD5920332D2F7) echo "-N NETAVARK-DN-BD5920332D2F7";;
esac
"""


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "rules").write_text(RULES)
    (tmp_path / "calls").touch()
    script = tmp_path / "iptables"
    script.write_text(SCRIPT.format(calls=tmp_path / "calls", rules=tmp_path / "rules"))
    script.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setattr("os.geteuid", lambda: 0)
    return tmp_path / "calls"


def test_only_rules_that_forward_to_the_network_are_removed(calls: Path) -> None:
    leftovers.remove_forwarding("lab")
    assert calls.read_text().splitlines()[1:] == [
        (
            "--wait --table nat -D NETAVARK-HOSTPORT-DNAT -p tcp --dport 1 -m comment "
            "--comment dnat name: lab id: a -j DN-LAB"
        ),
        "--wait --table nat -F DN-LAB",
    ]


def test_the_chain_of_a_network_is_known_by_the_network_s_name_and_removed(calls: Path) -> None:
    leftovers.remove_chain("lab")
    assert calls.read_text().splitlines()[1:] == ["--wait --table nat -X NETAVARK-DN-BD5920332D2F7"]


def test_a_chain_that_is_not_there_is_not_removed(calls: Path) -> None:
    leftovers.remove_chain("lab-two")
    assert len(calls.read_text().splitlines()) == 1


def test_without_root_s_rights_no_rule_is_looked_at(
    calls: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    leftovers.remove_forwarding("lab")
    leftovers.remove_chain("lab")
    assert calls.read_text() == ""


@pytest.mark.parametrize("name", ["", "lo", "no-such-bridge"])
def test_what_is_no_bridge_is_not_taken_for_one(name: str) -> None:
    assert not leftovers.is_bridge(name)

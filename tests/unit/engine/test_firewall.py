"""The rules that guard a lab's network, with small scripts in place of nft and iptables."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lab.converge.observed import INCOMPLETE
from lab.engine import firewall
from lab.errors import FirewallError
from lab.topology.spec import NetworkSpec

if TYPE_CHECKING:
    from pathlib import Path

NETWORK = NetworkSpec(name="lab", subnet="10.64.1.0/24", gateway="10.64.1.1")
BRIDGE = "lab-a51146d3"
NFT = """#!/bin/sh
case "$1" in
list) cat {folder}/table 2> /dev/null;;
delete) rm {folder}/table;;
-f) [ -e {folder}/broken ] && {{ echo no tables >&2; exit 1; }}; cat > {folder}/table;;
esac
"""
SAVE = """#!/bin/sh
echo '*mangle'
echo '-A PREROUTING -d 10.64.9.0/24 ! -i x -m comment --comment "lab network lab-two" -j DROP'
cat {folder}/rules 2> /dev/null
"""
RESTORE = r"""#!/bin/sh
sed -n 's/^-I/-A/p' > {folder}/new
[ -s {folder}/new ] && mv {folder}/new {folder}/rules || rm {folder}/rules
"""


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A host with both tools; what they keep lies in the folder, the tools in its bin."""
    (tmp_path / "bin").mkdir()
    scripts = {"nft": NFT, "iptables-save": SAVE, "iptables-restore": RESTORE}
    for name, script in scripts.items():
        (tmp_path / "bin" / name).write_text(script.format(folder=tmp_path))
        (tmp_path / "bin" / name).chmod(0o755)
    monkeypatch.setattr(
        firewall,
        "tools",
        lambda: {
            name: str(tmp_path / "bin" / name)
            for name in (firewall.NFT, firewall.IPTABLES)
            if (tmp_path / "bin" / name).exists()
        },
    )
    return tmp_path


def found() -> str:
    with firewall.looking("lab") as outcome:
        return outcome()


def test_nft_is_given_a_table_of_the_network_s_own(host: Path) -> None:
    assert found() == ""
    firewall.create(NETWORK)
    table = (host / "table").read_text()
    assert f"table ip {BRIDGE} {{" in table
    assert f'ip daddr 10.64.1.0/24 iifname != "{BRIDGE}"' in table
    assert found() == "10.64.1.0/24"
    assert not (host / "rules").exists()


@pytest.mark.parametrize("why", ["nft is missing", "the kernel has no nf_tables"])
def test_iptables_is_used_where_nft_does_not_work(host: Path, why: str) -> None:
    if why == "nft is missing":
        (host / "bin" / "nft").unlink()
    else:
        (host / "broken").touch()
    firewall.create(NETWORK)
    rules = (host / "rules").read_text().splitlines()
    assert [line.split()[1] for line in rules] == ["PREROUTING", "PREROUTING", "FORWARD", "OUTPUT"]
    assert all('--comment "lab network lab"' in line for line in rules)
    assert found() == "10.64.1.0/24"


def test_rules_of_either_tool_are_removed(host: Path) -> None:
    (host / "broken").touch()
    firewall.create(NETWORK)
    (host / "broken").unlink()
    assert found() == "10.64.1.0/24"
    firewall.create(NETWORK)
    assert not (host / "rules").exists()
    firewall.remove("lab")
    assert found() == ""


@pytest.mark.parametrize("tool", ["table", "rules"])
def test_when_a_rule_is_gone_the_rest_is_incomplete(host: Path, tool: str) -> None:
    if tool == "rules":
        (host / "bin" / "nft").unlink()
    firewall.create(NETWORK)
    lines = (host / tool).read_text().splitlines()
    lines.remove(next(line for line in lines if "127.0.0.0/8" in line))
    (host / tool).write_text("\n".join(lines) + "\n")
    assert found() == INCOMPLETE


def test_what_no_tool_can_set_is_an_error_with_its_words(host: Path) -> None:
    (host / "broken").touch()
    (host / "bin" / "iptables-restore").unlink()
    with pytest.raises(FirewallError, match="the firewall cannot be set: no tables"):
        firewall.create(NETWORK)


def test_root_s_podman_needs_rules(host: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    socket = f"unix://{host}"
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setattr("pathlib.Path.stat", lambda _: type("Owner", (), {"st_uid": 0}))
    assert firewall.trouble(socket, local=True) == ""
    monkeypatch.setattr(firewall, "tools", dict)
    assert firewall.trouble(socket, local=True) == "neither nft nor iptables is installed"
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    assert firewall.trouble(socket, local=True) == "only root may set firewall rules"


def test_a_rootless_podman_needs_none_and_a_remote_one_cannot_have_any(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("pathlib.Path.stat", lambda _: type("Owner", (), {"st_uid": 1000}))
    assert firewall.trouble(f"unix://{tmp_path}", local=True) is None
    assert firewall.trouble("ssh://there/run/podman.sock", local=False) == (
        "podman is on another machine, whose firewall lab cannot set"
    )

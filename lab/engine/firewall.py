"""Rules on this host that keep others out of a lab's network.

Podman forwards whatever reaches the host: who sends packets for a pod's address to this machine, or
packets for 127.0.0.1 with a published port, gets an answer from the pod, though the port is
published on loopback only. Root's podman has its networks in the host's own network namespace, so
the host's firewall can refuse them:

- packets for the subnet that come from elsewhere than its own bridge. What is published beyond
  loopback is none of these yet: it bears the host's address until it is translated;
- packets from the lab for the host's 127.0.0.1, which publishing on it lets through;
- forwarded packets that were for 127.0.0.1 before they were translated;
- connections of this machine's users, but root, to a pod's own address.

The rules are a table of nftables where there is ``nft``, else rules of iptables that bear the
network's name as a comment. A rootless podman's networks are in a namespace of their own, which
nothing outside can send packets to.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

from lab.converge.observed import INCOMPLETE
from lab.engine import service
from lab.engine.payloads import bridge
from lab.errors import FirewallError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lab.topology.spec import NetworkSpec

NFT, IPTABLES = "nft", "iptables-restore"
_RULES = 4
"""How many there are; they all drop packets."""
_BEFORE_NAT = -150
"""The priority of iptables' mangle table: connections are known, nothing is translated yet."""
_SUBNET = re.compile(r"(?:-d|daddr) (?!127\.)([0-9.]+/[0-9]+) ")


def trouble(url: str, *, local: bool) -> str | None:
    """Why lab cannot set the rules that a podman service needs, as a clause, "" when it can.

    None when it needs none, being rootless; ``local`` says that it shares this host's network.
    """
    if not local:
        return "podman is on another machine, whose firewall lab cannot set"
    try:
        owner = Path(unquote(url.removeprefix(service.UNIX))).stat().st_uid
    except OSError:
        owner = os.geteuid()
    if owner:
        return None
    if os.geteuid():
        return "only root may set firewall rules"
    return "" if tools() else "neither nft nor iptables is installed"


def tools() -> dict[str, str]:
    """The programs that set rules, by name, the one to use first."""
    path = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
    found = {name: shutil.which(name, path=path) for name in (NFT, IPTABLES)}
    return {name: program for name, program in found.items() if program}


@contextmanager
def looking(network: str) -> Iterator[Callable[[], str]]:
    """Begin to look at the rules of a network, by its name; gives what waits for the outcome.

    That is as in :attr:`lab.converge.observed.Observed.firewall`.
    """
    with _listing(network) as listed:
        yield lambda: _judged(listed())


@contextmanager
def _listing(network: str) -> Iterator[Callable[[], dict[str, list[str]]]]:
    """Ask every tool at the same time; gives what waits for the network's rules by tool."""
    found = tools()
    commands = {}
    if program := found.get(NFT):
        commands[NFT] = [program, "list", "table", "ip", bridge(network)]
    if program := found.get(IPTABLES):
        commands[IPTABLES] = [program.removesuffix("restore") + "save", "-t", "mangle"]
    pipe, null = subprocess.PIPE, subprocess.DEVNULL
    with ExitStack() as stack:
        asked = {
            name: stack.enter_context(
                subprocess.Popen(command, stdout=pipe, stderr=null, text=True)  # noqa: S603 - no shell
            )
            for name, command in commands.items()
        }

        def listed() -> dict[str, list[str]]:
            said = {name: each.communicate()[0].splitlines() for name, each in asked.items()}
            if IPTABLES in said:
                said[IPTABLES] = [line for line in said[IPTABLES] if _is_of(network, line)]
            return said

        yield listed


def _judged(listed: dict[str, list[str]]) -> str:
    outcome = ""
    for lines in listed.values():
        drops = [line for line in lines if "drop" in line.lower()]
        subnets = {subnet for line in drops for subnet in _SUBNET.findall(line)}
        if len(drops) == _RULES and len(subnets) == 1:
            return str(subnets.pop())
        outcome = INCOMPLETE if lines else outcome
    return outcome


def create(spec: NetworkSpec) -> None:
    """Set the rules of a network, all at once and in place of what is left of them.

    Raises :class:`FirewallError` when no tool can.
    """
    remove(spec.name)
    said = "neither nft nor iptables is installed"
    for name, program in tools().items():
        if name == NFT:
            done = _run([program, "-f", "-"], _nft(spec))
        else:
            done = _run([program, "--wait", "--noflush"], _iptables(spec))
        if done.returncode == 0:
            return
        said = " ".join(done.stderr.split())
    raise FirewallError(f"the firewall cannot be set: {said}")


def remove(network: str) -> None:
    """Remove whatever there is of a network's rules."""
    programs = tools()
    with _listing(network) as listed:
        for name, lines in listed().items():
            if lines and name == NFT:
                _run([programs[name], "delete", "table", "ip", bridge(network)])
            elif lines:
                deletions = [line.replace("-A", "-D", 1) for line in lines]
                text = "\n".join(["*mangle", *deletions, "COMMIT", ""])
                _run([programs[name], "--wait", "--noflush"], text)


def _is_of(network: str, line: str) -> bool:
    """Whether a line of what iptables-save prints is a rule of a network."""
    return line.startswith("-A") and _comment(network) in shlex.split(line)


def _comment(network: str) -> str:
    return f"lab network {network}"


def _nft(spec: NetworkSpec) -> str:
    name = bridge(spec.name)
    return f"""
table ip {name} {{
  chain prerouting {{
    type filter hook prerouting priority {_BEFORE_NAT};
    ip daddr {spec.subnet} iifname != "{name}" fib daddr type != local drop
    ip daddr 127.0.0.0/8 iifname "{name}" drop
  }}
  chain forward {{
    type filter hook forward priority {_BEFORE_NAT};
    ip daddr {spec.subnet} ct original ip daddr 127.0.0.0/8 drop
  }}
  chain output {{
    type filter hook output priority {_BEFORE_NAT};
    ip daddr {spec.subnet} ct state new meta skuid != 0 drop
  }}
}}
"""


def _iptables(spec: NetworkSpec) -> str:
    name, subnet = bridge(spec.name), spec.subnet
    ours = f'-m comment --comment "{_comment(spec.name)}" -j DROP'
    return f"""*mangle
-I PREROUTING -d {subnet} ! -i {name} -m addrtype ! --dst-type LOCAL {ours}
-I PREROUTING -d 127.0.0.0/8 -i {name} {ours}
-I FORWARD -d {subnet} -m conntrack --ctorigdst 127.0.0.0/8 {ours}
-I OUTPUT -d {subnet} -m conntrack --ctstate NEW -m owner ! --uid-owner 0 {ours}
COMMIT
"""


def _run(command: list[str], text: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, input=text, capture_output=True, text=True, check=False)  # noqa: S603 - no shell

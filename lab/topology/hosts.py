"""The names that a pod resolves: its ``extra_hosts``.

A name for a pod with replicas stands for the addresses of all copies, and ``1.NAME``, ``2.NAME``
and so on for one each, much as with Kubernetes' headless services.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from lab.topology import values
from lab.topology.problems import quote

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lab.topology.reader import Item


class Hosts(msgspec.Struct, frozen=True):
    """The ``targets`` of every name: addresses, or pods by the names that podman knows.

    ``singles`` has the names as they are written, each with those that stand for one target:
    itself, or those of the copies.
    """

    targets: dict[str, tuple[str, ...]] = {}
    singles: dict[str, tuple[str, ...]] = {}

    @property
    def count(self) -> int:
        """How many lines of a hosts file these are."""
        return sum(map(len, self.targets.values()))


def read(found: Mapping[str, Item], pods: Mapping[str, tuple[str, ...]], prefix: str) -> Hosts:
    """Read ``extra_hosts``.

    ``pods`` has podman's names for every pod of the scenario, several for one with replicas;
    ``prefix`` is what they begin with.
    """
    hosts = Hosts()
    count = 0
    for name, item in found.items():
        if fault := values.host(name):
            item.problem(f"{quote(name)} {fault}")
        if item.omitted:
            continue
        target = item.checked(values.anything)
        hosts.targets[name] = targets = _targets(target, item, pods)
        count += 2 * len(targets)
        if count > values.MOST_NAMES:
            item.problem(f"resolves more than {values.MOST_NAMES} names")
            return Hosts()
        numbered = target in pods and targets not in {(target,), (prefix + target,)}
        hosts.singles[name] = _numbered(name, item, len(targets)) if numbered else (name,)
    for name, singles in hosts.singles.items():
        if singles != (name,):
            _add_singles(hosts, singles, hosts.targets[name], found)
    return hosts


def _targets(target: str, item: Item, pods: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    if not target or not values.ip(target):
        return (target,)
    if target not in pods:
        near = item.nearest(target, pods)
        item.problem(f"{quote(target)} is neither an IP address nor a pod{near}")
    return pods.get(target, (target,))


def _numbered(name: str, item: Item, count: int) -> tuple[str, ...]:
    numbered = tuple(f"{number}.{name}" for number in range(1, count + 1))
    if (fault := values.host(numbered[-1])) and not values.host(name):
        item.problem(f"{numbered[-1]!r}, the name of a copy, {fault}")
    return numbered


def _add_singles(
    hosts: Hosts, singles: tuple[str, ...], targets: tuple[str, ...], found: Mapping[str, Item]
) -> None:
    for single, target in zip(singles, targets, strict=True):
        if single in found:
            found[single].problem(f"{single!r} is what one of the copies is called")
        hosts.targets[single] = (target,)

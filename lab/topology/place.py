"""Addresses: a subnet for the lab and a static address for every pod. Pure.

Static addresses are known before anything starts, so pods can start at the same time and a pod
that is made again keeps every mapping to it true.
"""

from __future__ import annotations

import hashlib
import secrets
from ipaddress import IPv4Network
from typing import TYPE_CHECKING

import msgspec

from lab.errors import ConflictError, UsageError
from lab.topology.spec import LabSpec, NetworkSpec, PodSpec, PortSpec

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

POOL = IPv4Network("10.64.0.0/10")
"""Where subnets come from: private (RFC 1918) and away from podman's and Docker's own defaults."""
LOOPBACK = "127.0.0.1"
FIRST_POD = 10
"""Host number of the first pod; lower ones are left to the gateway and to people."""


def place(spec: LabSpec, *, current: str, in_use: Collection[str]) -> LabSpec:
    """Fill in the network's subnet, every pod's address, and host names that mean a pod.

    ``current`` is the subnet that the lab's network has already ("" when there is none): it is
    kept. Otherwise the subnet follows from the lab's name, skipping those that overlap
    ``in_use`` (CIDR). Raises :class:`ConflictError` when none is free and
    :class:`UsageError` when there are more pods than addresses.
    """
    subnet = IPv4Network(current) if current else free_subnet(spec.name, in_use)
    if len(spec.pods) > subnet.num_addresses - FIRST_POD - 1:
        msg = f"{len(spec.pods)} pods do not fit into the subnet {subnet}"
        raise UsageError(msg, hint="use fewer pods")
    addresses = {pod.name: str(subnet[FIRST_POD + i]) for i, pod in enumerate(spec.pods)}
    return msgspec.structs.replace(
        spec,
        network=NetworkSpec(name=spec.network.name, subnet=str(subnet), gateway=str(subnet[1])),
        pods=tuple(_placed(pod, spec.network.name, addresses) for pod in spec.pods),
    )


def move(spec: LabSpec, *, in_use: Collection[str]) -> LabSpec:
    """Place a placed spec anew, in another subnet.

    Chance decides which: the one that its name leads to next may have been left for the same
    reason earlier. Raises :class:`ConflictError` when none is free.
    """
    old = IPv4Network(spec.network.subnet)
    new = free_subnet(secrets.token_hex(), (*in_use, str(old)))
    addresses = {str(one): str(other) for one, other in zip(old, new, strict=True)}
    addresses |= {pod.name: addresses[pod.address] for pod in spec.pods}
    return msgspec.structs.replace(
        spec,
        network=NetworkSpec(name=spec.network.name, subnet=str(new), gateway=str(new[1])),
        pods=tuple(_placed(pod, pod.network, addresses) for pod in spec.pods),
    )


def kept(recorded: LabSpec, wanted: LabSpec) -> dict[str, int | str]:
    """The parameters that publish ``wanted`` where a lab was told to be published before.

    Ports are the same by their names, whatever the parameters are called. One that would have to
    be two things at once is left out.
    """
    before = {port.name: port for port in recorded.ports()}
    found: dict[str, set[int | str]] = {}
    for port, parameters in wanted.addresses.items():
        for key, parameter in parameters.items():
            if recorded.addresses.get(port, {}).get(key) in recorded.chosen:
                found.setdefault(parameter, set()).add(getattr(before[port], key))
    return {parameter: values.pop() for parameter, values in found.items() if len(values) == 1}


def published_at(spec: LabSpec, ports: Mapping[str, int]) -> LabSpec:
    """The spec with ports published at these numbers of loopback, by their names."""

    def moved(port: PortSpec) -> PortSpec:
        number = ports.get(port.name)
        if number is None:
            return port
        return msgspec.structs.replace(port, host_ip=LOOPBACK, published=number)

    pods = (msgspec.structs.replace(pod, ports=tuple(map(moved, pod.ports))) for pod in spec.pods)
    return msgspec.structs.replace(spec, pods=tuple(pods))


def free_subnet(word: str, in_use: Collection[str]) -> IPv4Network:
    """The first free /24 of the pool, searched from a place given by a word, the lab's name."""
    taken = [IPv4Network(cidr, strict=False) for cidr in in_use if ":" not in cidr]
    candidates = 1 << (24 - POOL.prefixlen)
    start = int.from_bytes(hashlib.sha256(word.encode()).digest()[:4], "big") % candidates
    for step in range(candidates):
        offset = ((start + step) % candidates) << 8
        subnet = IPv4Network((int(POOL.network_address) + offset, 24))
        if not any(subnet.overlaps(other) for other in taken):
            return subnet
    msg = f"no free /24 is left in {POOL}"
    raise ConflictError(msg, hint="remove networks you no longer need: podman network ls")


def _placed(pod: PodSpec, network: str, addresses: dict[str, str]) -> PodSpec:
    hosts = {
        name: tuple(addresses.get(target, target) for target in targets)
        for name, targets in pod.hosts.items()
    }
    return msgspec.structs.replace(pod, network=network, address=addresses[pod.name], hosts=hosts)

"""Addresses: the same ones each time, and none that somebody else uses."""

from __future__ import annotations

from ipaddress import IPv4Network
from typing import TYPE_CHECKING

import msgspec
import pytest

from lab.errors import ConflictError, UsageError
from lab.topology import scenario
from lab.topology.place import POOL, free_subnet, place

if TYPE_CHECKING:
    from lab.topology.spec import LabSpec

SIDECAR = scenario.load("sidecar", given={})


def test_a_name_leads_to_the_same_subnet_each_time() -> None:
    assert free_subnet("lab", ()) == free_subnet("lab", ())


def test_other_names_lead_to_other_subnets() -> None:
    assert free_subnet("lab", ()) != free_subnet("two", ())


def test_subnets_are_a_24_of_the_pool() -> None:
    subnet = free_subnet("lab", ())
    assert subnet.prefixlen == 24
    assert subnet.subnet_of(POOL)


def test_a_subnet_in_use_is_passed_over() -> None:
    first = free_subnet("lab", ())
    second = free_subnet("lab", [str(first)])
    assert second.network_address == first.broadcast_address + 1


def test_a_subnet_that_overlaps_a_wider_one_in_use_is_passed_over() -> None:
    first = free_subnet("lab", ())
    wide = first.supernet(new_prefix=16)
    assert not free_subnet("lab", [str(wide)]).overlaps(wide)


def test_a_subnet_that_holds_one_address_in_use_is_passed_over() -> None:
    first = free_subnet("lab", ())
    assert free_subnet("lab", [f"{first[7]}/32"]) != first


def test_addresses_of_ipv6_and_addresses_with_host_bits_do_no_harm() -> None:
    first = free_subnet("lab", ())
    assert free_subnet("lab", ["fd00::/8", "10.88.0.1/16"]) == first


def test_when_the_whole_pool_is_in_use_it_is_said() -> None:
    with pytest.raises(ConflictError, match="no free /24 is left") as caught:
        free_subnet("lab", [str(POOL)])
    assert "podman network" in caught.value.hint


def test_the_last_free_subnet_is_found() -> None:
    last = IPv4Network("10.127.255.0/24")
    others = [str(net) for net in POOL.address_exclude(last)]
    assert free_subnet("lab", others) == last


def test_the_subnet_that_the_lab_has_is_kept_although_it_is_in_use() -> None:
    placed = place(SIDECAR, current="10.99.7.0/24", in_use=["10.99.7.0/24"])
    assert placed.network.subnet == "10.99.7.0/24"
    assert placed.network.gateway == "10.99.7.1"


def test_every_pod_has_an_address_of_its_own_beside_the_gateway() -> None:
    placed = place(SIDECAR, current="10.99.7.0/24", in_use=())
    assert {pod.name: pod.address for pod in placed.pods} == {
        "prometheus-pod": "10.99.7.10",
        "service-b-pod": "10.99.7.11",
        "service-a-pod": "10.99.7.12",
    }
    assert {pod.network for pod in placed.pods} == {"lab"}


def test_a_host_that_means_a_pod_becomes_its_address_and_others_stay() -> None:
    placed = place(SIDECAR, current="10.99.7.0/24", in_use=())
    assert placed.pods[2].hosts == {
        "b.local.service": ("127.0.0.1",),
        "b.service": ("10.99.7.11",),
    }


def test_a_host_that_means_all_copies_of_a_pod_has_all_their_addresses() -> None:
    placed = place(scenario.load("scale", given={"copies": 2}), current="10.99.7.0/24", in_use=())
    assert placed.pods[-1].hosts == {
        "b.local.service": ("127.0.0.1",),
        "b.service": ("10.99.7.11", "10.99.7.12"),
        "1.b.service": ("10.99.7.11",),
        "2.b.service": ("10.99.7.12",),
    }


def test_a_hundred_copies_fit_into_the_subnet() -> None:
    placed = place(scenario.load("scale", given={"copies": 100}), current="", in_use=())
    assert len({pod.address for pod in placed.pods}) == 102


def test_the_pods_that_direct_and_sidecar_share_are_placed_alike() -> None:
    direct = scenario.load("direct", given={})
    placed = [place(each, current="", in_use=()) for each in (direct, SIDECAR)]
    assert placed[0].pods[:2] == placed[1].pods[:2]


@pytest.mark.parametrize("pods", [1, 245])
def test_as_many_pods_fit_as_there_are_addresses(pods: int) -> None:
    placed = place(with_pods(pods), current="10.99.7.0/24", in_use=())
    addresses = {pod.address for pod in placed.pods}
    assert len(addresses) == pods
    assert "10.99.7.255" not in addresses


def test_too_many_pods_are_refused() -> None:
    with pytest.raises(UsageError, match="246 pods do not fit"):
        place(with_pods(246), current="10.99.7.0/24", in_use=())


def with_pods(count: int) -> LabSpec:
    pods = tuple(msgspec.structs.replace(SIDECAR.pods[0], name=f"pod-{n}") for n in range(count))
    return msgspec.structs.replace(SIDECAR, pods=pods)

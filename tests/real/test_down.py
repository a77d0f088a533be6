"""`lab down`: everything of this lab, and nothing else."""

import os
from shutil import which

import pytest

from tests.real.accounts import Account
from tests.real.conftest import Foreign, Labs
from tests.real.engine import Podman
from tests.real.steps import step

pytestmark = pytest.mark.real

PODS = ("service-a-pod", "service-b-pod", "prometheus-pod")


def test_down_removes_the_lab_and_keeps_its_data(labs: Labs, podman: Podman) -> None:
    lab = labs("down")
    lab.up("sidecar")
    said = lab("down")
    with step("only the data volume is left, and the user is told"):
        assert list(podman.states(lab.name)) == [f"volume {lab.container('prometheus-data')}"]
        assert lab.container("prometheus-data") in said.out
    with step("a second down is content with that"):
        again = lab("down")
        assert "nothing to do" in again.out
        assert lab.status(expect=3)["state"] == "absent"
    with step("--volumes removes the data too"):
        lab("down", "--volumes")
        assert podman.states(lab.name) == {}


@pytest.mark.skipif(os.geteuid() != 0, reason="rootless, the kernel's rules go with a namespace")
@pytest.mark.skipif(not which("iptables"), reason="netavark forgets chains of iptables, not of nft")
def test_down_removes_the_chain_that_podman_forgot(
    labs: Labs, podman: Podman, account: Account
) -> None:
    lab = labs("chain")
    table = ("iptables", "--wait", "--table", "nat")

    def rules() -> list[str]:
        return account.run(*table, "-S").stdout.splitlines()

    with step("while the lab is up, a chain forwards its ports"):
        lab.up("direct")
        (chain,) = {rule.split()[1] for rule in rules() if f"--dport {lab.port} -j DNAT" in rule}
    with step("its pods go, and the chain stays, as it does now and then"):
        podman("pod", "rm", "--force", "--time", "0", *map(lab.container, PODS))
        account.run(*table, "-N", chain)
        assert f"-N {chain}" in rules()
    lab("down")
    assert not [rule for rule in rules() if chain in rule]


def test_down_leaves_alone_what_is_not_the_labs(
    labs: Labs, podman: Podman, foreign: Foreign
) -> None:
    lab = labs("owner")
    lab.up("direct")
    with step("things of others, with names like the lab's and even its network"):
        foreign.network(f"{lab.name}-net")
        foreign.volume(f"{lab.name}-data")
        foreign.pod(f"{lab.name}-pod")
        foreign.container(f"{lab.name}-service-c")
    mine = podman.ids(lab.name)
    before = podman.states(lab.name)
    lab("down", "--volumes")
    assert podman.ids(lab.name) == {}
    after = podman.states(lab.name)
    assert after == {key: value for key, value in before.items() if key not in mine}
    assert len(after) >= 4


def test_a_container_put_into_a_pod_of_the_lab_is_not_removed_with_it(
    labs: Labs, podman: Podman, foreign: Foreign
) -> None:
    lab = labs("guest")
    lab.up("direct")
    guest = foreign.container(f"{lab.name}-guest", "--pod", lab.container("service-a-pod"))
    before = podman.states(lab.name)
    refused = lab("down", status=1)
    assert guest in refused.err
    assert "hint:" in refused.err
    assert podman.states(lab.name) == before


def test_services_end_by_sigterm_when_the_lab_goes_down(labs: Labs, podman: Podman) -> None:
    lab = labs("gentle")
    lab.up("sidecar")
    names = [lab.container(n) for n in ("service-a", "service-a-envoy", "service-b", "envoy-prom")]
    for name in names:
        with step(f"{name} obeys SIGTERM, long before it would be killed"):
            podman("stop", name)
            state = podman.inspect(name)["State"]
            assert state["Status"] == "exited"
            assert state["ExitCode"] != 137
    with step("and down stops them in that way, too"):
        lab.up("sidecar")
        ids = podman.ids(lab.name)
        began = podman.now()
        lab("down")
        for name in names:
            assert podman.exit_code(ids[f"container {name}"], began) != 137


def test_down_shows_its_plan_without_carrying_it_out(labs: Labs, podman: Podman) -> None:
    lab = labs("plan")
    lab.up("direct")
    before = podman.states(lab.name)
    planned = lab("down", "--dry-run", "-o", "json").json
    assert podman.states(lab.name) == before
    assert {step["action"] for step in planned["steps"]} == {"remove"}
    assert [kept["name"] for kept in planned["kept"]] == [lab.container("prometheus-data")]


def test_two_labs_run_side_by_side_even_when_one_name_begins_the_other(
    labs: Labs, podman: Podman
) -> None:
    one, other = labs("side"), labs("side-by")
    one.up("direct")
    other.up("sidecar")
    assert one.status()["scenario"] == "direct"
    assert other.status()["scenario"] == "sidecar"
    before = podman.ids(other.name)
    one("down", "--volumes")
    assert podman.ids(one.name) == {}
    assert podman.ids(other.name) == before
    assert other.status()["in_sync"]
    with step("and the other way round"):
        one.up("direct")
        before = podman.ids(one.name)
        other("down", "--volumes")
        assert podman.ids(other.name) == {}
        assert podman.ids(one.name) == before

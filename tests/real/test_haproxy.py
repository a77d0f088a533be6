"""HAProxy as the sidecar, and what stays in place while one sidecar follows the other."""

from collections.abc import Iterator

import pytest

from tests.real.accounts import Account
from tests.real.recording import Recorder, recorded_lab, verdicts
from tests.real.steps import step

pytestmark = pytest.mark.real

SEED = ("--seed", "7")
KEPT = ("envoy-prom", "service-b")


@pytest.fixture(scope="module")
def run(
    account: Account, images: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Recorder]:
    """One lab, in which the scenarios follow each other."""
    del images
    with recorded_lab(account, "haproxy", 27102, tmp_path_factory.mktemp("state")) as recorder:
        yield recorder


def kept(run: Recorder) -> list[str]:
    """The ids of what no change of the sidecar may touch."""
    return [run.lab.id(name) for name in KEPT]


def test_sidecars_come_and_go_beside_the_same_prometheus_and_service_b(run: Recorder) -> None:
    run.lab.up("direct", *SEED)
    before = kept(run)
    run.lab.up("haproxy", *SEED)
    assert kept(run) == before
    with step("what HAProxy counts agrees, and is where theory puts it"):
        found = run("verify", "-n", "500", "-c", "4", "-o", "json").json
        assert set(verdicts(found["claims"]).values()) == {"confirmed"}, found
        record = run.records()[-1]
        assert {check["outcome"] for check in record["ledger"]["checks"]} == {"holds"}
        assert record["load"]["success_rate"] > 0.97
    run.lab.up("sidecar", *SEED)
    assert kept(run) == before
    found = run("verify", "-n", "200", "-o", "json").json
    assert set(verdicts(found["claims"]).values()) == {"confirmed"}, found


def test_its_configuration_is_kept_beside_the_run(run: Recorder) -> None:
    run.lab.up("haproxy", *SEED, "--retries", "1")
    run("load", "-n", "20")
    kept_beside = (run.paths()[-1] / "service-a-haproxy-haproxy.cfg").read_text()
    assert "\n    retries 1\n" in kept_beside

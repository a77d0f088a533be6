"""The scenarios under docs/examples, measured; and a wrong claim in each of them, found out."""

import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.real.accounts import Account
from tests.real.conftest import PROJECT
from tests.real.recording import Recorder, recorded_lab, verdicts
from tests.real.steps import step

pytestmark = pytest.mark.real

EXAMPLES = PROJECT / "docs" / "examples"
FOREIGN = "localhost/x-foreign:1"
SENT = 60
REFUTED = 4
WRONG = {
    "chain": ("service-c.received = 2 * client.sent", 2 * SENT, SENT),
    "fan-out": ("service-b.received = client.sent + 1", SENT + 1, SENT),
    "cache": ("cache.hits + cache.misses = 3", 3, SENT),
    "foreign": ("web-envoy.ingress.sent < client.sent", SENT, SENT),
}
"""For each example a claim that is wrong: what it expects, and what is there instead."""
GAPS = {"foreign": ["web counts nothing: what reaches it is not checked"]}


@pytest.fixture(scope="module")
def run(
    account: Account, images: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Recorder]:
    """One lab, in which one example takes the place of the other."""
    state = tmp_path_factory.mktemp("state")
    with recorded_lab(account, "examples", 27100, state) as recorder, ExitStack() as after:
        podman = recorder.lab.podman
        podman("tag", images["service-b"], FOREIGN)
        after.callback(podman, "untag", images["service-b"], FOREIGN)
        after.callback(recorder.lab, "down", "--volumes")
        yield recorder


def up(run: Recorder, file: Path) -> None:
    """Bring an example up; what is left to chance in it has a seed."""
    chosen = {"chain": ("--set", "seed=7"), "foreign": ("--set", f"image={FOREIGN}")}
    run("up", str(file), *run.ports(), *chosen.get(file.stem, ()))


@pytest.mark.parametrize("name", WRONG)
def test_an_example_is_as_it_claims_and_a_wrong_claim_in_it_is_found_out(
    run: Recorder, tmp_path: Path, name: str
) -> None:
    with step("what it claims is confirmed"):
        up(run, EXAMPLES / name / f"{name}.yaml")
        load = run("load", "-n", str(SENT), "-c", "2").out
        found = run("verify", "-o", "json").json
        assert set(verdicts(found["claims"]).values()) == {"confirmed"}, found
    with step("what nobody counts is named, and nothing else"):
        ledger = run.records()[-1]["ledger"]
        assert ledger["unchecked"] == GAPS.get(name, [])
        assert all(gap in load for gap in ledger["unchecked"])
    with step("a copy with a wrong claim, which changes no container"):
        before = run.lab.podman.ids(run.lab.name)
        file = tmp_path / name / f"{name}.yaml"
        shutil.copytree(EXAMPLES / name, file.parent)
        claim, predicted, observed = WRONG[name]
        with file.open("a") as opened:
            opened.write(f"  wrong:\n    says: This is not so\n    holds: {claim}\n")
        up(run, file)
        after = run.lab.podman.ids(run.lab.name)
        assert {k: v for k, v in before.items() if "container" in k} == {
            k: v for k, v in after.items() if "container" in k
        }
    with step("is refuted, with its numbers"):
        printed = run("verify", "-n", str(SENT), status=REFUTED).out
        (line,) = (line for line in printed.splitlines() if "This is not so" in line)
        assert line.split()[0] == "refuted"
        assert [int(word) for word in line.split() if word.isdigit()][:2] == [predicted, observed]
        found = verdicts(run("verify", "-o", "json", status=REFUTED).json["claims"])
        assert [each for each, verdict in found.items() if verdict != "confirmed"] == ["wrong"]


def test_a_parameter_of_an_example_is_swept(run: Recorder) -> None:
    chain = str(EXAMPLES / "chain" / "chain.yaml")
    words = (chain, "--over", "error-rate=0,100", "-n", "20", "-o", "json")
    found = run("sweep", *words).json
    points = [(point["point"], point["verdict"]) for point in found["points"]]
    assert points == [
        ({"error-rate": 0, "concurrency": 1}, "confirmed"),
        ({"error-rate": 100, "concurrency": 1}, "confirmed"),
    ]
    succeeded = {record["id"]: record["load"]["succeeded"] for record in run.records()}
    assert [succeeded[point["run"]] for point in found["points"]] == [20, 0]
    again = run("sweep", *words).json
    assert [point["run"] for point in again["points"]] == [p["run"] for p in found["points"]]

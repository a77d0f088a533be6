"""Runs once more: the same outcomes, request by request, where there is a seed."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.real.accounts import Account
from tests.real.recording import Recorder, recorded_lab

pytestmark = pytest.mark.real

SEED = ("--seed", "7")


@pytest.fixture
def run(account: Account, images: dict[str, str], tmp_path: Path) -> Iterator[Recorder]:
    """A lab that nothing was sent to yet."""
    del images
    with recorded_lab(account, "replay", 27030, tmp_path) as recorder:
        yield recorder


def test_a_seeded_run_has_the_same_outcomes_also_when_others_came_before_it(run: Recorder) -> None:
    run.lab.up("direct", *SEED)
    run("load", "-n", "70")
    recorded = run("load", "-n", "200", "-o", "json").json
    mine = run.lab.podman.ids(run.lab.name)
    found = run("replay", recorded["run"], "-o", "json").json
    assert found["identical"] is True
    assert found["first"] == recorded["run"]
    first, second = run.records()[-2:]
    assert first["skipped"] == second["skipped"] == 70
    assert first["load"]["outcomes"] == second["load"]["outcomes"]
    assert second["experiment"] == recorded["run"]
    assert second["spec"]["name"].startswith(f"{run.lab.name}-replay-")
    assert run.lab.podman.ids(run.lab.name) == mine, "it was made again in another lab"
    assert run.lab.podman.states(run.lab.name).keys() == mine.keys()


def test_a_seeded_run_through_the_sidecar_is_repeated_where_it_was_when_asked(
    run: Recorder,
) -> None:
    run.lab.up("sidecar", *SEED, "--retries", "0", "--error-rate", "40")
    recorded = run("load", "-n", "100", "-o", "json").json
    assert 0 < recorded["failed"] < 100
    moved = str(run.lab.port + 2)
    run("up", "direct", "--port", moved)
    done = run("replay", "latest", "--in-place", "-o", "json")
    assert done.json["identical"] is True
    assert f"replacing direct by sidecar in lab {run.lab.name}" in done.err
    second = run.records()[-1]
    assert second["spec"]["name"] == run.lab.name
    assert second["spec"]["parameters"]["port"] == int(moved), "the lab stays where it is"

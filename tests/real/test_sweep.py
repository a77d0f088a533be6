"""A small grid, broken off and gone on with, beside a lab that nobody may touch."""

import signal
from pathlib import Path

import pytest

from tests.real.accounts import Account
from tests.real.recording import recorded_lab
from tests.real.steps import step
from tests.real.traffic import send
from tests.real.waiting import until

pytestmark = pytest.mark.real

GRID = ("--error-rate", "0,20", "-c", "1,4", "-n", "150", "-o", "json", "--set", "seed=7")


def test_a_sweep_that_was_interrupted_goes_on_where_it_stopped(
    account: Account, images: dict[str, str], tmp_path: Path
) -> None:
    with recorded_lab(account, "sweep", 27020, tmp_path) as run:
        run.lab.up("direct")
        podman = run.lab.podman
        mine = podman.ids(run.lab.name)

        def is_untouched() -> bool:
            """The user's lab is as it was, and there is no other that begins with its name."""
            return podman.states(run.lab.name).keys() == mine.keys() and (
                podman.ids(run.lab.name) == mine
            )

        with step("interrupted when the first point is there"):
            with run.start("sweep", *GRID) as process:
                until("a point is judged", lambda: any(run.state.glob("lab/runs/2*/verdicts.json")))
                process.send_signal(signal.SIGINT)
                _, err = process.communicate()
            assert process.returncode == 130, err
            first = run.records()[0]
            assert is_untouched()
        with step("the same sweep again"):
            done = run("sweep", *GRID)
            points = done.json["points"]
            assert [point["point"]["concurrency"] for point in points] == [1, 4, 1, 4]
            assert points[0]["run"] == first["id"]
            assert [point["resumed"] for point in points][::3] == [True, False]
            assert done.json["verdicts"] == {"confirmed": 4}
            assert "4 of 4  error-rate=20 retries=2 max-retries=3 concurrency=4  about " in done.err
            assert is_untouched()
        with step("all points ran on images that were there before"):
            used = {image["reference"] for each in run.records() for image in each["images"]}
            assert used <= set(images.values())
        with step("records say in which lab they were made"):
            names = {each["spec"]["name"] for each in run.records()}
            assert len(names) == 2
            assert all(name.startswith(f"{run.lab.name}-sweep-") for name in names)
        with step("a third time nothing is left to measure"):
            before = run.paths()
            done = run("sweep", *GRID)
            assert all(point["resumed"] for point in done.json["points"])
            assert run.paths() == before
        with step("the user's lab answers where it was all the time"):
            assert send(run.lab.url, 20).statuses
            assert run("load", "-n", "20", "-o", "json").json["sent"] == 20


def test_what_a_killed_sweep_left_is_removed_by_the_next_which_never_touches_a_running_one(
    account: Account, images: dict[str, str], tmp_path: Path
) -> None:
    del images
    one = ("--error-rate", "0", "-n", "1", "-q")
    with recorded_lab(account, "killed", 27022, tmp_path) as run:
        podman = run.lab.podman

        def throwaways() -> set[str]:
            pods = (key.split()[1] for key in podman.states(run.lab.name) if "pod " in key)
            return {name.removesuffix("-prometheus-pod") for name in pods if "prometheus" in name}

        with (
            run.start("sweep", "-n", "1000000", "-q") as killed,
            run.start("sweep", "-n", "1000001", "-q") as goes_on,
        ):
            until("both have a lab of their own", lambda: len(throwaways()) == 2)
            killed.kill()
            killed.communicate()
            run("sweep", *one)
            (left,) = throwaways()
            goes_on.send_signal(signal.SIGTERM)
            _, err = goes_on.communicate()
            assert goes_on.returncode == 143, (err, left)
        assert podman.states(run.lab.name) == {}

"""A small grid, broken off and gone on with."""

import signal
from pathlib import Path

import pytest

from tests.real.accounts import Account
from tests.real.recording import recorded_lab
from tests.real.steps import step
from tests.real.waiting import until

pytestmark = pytest.mark.real

GRID = ("--error-rate", "0,20", "-c", "1,4", "-n", "150", "-o", "json")


def test_a_sweep_that_was_interrupted_goes_on_where_it_stopped(
    account: Account, images: dict[str, str], tmp_path: Path
) -> None:
    with recorded_lab(account, "sweep", 27020, tmp_path) as run:
        with step("interrupted when the first point is there"):
            with run.start("sweep", *GRID, *run.ports(), "--set", "seed=7") as process:
                until("a point is judged", lambda: any(r["judgements"] for r in run.records()))
                process.send_signal(signal.SIGINT)
                _, err = process.communicate()
            assert process.returncode == 130, err
            first = run.records()[0]
        with step("the same sweep again"):
            done = run("sweep", *GRID, *run.ports(), "--set", "seed=7")
            points = done.json["points"]
            assert [point["point"]["concurrency"] for point in points] == [1, 4, 1, 4]
            assert points[0]["run"] == first["id"]
            assert [point["resumed"] for point in points][::3] == [True, False]
            assert done.json["verdicts"] == {"confirmed": 4}
            assert "4 of 4  error-rate=20 retries=2 max-retries=3 concurrency=4  about " in done.err
        with step("all points ran on images that were there before"):
            used = {image["reference"] for each in run.records() for image in each["images"]}
            assert used <= set(images.values())
        with step("a third time nothing is left to measure"):
            before = run.paths()
            done = run("sweep", *GRID, *run.ports(), "--set", "seed=7")
            assert all(point["resumed"] for point in done.json["points"])
            assert run.paths() == before

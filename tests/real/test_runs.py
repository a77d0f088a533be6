"""Records as the commands see them: listed, compared, damaged, and on a full disk."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.real.accounts import Account
from tests.real.recording import Recorder, recorded_lab

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def run(
    account: Account, images: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Recorder]:
    """A lab of which two runs are recorded that differ in one parameter."""
    del images
    with recorded_lab(account, "runs", 27040, tmp_path_factory.mktemp("state")) as recorder:
        recorder.lab.up("sidecar")
        recorder("load", "-n", "100")
        recorder.lab.up("sidecar", "--error-rate", "60")
        recorder("load", "-n", "100", "-c", "2")
        yield recorder


@pytest.fixture
def damaged(run: Recorder) -> Iterator[Path]:
    """The newest record's file, which is as it was afterwards."""
    path = run.paths()[-1] / "record.json"
    whole = path.read_bytes()
    yield path
    path.write_bytes(whole)


def test_a_record_has_all_that_went_in_and_came_out(run: Recorder) -> None:
    path, record = run.paths()[0], run.records()[0]
    assert record["load"]["sent"] == 100
    assert record["host"]["podman"]
    assert record["spec"]["parameters"]["error-rate"] == 20
    assert {image["id"] != "" for image in record["images"]} == {True}
    assert any("envoy" in label for image in record["images"] for label in image["labels"].values())
    assert "num_retries: 2" in (path / "service-a-envoy-envoy.yaml").read_text()
    assert (path / "envoy-prom-prometheus.yml").is_file()
    results = json.loads((path / "verdicts.json").read_text())
    predictions = {each["name"]: each["predicted"] for each in results}
    assert predictions["success"] == [pytest.approx(99.2)]


def test_runs_are_listed_with_their_verdicts(run: Recorder) -> None:
    printed = run.runs().out
    for each in run.records():
        assert each["id"] in printed
    assert printed.count("confirmed") == 2


def test_one_run_is_shown_with_its_claims(run: Recorder) -> None:
    printed = run.runs("show", run.paths()[0].name).out
    assert "error-rate=20" in printed
    assert "Envoy retried as often as theory predicts" in printed


def test_the_difference_of_two_runs_names_the_inputs_that_differ(run: Recorder) -> None:
    first, second = (path.name for path in run.paths())
    found = run.runs("diff", first, second, "-o", "json").json
    assert found["inputs"] == {
        "parameters.error-rate": [20, 60],
        "load.concurrency": [1, 2],
    }
    (success,) = (row for row in found["differences"] if row["name"] == "success rate")
    assert success["p_value"] < 0.05


def test_a_record_of_another_version_is_left_out_and_said(run: Recorder, damaged: Path) -> None:
    record = json.loads(damaged.read_bytes())
    damaged.write_text(json.dumps(record | {"version": 99}))
    listed = run.runs()
    assert run.paths()[0].name in listed.out
    assert damaged.parent.name not in listed.out
    assert "has version 99, and this lab reads version 1" in listed.err
    shown = run.runs("show", damaged.parent.name, status=1)
    assert "read it with the lab that wrote it" in shown.err


def test_a_damaged_record_is_left_out_and_said(run: Recorder, damaged: Path) -> None:
    damaged.write_bytes(damaged.read_bytes()[:1000])
    assert "is damaged" in run.runs().err
    assert "is damaged" in run.runs("show", "latest", status=1).err


def test_on_a_full_disk_the_load_says_so_and_older_records_stay(
    run: Recorder, tmp_path: Path
) -> None:
    # No file may grow beyond 512 bytes, which is as a full disk to whoever writes.
    before = run.records()
    account = run.lab.account
    words = (account.python, "-m", "lab", "load", "--name", run.lab.name, "-n", "10")
    done = account.run(
        "sh", "-c", 'ulimit -f 1; exec "$@"', "sh", *words,
        environment=run.environment, cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 1
    assert "the run could not be recorded" in done.stderr
    assert "make room" in done.stderr
    assert run.records() == before
    assert list((run.state / "lab" / "runs").glob(".*")) == []

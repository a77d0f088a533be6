"""Two scenarios under the same traffic: what the sidecar changes, and what it costs."""

from pathlib import Path

import pytest

from tests.real.accounts import Account
from tests.real.recording import recorded_lab

pytestmark = pytest.mark.real


def test_the_sidecar_succeeds_significantly_more_and_costs_attempts(
    account: Account, images: dict[str, str], tmp_path: Path
) -> None:
    del images
    with recorded_lab(account, "compare", 27010, tmp_path) as run:
        done = run("compare", "direct", "sidecar", "-n", "500", *run.ports(), "-o", "json")
        assert "sending 500 requests, concurrency 1" in done.err
        found = {row["name"]: row for row in done.json["differences"]}
        success, latency = found["success rate"], found["latency"]
        assert success["test"] == "Fisher's exact test"
        assert success["first"] < 0.9 < success["second"]
        assert success["p_value"] < 1e-6
        assert latency["test"] == "Mann-Whitney U test"
        assert latency["second"] > 0.5
        per_request = found["last hop per request"]
        assert per_request["first"] == 1
        assert per_request["second"] > 1.1
        assert found["retries per request"]["first"] is None  # nothing counts any
        assert found["retries per request"]["second"] > 0.1
        assert done.json["inputs"]["scenario"] == ["direct", "sidecar"]
        records = run.records()
        assert [each["kind"] for each in records] == ["compare", "compare"]
        for each in records:
            assert set(run.verdicts(each["id"]).values()) == {"confirmed"}

"""Where the article's 99 % ends: concurrency 16, with Envoy's default breaker and without."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.real.recording import reasons, recorded_lab

if TYPE_CHECKING:
    from pathlib import Path

    from tests.real.accounts import Account

pytestmark = pytest.mark.real


def test_the_breaker_explains_the_failures_and_room_for_all_retries_ends_them(
    account: Account, images: dict[str, str], tmp_path: Path
) -> None:
    del images
    with recorded_lab(account, "breaker", 27060, tmp_path) as run:
        run.lab.up("sidecar", "--max-retries", "3")
        limited = run("load", "-n", "4000", "-c", "16", "-o", "json").json
        found = run("verify", "-o", "json").json
        assert found["run"] == limited["run"]
        assert found["verdict"] == "confirmed"
        assert "at concurrency 16 the circuit breaker" in reasons(found["claims"])
        run.lab.up("sidecar", "--max-retries", "1024")
        open_wide = run("load", "-n", "4000", "-c", "16", "-o", "json").json
        found = run("verify", "-o", "json").json
        assert found["verdict"] == "confirmed"
        (success,) = (claim for claim in found["claims"] if claim["name"] == "success")
        assert success["predicted"] == [pytest.approx(3968)]
    assert limited["success_rate"] < 0.95 < open_wide["success_rate"]

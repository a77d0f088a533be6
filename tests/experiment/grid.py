"""The grid: every measured success rate lies within its predicted interval.

Run by `make experiment`, as it takes minutes; its table goes to the terminal.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.real.labs import run_lab
from tests.real.recording import recorded_lab

if TYPE_CHECKING:
    from pathlib import Path

    from tests.real.accounts import Account

pytestmark = pytest.mark.real

PATIENCE = 3600.0
AXES = {
    "--error-rate": "10,20,50",
    "--retries": "1,2",
    "--max-retries": "3,1024",
    "--concurrency": "1,16",
}


def test_every_success_rate_is_within_its_predicted_interval(
    account: Account, images: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    del images
    with recorded_lab(account, "grid", 27050, tmp_path) as run:
        options = [word for axis in AXES.items() for word in axis]
        words = ("sweep", "--name", run.lab.name, "-n", "1000", *options)
        done = account.run(
            account.python, "-m", "lab", *words, environment=run.environment, patience=PATIENCE
        )
        # The same sweep again measures nothing: it prints what the first one found.
        found = run_lab(
            account, *words, "-o", "json", status=done.returncode, environment=run.environment
        ).json
    with capsys.disabled():
        print(f"\n{done.stdout}")  # noqa: T201 - the table is what one runs this for
    assert len(found["points"]) == 24
    outside = [point for point in found["points"] if point["verdict"] != "confirmed"]
    assert not outside, json.dumps(outside, indent=1)

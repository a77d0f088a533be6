"""Whatever a record holds: it is shown, or said to be damaged."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz.damage import spoiled_json
from tests.fuzz.typed import typed
from tests.unit.experiment.simulated import Run

if TYPE_CHECKING:
    from pathlib import Path

RECORD = Run(requests=20).judged()
CONTENT = msgspec.to_builtins(RECORD, str_keys=True)
BYTES = msgspec.json.encode(RECORD)


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    state = tmp_path_factory.mktemp("state")
    for name in ("a", "b"):
        directory = state / "lab" / "runs" / f"20260102-030405-{name}"
        directory.mkdir(parents=True)
        (directory / "record.json").write_bytes(BYTES)
    return state


@given(data=spoiled_json(CONTENT) | st.binary(max_size=100))
def test_a_spoiled_record_is_shown_or_refused(state: Path, data: bytes) -> None:
    (state / "lab" / "runs" / "20260102-030405-a" / "record.json").write_bytes(data)
    environment = {"XDG_STATE_HOME": str(state)}
    for words in (("runs",), ("runs", "show", "5-a"), ("runs", "diff", "5-a", "5-b")):
        typed(*words, env=environment)


def test_a_sound_record_is_shown(state: Path) -> None:
    (state / "lab" / "runs" / "20260102-030405-a" / "record.json").write_bytes(BYTES)
    for words in (("runs", "show", "5-a"), ("runs", "diff", "5-a", "5-b")):
        assert typed(*words, env={"XDG_STATE_HOME": str(state)}).exit_code == 0

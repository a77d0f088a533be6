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

IDS = ("20260102-030405-a", "20260102-030405-b")
RECORD, RESULTS = Run(requests=20).judged()
RECORD = msgspec.structs.replace(RECORD, id=IDS[0])
CONTENT = msgspec.to_builtins(RECORD, str_keys=True)
BYTES = msgspec.json.encode(RECORD)
VERDICTS = msgspec.json.encode(RESULTS)


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    state = tmp_path_factory.mktemp("state")
    for run_id in IDS:
        directory = state / "lab" / "runs" / run_id
        directory.mkdir(parents=True)
        record = msgspec.structs.replace(RECORD, id=run_id)
        (directory / "record.json").write_bytes(msgspec.json.encode(record))
        (directory / "verdicts.json").write_bytes(VERDICTS)
    return state


@given(data=spoiled_json(CONTENT) | st.binary(max_size=100))
def test_a_spoiled_record_is_shown_or_refused(state: Path, data: bytes) -> None:
    (state / "lab" / "runs" / IDS[0] / "record.json").write_bytes(data)
    environment = {"XDG_STATE_HOME": str(state)}
    for words in (("runs",), ("runs", "show", "5-a"), ("runs", "diff", "5-a", "5-b")):
        typed(*words, env=environment)


@given(data=spoiled_json(msgspec.to_builtins(RESULTS)) | st.binary(max_size=100))
def test_spoiled_verdicts_are_shown_or_made_anew(state: Path, data: bytes) -> None:
    (state / "lab" / "runs" / IDS[1] / "verdicts.json").write_bytes(data)
    for words in (("runs",), ("runs", "show", "5-b")):
        typed(*words, env={"XDG_STATE_HOME": str(state)})


@given(data=spoiled_json(CONTENT))
def test_a_spoiled_record_without_verdicts_is_judged_or_refused(state: Path, data: bytes) -> None:
    directory = state / "lab" / "runs" / "20260102-030405-c"
    directory.mkdir(exist_ok=True)
    text = data.replace(IDS[0].encode(), directory.name.encode())
    (directory / "record.json").write_bytes(text)
    typed("runs", env={"XDG_STATE_HOME": str(state)})


def test_a_sound_record_is_shown(state: Path) -> None:
    (state / "lab" / "runs" / IDS[0] / "record.json").write_bytes(BYTES)
    for words in (("runs", "show", "5-a"), ("runs", "diff", "5-a", "5-b")):
        assert typed(*words, env={"XDG_STATE_HOME": str(state)}).exit_code == 0

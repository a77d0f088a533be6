from __future__ import annotations

import sys
import tempfile

import pytest

from lab.errors import StepError
from lab.images import process


def python(script: str) -> list[str]:
    return [sys.executable, "-c", script]


def test_every_line_of_output_and_errors_is_passed_on() -> None:
    lines: list[str] = []
    script = "import sys; print('out', flush=True); print('err', file=sys.stderr)"
    process.run(python(script), lines.append, doing="work", hint=str)
    assert lines == ["out", "err"]


def test_output_goes_to_a_file_and_only_errors_are_lines() -> None:
    lines: list[str] = []
    script = "import sys; print('data'); print('progress', file=sys.stderr)"
    with tempfile.TemporaryFile() as output:
        process.run(python(script), lines.append, doing="work", hint=str, output=output)
        output.seek(0)
        assert output.read() == b"data\n"
    assert lines == ["progress"]


def test_the_hint_is_made_of_what_the_program_said() -> None:
    with pytest.raises(StepError, match="work failed with exit status 3") as caught:
        process.run(
            python("print('disk full'); raise SystemExit(3)"),
            lambda _: None,
            doing="work",
            hint=lambda said: f"it said {said}",
        )
    assert caught.value.hint == "it said disk full"


def test_an_interrupt_ends_the_program_too() -> None:
    def interrupt(_line: str) -> None:
        raise KeyboardInterrupt

    script = "import os, signal; print(os.getpid(), flush=True); signal.pause()"
    with pytest.raises(KeyboardInterrupt):
        process.run(python(script), interrupt, doing="work", hint=str)

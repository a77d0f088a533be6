"""How many cases fuzzing tries: a sample in `make test`, many with `make fuzz`; both counted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import hypothesis

from tests.fuzz.typed import counted

if TYPE_CHECKING:
    import pytest

hypothesis.settings.register_profile("fuzz", deadline=None, max_examples=2000)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    terminalreporter.write_line(f"fuzzing: {counted.total()} commands were typed")

"""How many cases fuzzing tries: a sample in `make test`, many with `make fuzz`; both counted."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import hypothesis
import pytest

from tests.fuzz.typed import counted

if TYPE_CHECKING:
    from collections.abc import Generator

_TYPED = "typed"
"""The property of a report that says how many commands its test typed."""

_typed: Counter[str] = Counter()

hypothesis.settings.register_profile("fuzz", deadline=None, max_examples=2000)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None]:
    """Note how many commands a test typed, in whichever process it ran."""
    before = counted.total()
    try:
        yield
    finally:
        item.user_properties.append((_TYPED, counted.total() - before))


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Add up in the process that prints the summary."""
    if report.when == "call":
        for name, number in report.user_properties:
            if name == _TYPED and isinstance(number, int):
                _typed[report.nodeid] += number


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if _typed:
        terminalreporter.write_line(f"fuzzing: {_typed.total()} commands were typed")

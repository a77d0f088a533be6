"""How many cases fuzzing tries: a sample in `make test`, many with `make fuzz`; both counted."""

from __future__ import annotations

import functools
from collections import Counter
from typing import TYPE_CHECKING, Any

import hypothesis
import pytest

from tests.fuzz.typed import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

_CASES, _TYPED = "cases", "typed"
"""The properties of a report that say how many cases its test had, and commands it typed."""

_cases: Counter[str] = Counter()
"""The cases of each property in this process."""
_totals: Counter[str] = Counter()
"""The cases and commands of all processes."""

hypothesis.settings.register_profile("fuzz", deadline=None, max_examples=2000)


def pytest_itemcollected(item: pytest.Item) -> None:
    """Count every case that Hypothesis gives to a property."""
    if isinstance(item, pytest.Function) and hasattr(item.obj, "hypothesis"):
        item.obj.hypothesis.inner_test = _counting(item.obj.hypothesis.inner_test, item.nodeid)


def _counting(test: Callable[..., Any], name: str) -> Callable[..., Any]:
    @functools.wraps(test)
    def run(*args: object, **kwargs: object) -> object:
        _cases[name] += 1
        return test(*args, **kwargs)

    return run


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None]:
    """Note what a test tried, in whichever process it ran."""
    before = counted.total()
    try:
        yield
    finally:
        item.user_properties.append((_CASES, _cases[item.nodeid]))
        item.user_properties.append((_TYPED, counted.total() - before))


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Add up in the process that prints the summary."""
    if report.when == "call":
        for name, number in report.user_properties:
            if name in {_CASES, _TYPED} and isinstance(number, int):
                _totals[name] += number


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if _totals:
        terminalreporter.write_line(
            f"fuzzing: {_totals[_CASES]} cases, in which {_totals[_TYPED]} commands were typed"
        )

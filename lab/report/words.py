"""Results in words: the numbers of claims and comparisons, as tables and reports show them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.experiment.compare import SLOWER
from lab.metrics.quantities import is_time
from lab.spec.expressions import comparison

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lab.experiment.compare import Difference
    from lab.spec.claims import ClaimResult

MISSING = "\N{EN DASH}"
"""Stands where nothing was measured or given."""
LEAST_P = 1e-15
"""Smaller p-values say nothing more."""


def predicted(result: ClaimResult, sent: int = 0) -> str:
    """What was to come out, with its share of the requests where the model predicts a mean."""
    return _numbers(result, result.predicted, sent)


def observed(result: ClaimResult, sent: int = 0) -> str:
    """What came out; of several replicas the least and the most."""
    if result.low is not None and len(result.observed) > 1:
        least, most = min(result.observed), max(result.observed)
        return number(least) if least == most else f"{number(least)} to {number(most)}"
    return _numbers(result, result.observed, sent)


def span(result: ClaimResult) -> str:
    """What confirms a claim, where that is a range of numbers."""
    low, high = (None if n is None else _measured(result, n) for n in (result.low, result.high))
    if low is None and high is None:
        return ""
    if low is None or high is None:
        return f"at least {low}" if high is None else f"at most {high}"
    return low if low == high else f"{low} to {high}"


def _numbers(result: ClaimResult, values: Sequence[float], sent: int) -> str:
    if not values:
        return MISSING
    share = sent and result.by_model and len(values) == 1
    shown = ", ".join(_measured(result, value) for value in values)
    return f"{shown} ({values[0] / sent:.1%})" if share else shown


def _measured(result: ClaimResult, value: float) -> str:
    return milliseconds(value) if _is_time(result) else number(value)


def _is_time(result: ClaimResult) -> bool:
    """Whether a claim compares latencies."""
    try:
        names = comparison(result.test).names()
    except ValueError:
        return False  # not a comparison: the test is in words
    return bool(names) and all(map(is_time, names))


def milliseconds(seconds: float) -> str:
    """A time, with as many digits as one reads."""
    return f"{seconds * 1000:.4g} ms"


def number(value: float) -> str:
    """A count as it is; anything else with as many digits as one reads."""
    return f"{value:d}" if isinstance(value, int) else f"{value:.4g}"


def quantity(difference: Difference, value: float | None) -> str:
    """A measured value with its unit; a dash where nothing was measured."""
    if value is None:
        return MISSING
    match difference.unit:
        case "share":
            return f"{value:.2%}"
        case "s":
            return f"{value * 1000:.2f} ms"
        case unit if unit == SLOWER:
            return f"{value:.1%}"
        case unit:
            digits = f"{value:.3f}" if abs(value) < 100 else f"{value:.0f}"  # noqa: PLR2004
            return f"{digits} {unit}".rstrip()


def significance(difference: Difference) -> str:
    """Whether chance alone explains a difference, and the test that says so."""
    if difference.p_value is None:
        return MISSING
    word = "significant" if difference.significant else "not significant"
    return f"{word}, {chance(difference.p_value)} ({difference.test})"


def chance(p_value: float) -> str:
    """A p-value, of which very small ones mean no more than that they are."""
    return f"p = {p_value:.2g}" if p_value >= LEAST_P else f"p < {LEAST_P:g}"

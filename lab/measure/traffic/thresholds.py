"""Thresholds: what a load has to keep to, for a command that fails where it does not."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from lab.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from lab.measure.traffic.latency import Latency

SUCCESS = "success rate"
_SHARE = r"(\d{1,3}(?:\.\d+)?)(%?)"
_TIME = r"(\d{1,6}(?:\.\d+)?)(us|ms|s|m)"
_SECONDS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0}


class Threshold(msgspec.Struct, frozen=True, kw_only=True):
    """A limit: of the :data:`SUCCESS` rate the least, of a percentile (``p99``) the most.

    ``limit`` is a share of 1, or a time in seconds; ``text`` is how the user wrote it.
    """

    name: str
    limit: float
    text: str


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a threshold: what was ``observed`` in its place, None when nothing was."""

    threshold: Threshold
    observed: float | None

    @property
    def crossed(self) -> bool | None:
        """Whether it was; None when nothing was measured."""
        if self.observed is None:
            return None
        limit = self.threshold.limit
        return self.observed < limit if self.threshold.name == SUCCESS else self.observed > limit

    def __str__(self) -> str:
        """Show both numbers."""
        least = "at least" if self.threshold.name == SUCCESS else "at most"
        limit = f"{self.threshold.name} {least} {self.threshold.text}"
        if self.observed is None:
            return f"{limit}: not measured"
        share = self.threshold.name == SUCCESS
        shown = f"{self.observed:.2%}" if share else f"{self.observed * 1000:.4g} ms"
        return f"{limit}: {'crossed' if self.crossed else 'kept'}, {shown}"


def thresholds(given: dict[str, str]) -> tuple[Threshold, ...]:
    """Read thresholds from the options that set them: ``{"--p99": "50ms"}``.

    Raises:
        UsageError: one is not a share, or not a time.
    """
    return tuple(_read(option, text.strip()) for option, text in given.items() if text)


def kept(
    wanted: Iterable[Threshold], rate: float | None, latency: Latency | None
) -> Iterator[Kept]:
    """What came of each threshold in a load of this success rate and these latencies."""
    for each in wanted:
        observed = rate if each.name == SUCCESS else getattr(latency, each.name, None)
        yield Kept(threshold=each, observed=observed)


def _read(option: str, text: str) -> Threshold:
    if option == "--fail-below":
        found = re.fullmatch(_SHARE, text)
        share = float(found[1]) / (100 if found[2] else 1) if found else -1
        if not 0 <= share <= 1:
            raise UsageError(f"{option} {text}: a share is wanted", hint="as in 99% or 0.99")
        return Threshold(name=SUCCESS, limit=share, text=text)
    found = re.fullmatch(_TIME, text)
    if not found:
        raise UsageError(f"{option} {text}: a time is wanted", hint="as in 50ms or 1.5s")
    limit = float(found[1]) * _SECONDS[found[2]]
    return Threshold(name=option.removeprefix("--"), limit=limit, text=text)

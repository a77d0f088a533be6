"""Latencies: recorded cheaply, kept as an HDR histogram, summed up as percentiles."""

from __future__ import annotations

import struct
import zlib
from base64 import b64decode
from collections import Counter
from typing import Any

import msgspec
from hdrh import codec  # type: ignore[import-untyped]
from hdrh.histogram import HdrHistogram  # type: ignore[import-untyped]

from lab.errors import LabError
from lab.measure.numbers import Amount, Count

_MICROSECOND = 1e-6
_HOUR = 3_600_000_000
"""The longest latency that a histogram holds, in microseconds; longer ones count as this."""
_DIGITS = 3
_MOST_TEXT = 4 * 1024 * 1024
_MOST_BYTES = 1024 * 1024
"""A recorder's histogram has some 20,000 counters, each of nine bytes at the most."""
_OUTER = 8
"""Bytes before the compressed part of an encoded histogram."""
_HEADER = ">12xIQQ"
"""Of a histogram that is not compressed (V2 format): its digits, and the ends of its range."""
_DAMAGED = (
    codec.HdrCookieException,
    codec.HdrHistogramSettingsException,
    codec.HdrLengthException,
    ArithmeticError,
    LookupError,
    RuntimeError,
    TypeError,
    ValueError,
    struct.error,
    zlib.error,
)
"""What decoding raises for a text that is no encoded histogram."""


class Latency(msgspec.Struct, frozen=True, kw_only=True):
    """Latencies of ``count`` requests in seconds, to three significant digits."""

    count: Count
    mean: Amount
    p50: Amount
    p90: Amount
    p99: Amount
    p99_9: Amount
    max: Amount


class Recorder:
    """Counts latencies, in microseconds; the histogram is made at the end.

    Counting costs the request that was just answered far less than a record in a histogram
    would, and there are no more entries than there are different latencies.
    """

    def __init__(self) -> None:
        """Nothing is recorded yet."""
        self._counts: Counter[int] = Counter()

    def add(self, seconds: float) -> None:
        """Record one latency."""
        self._counts[int(seconds * 1_000_000)] += 1

    def histogram(self) -> str:
        """What was recorded, in HDR histogram's own compressed encoding (base64)."""
        histogram = HdrHistogram(1, _HOUR, _DIGITS)
        for microseconds, count in self._counts.items():
            histogram.record_value(min(max(microseconds, 1), _HOUR), count)
        encoded: bytes = histogram.encode()
        return encoded.decode()


def counts(histogram: str) -> dict[int, int]:
    """How often each latency occurs in an encoded histogram, by microseconds.

    Raises :class:`lab.errors.LabError` when it is none.
    """
    decoded = _decoded(histogram)
    return {
        item.value_iterated_to: item.count_added_in_this_iter_step
        for item in decoded.get_recorded_iterator()
    }


def summary(histogram: str) -> Latency | None:
    """The usual percentiles of an encoded histogram (microseconds); None if it is empty.

    Raises :class:`lab.errors.LabError` when it is none.
    """
    decoded = _decoded(histogram)
    count: int = decoded.get_total_count()
    if not count:
        return None
    at = decoded.get_percentile_to_value_dict([50, 90, 99, 99.9])
    return Latency(
        count=count,
        mean=decoded.get_mean_value() * _MICROSECOND,
        p50=at[50] * _MICROSECOND,
        p90=at[90] * _MICROSECOND,
        p99=at[99] * _MICROSECOND,
        p99_9=at[99.9] * _MICROSECOND,
        max=decoded.get_max_value() * _MICROSECOND,
    )


def percentile(histogram: str, wanted: float) -> float:
    """A percentile (0 to 100) of an encoded histogram, in seconds.

    Raises :class:`lab.errors.LabError` when it is none.
    """
    found: float = _decoded(histogram).get_value_at_percentile(wanted)
    return found * _MICROSECOND


def _decoded(histogram: str) -> Any:  # noqa: ANN401 - hdrh has no types
    try:
        _check(histogram)
        return HdrHistogram.decode(histogram)
    except _DAMAGED as error:
        raise LabError(
            f"a run's record is damaged: its latencies are no HDR histogram ({error})",
            hint="`lab runs show` tells a run's directory: remove that of the damaged one",
        ) from error


def _check(histogram: str) -> None:
    """Raise ``ValueError`` for what a recorder did not write.

    What decoding takes depends on what the text says of itself, and a few bytes of it can unfold
    to gigabytes.
    """
    if len(histogram) > _MOST_TEXT:
        raise ValueError("they are too long")
    data = zlib.decompressobj().decompress(b64decode(histogram)[_OUTER:], _MOST_BYTES + 1)
    if len(data) > _MOST_BYTES:
        raise ValueError("they are too many")
    if struct.unpack_from(_HEADER, data) != (_DIGITS, 1, _HOUR):
        raise ValueError("they have other bounds")

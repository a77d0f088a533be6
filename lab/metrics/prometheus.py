"""A client of Prometheus' HTTP API: what the lab asks, and no more.

The API: https://prometheus.io/docs/prometheus/latest/querying/api/. Times are Unix times in
seconds on Prometheus' own clock. A sample carries the time at which its scrape began.
"""

from __future__ import annotations

from datetime import datetime
from math import isfinite
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlencode

import msgspec

from lab import answers
from lab.errors import LabError

if TYPE_CHECKING:
    from collections.abc import Callable

Data = TypeVar("Data")

TIMEOUT = 10.0
"""Seconds that one call may take."""
MOST_BYTES = 64 * 1024 * 1024
"""How much one answer may have; the time line of a run of a day has a third of it."""


class Point(msgspec.Struct, frozen=True):
    """A value and its time."""

    time: float
    value: float


class Series(msgspec.Struct, frozen=True):
    """The ``points`` of one time series; ``name`` is empty for the result of an expression."""

    name: str
    labels: dict[str, str]
    points: tuple[Point, ...]


class Target(msgspec.Struct, frozen=True):
    """Something that Prometheus scrapes; ``error`` says why the last scrape failed, or ""."""

    job: str
    instance: str
    url: str
    health: str
    error: str


class Prometheus:
    """Asks one Prometheus server, on a new connection each time.

    Every method raises :class:`LabError` when there is no answer, when Prometheus refuses the
    question, and when the answer is not that of its API.
    """

    def __init__(self, url: str, timeout: float = TIMEOUT) -> None:
        """Ask the server at ``url``; each call may take ``timeout`` seconds."""
        self.url = url
        self._timeout = timeout

    def now(self) -> float:
        """Prometheus' time, which is what its samples are to be compared with."""
        return self._get("query", {"query": "time()"}, _time)

    def started(self) -> float:
        """When Prometheus was started."""
        return self._get("status/runtimeinfo", {}, _start)

    def query(self, expression: str, time: float | None = None) -> tuple[Series, ...]:
        """Evaluate an expression at a time, by default now.

        A range selector (``up[5s]``) gives the samples as they were scraped. Any other
        expression gives one point a series, with the time of the evaluation.
        """
        parameters = {"query": expression} | ({} if time is None else {"time": f"{time:.3f}"})
        return self._series("query", parameters)

    def query_range(
        self, expression: str, start: float, end: float, step: float
    ) -> tuple[Series, ...]:
        """Evaluate an expression every ``step`` seconds from ``start`` to ``end``, inclusive."""
        times = {"start": f"{start:.3f}", "end": f"{end:.3f}", "step": f"{step:.3f}"}
        return self._series("query_range", {"query": expression} | times)

    def targets(self) -> tuple[Target, ...]:
        """What Prometheus scrapes now, and whether it can."""
        return self._get("targets", {"state": "active"}, _targets)

    def _series(self, endpoint: str, parameters: dict[str, str]) -> tuple[Series, ...]:
        return self._get(endpoint, parameters, _series_of)

    def _get(
        self, endpoint: str, parameters: dict[str, str], read: Callable[[msgspec.Raw], Data]
    ) -> Data:
        """Call an endpoint and ``read`` the data it answers."""
        status, body = self._call(f"/api/v1/{endpoint}?{urlencode(parameters)}")
        try:
            envelope = msgspec.json.decode(body, type=_Envelope)
            if envelope.status == "success":
                return read(envelope.data)
        except (msgspec.DecodeError, ValueError, RecursionError) as error:
            raise LabError(
                f"{self.url} did not answer as Prometheus does: HTTP {status}, {error}",
                hint="is it the address of the lab's Prometheus? see `lab status`",
            ) from error
        raise LabError(f"Prometheus at {self.url} refused a query: {envelope.error}")

    def _call(self, path: str) -> tuple[int, bytes]:
        try:
            answer = answers.get(
                self.url.rstrip("/") + path,
                self._timeout,
                kept=MOST_BYTES,
                enough=lambda reader: reader.size > MOST_BYTES,
            )
        except (OSError, answers.MalformedError) as error:
            reason = str(error) or type(error).__name__
            raise LabError(
                f"Prometheus at {self.url} does not answer: {reason}",
                hint="`lab status` shows what is down and `lab up` repairs it",
            ) from error
        if answer.size > MOST_BYTES:
            raise LabError(f"Prometheus at {self.url} answered more than {MOST_BYTES >> 20} MiB")
        return answer.status, answer.body


class _Envelope(msgspec.Struct):
    status: str
    data: msgspec.Raw = msgspec.Raw(b"null")
    error: str = ""


_Pair = tuple[float, str]  # a time and a value, which may be "NaN" or "+Inf"


class _VectorRow(msgspec.Struct):
    metric: dict[str, str]
    value: _Pair


class _MatrixRow(msgspec.Struct):
    metric: dict[str, str]
    values: tuple[_Pair, ...]


class _Result(msgspec.Struct, tag_field="resultType"):
    pass


class _Scalar(_Result, tag="scalar"):
    result: _Pair


class _Vector(_Result, tag="vector"):
    result: tuple[_VectorRow, ...]


class _Matrix(_Result, tag="matrix"):
    result: tuple[_MatrixRow, ...]


class _ActiveTarget(msgspec.Struct):
    labels: dict[str, str]
    health: str
    url: str = msgspec.field(name="scrapeUrl")
    error: str = msgspec.field(name="lastError")


class _Targets(msgspec.Struct):
    active: tuple[_ActiveTarget, ...] = msgspec.field(name="activeTargets")


class _RuntimeInfo(msgspec.Struct):
    started: datetime = msgspec.field(name="startTime")


def _start(data: msgspec.Raw) -> float:
    return msgspec.json.decode(data, type=_RuntimeInfo).started.timestamp()


def _time(data: msgspec.Raw) -> float:
    time = float(msgspec.json.decode(data, type=_Scalar).result[1])
    if not (isfinite(time) and time >= 0):
        raise ValueError(f"the time is {time}")
    return time


def _targets(data: msgspec.Raw) -> tuple[Target, ...]:
    found = msgspec.json.decode(data, type=_Targets)
    return tuple(
        Target(
            job=each.labels.get("job", ""),
            instance=each.labels.get("instance", ""),
            url=each.url,
            health=each.health,
            error=each.error,
        )
        for each in found.active
    )


def _series_of(data: msgspec.Raw) -> tuple[Series, ...]:
    found: _Scalar | _Vector | _Matrix
    found = msgspec.json.decode(data, type=_Scalar | _Vector | _Matrix)
    if isinstance(found, _Scalar):
        return (_series({}, (found.result,)),)
    if isinstance(found, _Vector):
        return tuple(_series(row.metric, (row.value,)) for row in found.result)
    return tuple(_series(row.metric, row.values) for row in found.result)


def _series(metric: dict[str, str], pairs: tuple[_Pair, ...]) -> Series:
    labels = {label: value for label, value in metric.items() if label != "__name__"}
    points = tuple(Point(time, float(value)) for time, value in pairs)
    return Series(metric.get("__name__", ""), labels, points)

"""What models get to know of a run, and what they answer."""

from __future__ import annotations

import msgspec

from lab.spec.claims import Prediction


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """A run as a model sees it: what was sent how, and how long it took; not what came of it.

    ``proxy`` is the hop whose policy is modelled, "" when there is none. ``rate`` is the steady
    rate of a closed loop in requests per second, NaN where it is not known; an ``open_loop`` has
    none. ``latencies`` says how often each occurred, by microseconds. ``retries`` and
    ``upstream_time`` (mean seconds of a request at the proxy) are None when not measured.
    """

    sent: int
    concurrency: int
    open_loop: bool
    proxy: str = ""
    rate: float
    latencies: dict[int, int] = {}
    retries: int | None = None
    upstream_time: float | None = None


class Predicted(msgspec.Struct, frozen=True, kw_only=True):
    """Predictions by quantity; ``missing`` says why there are none, ``why`` what else to know."""

    counts: dict[str, Prediction] = {}
    missing: str = ""
    why: tuple[str, ...] = ()

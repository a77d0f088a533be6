"""Pouring traffic on a URL, and counting what comes back."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import threading
import time
from typing import TYPE_CHECKING

import msgspec
import uvloop

from lab.interruption import HEARD, Held
from lab.measure.intervals import wilson
from lab.measure.traffic import files, latency, outcome, pacer, target, thresholds
from lab.measure.traffic.driver import Driver, Limits
from lab.measure.traffic.load import Load, Pace
from lab.measure.traffic.outcome import ErrorKind
from lab.measure.traffic.tally import Tally

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lab.measure.traffic.load import Order

    Progress = Callable[[int, int], None]
    """Told now and then how many requests have an outcome, and how many of them succeeded."""


def pour(order: Order, progress: Progress, held: Held | None = None) -> Load:
    """Send GET requests as ordered, and count the outcomes; none is ever sent twice.

    In the main thread, Ctrl-C, SIGTERM and SIGHUP end the load early with a partial result:
    requests on their way have a second left, and a second signal takes that too. They are noted
    in ``held``.

    Raises:
        UsageError: the URL is not one that traffic can be poured on.
        LabError: this process may not have so many connections.
        ValueError: the order has no limit.
    """
    if order.requests is None and order.duration is None:
        raise ValueError("a load needs a number of requests or a duration")
    files.allow(order.concurrency)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_pour(order, progress, held or Held()))


async def _pour(order: Order, progress: Progress, held: Held) -> Load:
    tally = Tally()
    due = None
    if order.rate is not None:
        due = pacer.schedule(order.rate, order.arrivals, order.arrival_seed)
    driver = Driver(
        target.parse(order.url),
        tally,
        Limits(order.requests, order.duration),
        concurrency=order.concurrency,
        timeout=order.timeout,
        due=due,
    )
    began = time.monotonic()
    with _on_signal(driver.stop, held):
        if held.came:
            driver.stop()
        await driver.run(lambda: progress(tally.finished, tally.succeeded))
    load = _result(order, tally, driver, time.monotonic() - began)
    return msgspec.structs.replace(load, signal=held.first)


@contextlib.contextmanager
def _on_signal(stop: Callable[[], None], held: Held) -> Iterator[None]:
    """Let signals call ``stop`` instead of raising wherever the program is."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def hear(number: int) -> None:
        held.came.append(number)
        stop()

    before = {number: signal.getsignal(number) for number in HEARD}
    loop = asyncio.get_running_loop()
    for number in HEARD:
        loop.add_signal_handler(number, hear, number)
    try:
        yield
    finally:
        for number, handler in before.items():
            loop.remove_signal_handler(number)
            signal.signal(number, handler)


def _result(order: Order, tally: Tally, driver: Driver, seconds: float) -> Load:
    histogram = tally.latencies.histogram()
    pace = None
    if order.rate is not None:
        achieved = pacer.achieved(order.rate, driver.last_due, driver.last_sent)
        pace = Pace(asked=order.rate, achieved=achieved, lag=driver.lag)
    known = tally.sent - tally.errors.get(ErrorKind.UNANSWERED, 0)
    rate = tally.succeeded / known if known else None
    took = latency.summary(histogram)
    return Load(
        order=order,
        sent=tally.sent,
        succeeded=tally.succeeded,
        failed=tally.sent - tally.succeeded,
        success_rate=rate,
        success_interval=wilson(tally.succeeded, known),
        seconds=seconds,
        last_sent=driver.last_sent,
        throughput=tally.answered / seconds if tally.sent else None,
        partial=driver.stopped,
        answers=tally.answers(),
        errors=dict(tally.errors),
        latency=took,
        pace=pace,
        histogram=histogram,
        outcomes=outcome.pack(tally.successes),
        unsent=tally.unsent,
        thresholds=tuple(thresholds.kept(order.thresholds, rate, took)),
    )

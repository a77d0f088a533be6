"""Pouring traffic on a URL, and counting what comes back."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import threading
import time
from typing import TYPE_CHECKING

import uvloop

from lab.measure.intervals import wilson
from lab.measure.traffic import latency, outcome, pacer, target
from lab.measure.traffic.driver import Driver, Limits
from lab.measure.traffic.load import Load, Pace
from lab.measure.traffic.tally import Tally

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lab.measure.traffic.load import Order

    Progress = Callable[[int, int], None]
    """Told now and then how many requests have an outcome, and how many of them succeeded."""


def pour(order: Order, progress: Progress) -> Load:
    """Send GET requests as ordered, and count the outcomes; none is ever sent twice.

    In the main thread, Ctrl-C ends the load early with a partial result: requests on their way
    have a second left, and a second Ctrl-C takes that too.

    Raises:
        UsageError: the URL is not one that traffic can be poured on.
        ValueError: the order has no limit.
    """
    if order.requests is None and order.duration is None:
        raise ValueError("a load needs a number of requests or a duration")
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_pour(order, progress))


async def _pour(order: Order, progress: Progress) -> Load:
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
    with _on_interrupt(driver.stop):
        await driver.run(lambda: progress(tally.finished, tally.succeeded))
    return _result(order, tally, driver, time.monotonic() - began)


@contextlib.contextmanager
def _on_interrupt(stop: Callable[[], None]) -> Iterator[None]:
    """Let Ctrl-C call ``stop`` instead of raising wherever the program is."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGINT)
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGINT, stop)
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGINT)
        signal.signal(signal.SIGINT, before)


def _result(order: Order, tally: Tally, driver: Driver, seconds: float) -> Load:
    histogram = tally.latencies.histogram()
    pace = None
    if order.rate is not None:
        achieved = pacer.achieved(order.rate, driver.last_due, driver.last_sent)
        pace = Pace(asked=order.rate, achieved=achieved, lag=driver.lag)
    return Load(
        order=order,
        sent=tally.sent,
        succeeded=tally.succeeded,
        failed=tally.sent - tally.succeeded,
        success_rate=tally.succeeded / tally.sent if tally.sent else None,
        success_interval=wilson(tally.succeeded, tally.sent),
        seconds=seconds,
        last_sent=driver.last_sent,
        throughput=tally.finished / seconds,
        partial=driver.stopped,
        answers=tally.answers(),
        errors=dict(tally.errors),
        latency=latency.summary(histogram),
        pace=pace,
        histogram=histogram,
        outcomes=outcome.pack(tally.successes),
    )

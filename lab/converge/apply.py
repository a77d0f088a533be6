"""Carrying a plan out: every step as soon as what it needs is done, several at a time.

On a failure nothing new is started, what runs is waited for, and what depended on the failed
step is reported as aborted: the caller always learns what happened to every step.
"""

from __future__ import annotations

import os
import signal
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from enum import StrEnum
from functools import partial
from queue import SimpleQueue
from typing import TYPE_CHECKING, Protocol

import msgspec

from lab.converge.plan import Plan, Step
from lab.converge.startable import Startable
from lab.errors import LabError, StepError
from lab.interruption import CARRY_ON, HEARD

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

WORKERS = 8
"""Steps at a time: podman's service works on that many without queueing on its own locks."""
PROCESSORS = os.cpu_count() or 1


class Outcome(StrEnum):
    """What became of a step."""

    DONE = "done"
    FAILED = "failed"
    ABORTED = "aborted"


class Result(msgspec.Struct, frozen=True):
    """A step and what became of it."""

    step: Step
    outcome: Outcome
    error: BaseException | None = None


class Reporter(Protocol):
    """Hears of progress, from several threads."""

    def note(self, text: str) -> None:
        """Something is worth saying in passing."""

    def waiting(self, text: str) -> None:
        """All steps are done, and what ``text`` names is waited for; for nothing more when ""."""

    def started(self, step: Step) -> None:
        """Work on a step begins."""

    def progress(self, step: Step, line: str) -> None:
        """A step has something to say (a line of a build's output)."""

    def finished(self, step: Step, outcome: Outcome) -> None:
        """A step ended, or will never start."""


def run(
    plan: Plan,
    execute: Callable[[Step], None],
    reporter: Reporter,
    *,
    workers: int = WORKERS,
    processors: int = PROCESSORS,
    cancel: Callable[[], None] = lambda: None,
) -> tuple[Result, ...]:
    """Execute a plan and return the results in the plan's order.

    Raises :class:`StepError` once everything that was started has ended, when a step failed;
    its details list the other failures and what was not done. An interruption (Ctrl-C) drains
    in the same way and is raised again with a text that says how much was done; before that,
    ``cancel`` is called to end early what may be ended early.
    """
    runner = _Runner(plan, execute, reporter, workers, processors)
    try:
        runner.loop()
    except KeyboardInterrupt as interruption:
        cancel()
        runner.drain()
        done = sum(result.outcome is Outcome.DONE for result in runner.ended.values())
        interruption.args = (f"{done} of {len(plan.steps)} steps were done; {CARRY_ON}",)
        raise
    finally:
        runner.drain()
    results = runner.results()
    _raise_first(results)
    return results


class _Runner:
    """The state of one run: a scheduler in one loop, in the calling thread."""

    def __init__(
        self,
        plan: Plan,
        execute: Callable[[Step], None],
        reporter: Reporter,
        workers: int,
        processors: int,
    ) -> None:
        self.plan = plan
        self.execute = execute
        self.reporter = reporter
        self.workers = workers
        self.processors = processors
        self.waiting = {step.id: step for step in plan.steps}
        self.startable = Startable(plan)
        self.failed = False
        self.ended: dict[str, Result] = {}
        self.running: dict[Future[None], Step] = {}
        self.wake: SimpleQueue[object] = SimpleQueue()
        self.pool = ThreadPoolExecutor(max_workers=workers, thread_name_prefix="step")

    def loop(self) -> None:
        with _held_back(self.wake) as signals:
            self.start_ready()
            while self.running and not signals:
                self.wake.get()
                for future in [future for future in self.running if future.done()]:
                    self.collect(future)
                if not self.failed and not signals:
                    self.start_ready()
        for hear in signals:
            hear()

    @property
    def idle(self) -> bool:
        """Whether a step more takes no processor from those that run; one runs in any case."""
        return len(self.running) < max(1, self.processors - 1)

    def start_ready(self) -> None:
        """Start no more than can run at once: a pool's queue is worked off even after a failure."""
        while len(self.running) < self.workers and (step := self.startable.take(idle=self.idle)):
            self.reporter.started(step)
            future = self.pool.submit(self.execute, step)
            self.running[future] = step
            del self.waiting[step.id]  # last: an interruption before it loses no step
            future.add_done_callback(self.wake.put)

    def collect(self, future: Future[None]) -> None:
        step = self.running[future]
        self.waiting.pop(step.id, None)  # it is still there when an interruption came in between
        error = future.exception()
        outcome = Outcome.FAILED if error else Outcome.DONE
        self.ended[step.id] = Result(step, outcome, error)
        del self.running[future]  # late: an interruption before it loses no result
        if error:
            self.failed = True
        else:
            self.startable.done(step)
        self.reporter.finished(step, outcome)

    def drain(self) -> None:
        """Wait for what runs, whatever the reason for stopping; abort what never started."""
        self.pool.shutdown(wait=True)
        for future in list(self.running):
            self.collect(future)
        for step in self.waiting.values():
            self.ended[step.id] = Result(step, Outcome.ABORTED)
            self.reporter.finished(step, Outcome.ABORTED)
        self.waiting = {}

    def results(self) -> tuple[Result, ...]:
        return tuple(self.ended[step.id] for step in self.plan.steps)


@contextmanager
def _held_back(wake: SimpleQueue[object]) -> Iterator[list[Callable[[], object]]]:
    """Collect signals, to be heard afterwards; each also wakes who waits.

    A handler that raises while a future or the pool holds one of its locks leaves that locked,
    and the threads then wait for it forever. ``SimpleQueue.put`` can be called at any moment.
    """
    came: list[Callable[[], object]] = []

    def hold(handler: Callable[..., object], number: int, frame: object) -> None:
        came.append(partial(handler, number, frame))
        wake.put(None)

    before: dict[int, Callable[..., object]] = {}
    if threading.current_thread() is threading.main_thread():  # the others hear no signals
        for number in HEARD:
            handler = signal.getsignal(number)
            if callable(handler):
                before[number] = handler
                signal.signal(number, partial(hold, handler))
    try:
        yield came
    finally:
        for each, previous in before.items():
            signal.signal(each, previous)


def _raise_first(results: tuple[Result, ...]) -> None:
    failed = [result for result in results if result.outcome is Outcome.FAILED]
    if not failed:
        return
    first = failed[0]
    aborted = sum(result.outcome is Outcome.ABORTED for result in results)
    details: tuple[str, ...] = ()
    hint = ""
    if isinstance(first.error, LabError):
        details, hint = first.error.details, first.error.hint
    elif not isinstance(first.error, Exception):
        raise first.error or AssertionError
    details += tuple(f"{r.step.id}: {r.error}" for r in failed[1:])
    if aborted:
        were = "1 step was" if aborted == 1 else f"{aborted} steps were"
        details += (f"{were} not begun after that",)
    message = f"could not {first.step.id}: {first.error}"
    raise StepError(message, hint=hint, details=details) from first.error

"""How far the work is: a live display on a terminal, plain lines elsewhere, or nothing.

Everything goes to stderr, so that stdout carries results only. Rich is imported where something
is drawn with it: that takes as long as half the calls to podman of an ``up``.
"""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Self

from lab.paper import clean, err

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType

    from rich.progress import Progress, TaskID

    from lab.converge.apply import Outcome
    from lab.converge.plan import Step
    from lab.experiment.sweep import Step as SweepStep
    from lab.measure.traffic.load import Order

DOING = {
    "build": "building",
    "create": "creating",
    "start": "starting",
    "resume": "resuming",
    "remove": "removing",
}
PATIENCE = 1.0
"""Seconds after which it is first said, in plain lines, for what is waited."""
ID_WIDTH = 41
"""Columns for what a step does: as wide as "create record lab-record-" and its digest."""
SETTLED = 0.5
"""Seconds before which a rate is noise: some first answers over next to no time."""
MARK = {"done": "[green]✓[/]", "failed": "[red]✗[/]", "aborted": "[dim]-[/]"}


def reporter(*, quiet: bool = False) -> LiveReporter | PlainReporter | SilentReporter:
    """The form of progress that fits where stderr goes."""
    if quiet:
        return SilentReporter()
    return LiveReporter() if err.moves else PlainReporter()


def say(text: str) -> None:
    """Write a line of text as it is."""
    err.print(text, markup=False)


class SilentReporter:
    """No progress at all."""

    def __enter__(self) -> Self:
        """Nothing to begin."""
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing to end."""

    def note(self, text: str) -> None:
        """Ignored."""

    def waiting(self, text: str) -> None:
        """Ignored."""

    def started(self, step: Step) -> None:
        """Ignored."""

    def progress(self, step: Step, line: str) -> None:
        """Ignored."""

    def finished(self, step: Step, outcome: Outcome) -> None:
        """Ignored."""

    @contextmanager
    def pouring(self, _order: Order) -> Iterator[Callable[[int, int], None]]:
        """A load among the steps, of which nothing is told."""
        yield lambda _finished, _succeeded: None


class PlainReporter(SilentReporter):
    """A line when a step begins that takes long, and one when any step ends."""

    def __init__(self) -> None:
        """Remember when steps began, to say how long they took."""
        self._began: dict[str, float] = {}
        self._waiting = 0.0
        self._say_at = PATIENCE

    def note(self, text: str) -> None:
        """Say something in passing."""
        say(text)

    def waiting(self, text: str) -> None:
        """Say for what it is waited now and then: after 1 s, 2 s, 4 s ..."""
        if not text:
            self._waiting, self._say_at = 0.0, PATIENCE
            return
        now = time.monotonic()
        self._waiting = self._waiting or now
        if now - self._waiting >= self._say_at:
            say(f"waiting for {text} ({now - self._waiting:.0f} s)")
            self._say_at *= 2

    def started(self, step: Step) -> None:
        """Note the time; announce builds, which are the long ones."""
        self._began[step.id] = time.monotonic()
        if step.action == "build":
            say(f"{DOING[step.action]} {step.kind} {step.name}: {step.because}")

    def progress(self, step: Step, line: str) -> None:
        """Show a line of a step's output below its name."""
        say(f"  {step.name}: {line}")

    def finished(self, step: Step, outcome: Outcome) -> None:
        """Say what became of a step and how long it took."""
        began = self._began.get(step.id)
        took = f" ({time.monotonic() - began:.1f} s)" if began is not None else ""
        say(f"{outcome} {step.id}{took}")

    @contextmanager
    def pouring(self, order: Order) -> Iterator[Callable[[int, int], None]]:
        """Announce a load among the steps."""
        say(f"sending {order}")
        yield lambda _finished, _succeeded: None


class LiveReporter:
    """One line for each step that runs, with a spinner; a line above when it has ended."""

    def __init__(self) -> None:
        """Nothing is shown before the first step."""
        self._progress: Progress | None = None
        self._tasks: dict[str, TaskID] = {}
        self._wait: TaskID | None = None
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        """Begin the live display."""
        from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            TimeElapsedColumn(),
            TextColumn("[dim]{task.fields[line]}", markup=True),
            console=err.rich,
            transient=True,
        )
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the live display; what was printed above it stays."""
        if self._progress:
            self._progress.stop()

    def note(self, text: str) -> None:
        """Say something in passing, above the display."""
        from lab import console

        console.note(text)

    def waiting(self, text: str) -> None:
        """Keep a line that says for what it is waited, with a timer."""
        from rich.markup import escape

        if self._progress and text:
            if self._wait is None:
                self._wait = self._progress.add_task("", total=None, line="")
            shown = escape(clean(f"waiting for {text}"))
            self._progress.update(self._wait, description=shown)
        elif self._progress and self._wait is not None:
            self._progress.remove_task(self._wait)
            self._wait = None

    def started(self, step: Step) -> None:
        """Add the step's line."""
        from rich.markup import escape

        if self._progress:
            label = f"{DOING[step.action]} {step.kind} {escape(clean(step.name))}"
            with self._lock:
                self._tasks[step.id] = self._progress.add_task(label, total=None, line="")

    def progress(self, step: Step, line: str) -> None:
        """Show the latest line of the step's output behind its name."""
        from rich.markup import escape

        with self._lock:
            task = self._tasks.get(step.id)
        if self._progress and task is not None:
            width = max(20, err.width - 50)
            self._progress.update(task, line=escape(clean(line.strip()))[:width])

    def finished(self, step: Step, outcome: Outcome) -> None:
        """Replace the step's line by a mark and its cause."""
        from rich.markup import escape

        with self._lock:
            task = self._tasks.pop(step.id, None)
        if self._progress and task is not None:
            took = self._progress.tasks[self._progress.task_ids.index(task)].elapsed or 0.0
            self._progress.remove_task(task)
            what = escape(clean(f"{step.id:<{ID_WIDTH}}"))
            text = f"{MARK[outcome]} {what} [dim]{took:5.1f} s  {escape(clean(step.because))}[/]"
            self._progress.console.print(text, soft_wrap=False, no_wrap=True, overflow="ellipsis")

    @contextmanager
    def pouring(self, order: Order) -> Iterator[Callable[[int, int], None]]:
        """Give a load a line of its own, as a step has."""
        if not self._progress:
            yield lambda _finished, _succeeded: None
            return
        shown = self._progress
        task = shown.add_task(f"sending {order}", total=None, line="")
        began = time.monotonic()

        def tell(finished: int, succeeded: int) -> None:
            shown.update(task, line=so_far(finished, succeeded, time.monotonic() - began))

        try:
            yield tell
        finally:
            shown.remove_task(task)


@contextmanager
def load_progress(order: Order, *, quiet: bool) -> Iterator[Callable[[int, int], None]]:
    """A bar for a load, by requests or by time; it is told (finished, succeeded) as it goes."""
    if quiet or not err.moves:
        yield lambda _finished, _succeeded: None
        return
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[text]}"),
        TimeRemainingColumn(),
        console=err.rich,
        transient=True,
        refresh_per_second=4,  # drawing takes time from what is measured
    ) as bar:
        # A Prometheus that has just started takes some seconds until it has looked at anything.
        task = bar.add_task("reading the counters", total=None, text="")
        began = 0.0

        def tell(finished: int, succeeded: int) -> None:
            nonlocal began
            began = began or time.monotonic()
            seconds = time.monotonic() - began
            bar.update(
                task,
                description="sending requests",
                total=order.requests or order.duration,
                completed=finished if order.requests else seconds,
                text=so_far(finished, succeeded, seconds),
            )

        yield tell


@contextmanager
def sweep_progress(*, quiet: bool) -> Iterator[Callable[[SweepStep], None]]:
    """A bar for a sweep, with the time left; it is told before each point."""
    if quiet or not err.moves:
        yield lambda step: None if quiet else say(_at(step))
        return
    from rich.progress import BarColumn, Progress, TextColumn

    with Progress(
        BarColumn(),
        TextColumn("{task.description}", markup=False),
        console=err.rich,
        transient=True,
    ) as bar:
        task = bar.add_task("")
        yield lambda step: bar.update(
            task, total=step.total, completed=step.index, description=_at(step)
        )


def _at(step: SweepStep) -> str:
    values = " ".join(f"{name}={value}" for name, value in step.point.items())
    left = "" if step.seconds_left is None else f"  about {_duration(step.seconds_left)} left"
    return f"{step.index + 1} of {step.total}  {values}{left}"


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"  # noqa: PLR2004


def so_far(finished: int, succeeded: int, seconds: float) -> str:
    """A load in progress: how many requests, how fast once that means something, success."""
    text = f"{finished} requests"
    if seconds >= SETTLED:
        text += f" · {finished / seconds:.0f}/s"
    return text + (f" · {succeeded / finished:.1%} successful" if finished else "")

"""Waiting until a lab answers: every published port that says how it shows readiness."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Protocol

import msgspec

from lab import durations
from lab.errors import NotReadyError

if TYPE_CHECKING:
    from collections.abc import Callable

    from lab.topology.spec import LabSpec

LOOK = 0.1
"""Seconds between two looks at the containers while ports are asked."""
STEADY = 1.0
"""Seconds that a container of which nothing else is known has to run to count as started, as
supervisord's ``startsecs``: most that cannot work end sooner."""
INTERVAL = 0.02
"""Seconds between two probes of the same port: a pause, since each probe is a real request."""
READY = 200
"""The status of a service that works."""
MOST_SHOWN = 200
"""Bytes of the answer of one that does not in the message."""


class Check(msgspec.Struct, frozen=True):
    """A URL that answers 200 when a service works, and the pod behind it."""

    name: str
    url: str
    pod: str


class Probe(Protocol):
    """Asks a URL once."""

    def __call__(self, url: str, timeout: float) -> str:
        """Return "" when it answered 200, else why not, in words."""


class Watcher(Protocol):
    """Sees to a lab while it is waited for."""

    def look(self) -> None:
        """Raise when the lab cannot become ready any more."""

    def waiting(self, text: str) -> None:
        """Hear which ports have not answered yet, each with its last answer."""


def checks(spec: LabSpec) -> tuple[Check, ...]:
    """What has to answer before the lab counts as ready."""
    return tuple(
        Check(port.name, port.url + port.ready, pod.name)
        for pod in spec.pods
        for port in pod.ports
        if port.ready
    )


def probe(url: str, timeout: float) -> str:
    """Ask over HTTP, without proxies, on a connection of its own."""
    from lab import answers

    def enough(reader: answers.Reader) -> bool:
        return reader.status == READY or reader.size >= MOST_SHOWN

    try:
        reader = answers.get(url, timeout, kept=MOST_SHOWN, enough=enough)
    except OSError as error:
        return str(error) or type(error).__name__
    except answers.MalformedError as error:
        return f"it is not HTTP: {error}"
    if reader.status == READY:
        return ""
    return f"HTTP {reader.status} {reader.body.decode(errors='replace').strip()}".strip()


def wait(
    spec: LabSpec,
    timeout: float,
    *,
    watcher: Watcher,
    steady: float = 0.0,
    ask: Probe = probe,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Return when every check has answered, each at least once, and after ``steady`` seconds.

    The ``watcher`` looks at the lab every :data:`LOOK` seconds, and after all. Raises what it
    raises, and :class:`NotReadyError` after ``timeout`` seconds; ``details`` then has one line
    ``name (URL): why`` for each check that never answered.
    """
    began = looked = clock()
    deadline = began + timeout
    wanted = checks(spec)
    pending = dict.fromkeys(wanted, "it was not asked yet")

    def glance() -> None:
        nonlocal looked
        if clock() >= looked + LOOK:
            watcher.look()
            looked = clock()

    while pending or clock() < min(began + steady, deadline):
        for check in list(pending):
            left = deadline - clock()
            pending[check] = ask(check.url, max(0.05, min(2.0, left)))
            if not pending[check]:
                del pending[check]
            glance()  # an answer can take its time
        glance()
        if pending and clock() >= deadline:
            watcher.look()
            raise _not_ready(wanted, pending, timeout)
        if pending:
            watcher.waiting("; ".join(_reasons(pending)))
        if pending or steady:
            sleep(INTERVAL)
    watcher.look()


def _reasons(pending: dict[Check, str]) -> tuple[str, ...]:
    return tuple(f"{check.name} ({check.url}): {why}" for check, why in pending.items())


def _not_ready(
    wanted: tuple[Check, ...], pending: dict[Check, str], timeout: float
) -> NotReadyError:
    names = ", ".join(check.name for check in pending)
    error = NotReadyError(
        f"{names} did not answer within {durations.show(timeout)}",
        hint="see `lab logs`, or wait longer with --wait",
        details=_reasons(pending),
    )
    error.answered = frozenset(check.pod for check in wanted if check not in pending)
    return error

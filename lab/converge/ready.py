"""Waiting until a lab answers: every published port that says how it shows readiness."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Protocol

import msgspec

from lab.errors import NotReadyError

if TYPE_CHECKING:
    from collections.abc import Callable

    from lab.topology.spec import LabSpec

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
    ask: Probe = probe,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Return when every check has answered, each at least once.

    Raises :class:`NotReadyError` after ``timeout`` seconds; ``details`` then has one line
    ``name (URL): why`` for each check that never answered.
    """
    deadline = clock() + timeout
    wanted = checks(spec)
    pending = dict.fromkeys(wanted, "it was not asked yet")
    while pending:
        for check in list(pending):
            left = deadline - clock()
            pending[check] = ask(check.url, max(0.05, min(2.0, left)))
            if not pending[check]:
                del pending[check]
        if pending and clock() >= deadline:
            raise _not_ready(wanted, pending, timeout)
        if pending:
            sleep(INTERVAL)


def _not_ready(
    wanted: tuple[Check, ...], pending: dict[Check, str], timeout: float
) -> NotReadyError:
    names = ", ".join(check.name for check in pending)
    error = NotReadyError(
        f"{names} did not answer within {timeout:g} s",
        hint="see `lab logs`, or wait longer with --timeout",
        details=tuple(f"{c.name} ({c.url}): {why}" for c, why in pending.items()),
    )
    error.answered = frozenset(check.pod for check in wanted if check not in pending)
    return error

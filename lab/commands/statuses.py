"""With which status a command ends that has measured something."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.errors import ExitStatus
from lab.interruption import STATUS_BASE

if TYPE_CHECKING:
    from lab.measure.traffic.load import Load
    from lab.spec.claims import Verdict


def of_load(load: Load) -> int:
    """A signal first, then what could not be measured, then thresholds, then whether it worked."""
    crossed = [each.crossed for each in load.thresholds]
    if load.signal:
        return STATUS_BASE + load.signal
    if load.unsent or not load.known:
        return ExitStatus.NOT_MEASURED
    if True in crossed:
        return ExitStatus.THRESHOLD
    if None in crossed:
        return ExitStatus.NOT_MEASURED
    return ExitStatus.OK if load.succeeded else ExitStatus.FAILED


def of_verdict(verdict: Verdict) -> int:
    """Refuted and not measured are told apart."""
    statuses = {"refuted": ExitStatus.REFUTED, "not measured": ExitStatus.NOT_MEASURED}
    return statuses.get(verdict, ExitStatus.OK)

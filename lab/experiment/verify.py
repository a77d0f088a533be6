"""Verifying: predicted, observed and a verdict for every claim of the running scenario."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from lab.experiment.run import Purpose, container_ids, measure, present
from lab.measure import records
from lab.measure.records import Record
from lab.measure.traffic.load import Order
from lab.verdicts.assess import assess

if TYPE_CHECKING:
    from collections.abc import Callable

    from lab.converge.observed import Observed
    from lab.lifecycle import Lab
    from lab.topology.spec import LabSpec

REQUESTS = 1000
"""What is poured when nothing else was asked for: as many as in the article."""


class Verified(msgspec.Struct, frozen=True):
    """A judged run, and whether it was there before (a load that fits the lab as it is)."""

    record: Record
    earlier: bool


def verify(lab: Lab, name: str, order: Order | None, tell: Callable[[int, int], None]) -> Verified:
    """Judge the claims of a lab.

    Without an ``order`` the lab's latest load is judged anew, if the lab is still the same down
    to the containers' ids; else new traffic is poured.
    """
    spec, observed = present(lab, name)
    earlier = None if order else _latest(spec, observed)
    if earlier:
        records.save_verdicts(earlier.id, assess(earlier))
        return Verified(earlier, earlier=True)
    order = order or Order(url="", requests=REQUESTS)
    return Verified(measure(lab, name, order, tell, Purpose(kind="verify")), earlier=False)


def _latest(spec: LabSpec, observed: Observed) -> Record | None:
    """The latest load of this very lab, if it can be judged and nothing was replaced since."""
    for record_id in reversed(records.ids()):
        try:
            record = records.read(record_id)
        except records.RecordError:
            continue
        if record.kind == "load" and record.spec.name == spec.name:
            same = record.spec == spec and record.containers == container_ids(observed)
            whole = record.load.sent == record.load.known > 0 and not record.load.unsent
            return record if same and whole else None
    return None

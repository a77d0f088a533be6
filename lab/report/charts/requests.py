"""What reached the end of the path, and what became of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.metrics.quantities import Quantities
from lab.report.charts.drawing import draw
from lab.report.flow import count
from lab.spec.claims import Prediction
from lab.verdicts.assess import predict

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lab.measure.records import Record
    from lab.models.base import Predicted
    from lab.report.charts.drawing import Chart, Spec

SUCCEEDED, RETRIED, FAILED = "succeeded", "failed, retried", "failed"
SORTS = (SUCCEEDED, RETRIED, FAILED)
COLOURS = ("var(--green)", "var(--amber)", "var(--red)")


def requests(name: str, runs: Mapping[str, Record]) -> Chart | None:
    """A bar for each run, by its label: what its last hop got per request of the client.

    None unless all paths end at the same hop and a retry was counted on one of them.
    """
    ends = {Quantities(run.spec).last for run in runs.values()}
    shares = {label: found for label, run in runs.items() if (found := _shares(run))}
    if len(ends) > 1 or not any(found[RETRIED] for found in shares.values()):
        return None
    rows = [
        {"run": label, "sort": sort, "share": share, "order": SORTS.index(sort)}
        for label, found in shares.items()
        for sort, share in found.items()
    ]
    predictions = {
        label: predicted_attempts(run, predict(run, Quantities(run.spec)))
        for label, run in runs.items()
        if label in shares
    }
    expected: list[dict[str, object]] = [
        {"run": label, "expected": each.mean} for label, each in predictions.items() if each
    ]
    (last,) = ends
    alt = " ".join(
        f"{label}: {last} was asked {sum(found.values()):.3f} times per request: "
        + ", ".join(f"{share:.3f} {sort}" for sort, share in found.items())
        + "."
        for label, found in shares.items()
    )
    title = f"What reached {last}, per request of the client"
    return draw(name, title, alt, lambda width: _spec(rows, expected, width))


def attempts(run: Record) -> float | None:
    """What the last hop received per request of the client; None when it was not measured."""
    quantities = Quantities(run.spec)
    received = count(run, quantities, quantities.last, "received")
    return received / run.load.sent if received is not None and run.load.sent else None


def predicted_attempts(run: Record, found: Predicted) -> Prediction | None:
    """The same as a model predicts it: a first attempt, and the retries of the hop before.

    None where the model says nothing of those.
    """
    quantities, sent = Quantities(run.spec), run.load.sent
    if not found.counts or not sent:
        return None
    if not quantities.retrying:
        return Prediction(mean=1, low=1, high=1)
    retries = found.counts.get(f"{_caller(quantities)}.retries")
    if retries is None:
        return None
    mean, low, high = (1 + n / sent for n in (retries.mean, retries.low, retries.high))
    return Prediction(mean=mean, low=low, high=high)


def _caller(quantities: Quantities) -> str:
    """The hop that calls the last one."""
    return next((one for one, other in quantities.edges if other == quantities.last), "")


def _shares(run: Record) -> dict[str, float] | None:
    """What the last hop received by what became of it; None when that was not counted."""
    quantities = Quantities(run.spec)
    succeeded = count(run, quantities, quantities.last, "succeeded")
    failed = count(run, quantities, quantities.last, "failed")
    caller = _caller(quantities)
    retried = count(run, quantities, caller, "retries") if caller in quantities.retrying else 0
    if succeeded is None or failed is None or retried is None or not run.load.sent:
        return None
    retried = min(retried, failed)
    counts = zip(SORTS, (succeeded, retried, failed - retried), strict=True)
    return {sort: number / run.load.sent for sort, number in counts}


def _spec(rows: list[dict[str, object]], expected: list[dict[str, object]], width: int) -> Spec:
    y = {"field": "run", "type": "nominal", "sort": None, "axis": {"title": None, "ticks": False}}
    axis = {"title": "per request of the client", "tickCount": 6}
    return {
        "width": width,
        "height": {"step": 44},
        "layer": [
            {
                "data": {"values": rows},
                "mark": {"type": "bar", "height": 24},
                "encoding": {
                    "y": y,
                    "x": {"field": "share", "type": "quantitative", "axis": axis},
                    "order": {"field": "order", "type": "quantitative"},
                    "color": {
                        "field": "sort",
                        "scale": {"domain": list(SORTS), "range": list(COLOURS)},
                    },
                },
            },
            {
                "data": {"values": expected},
                "mark": {
                    "type": "tick",
                    "thickness": 3,
                    "size": 36,
                    "opacity": 1,
                    "color": "var(--ink)",
                },
                "encoding": {"y": y, "x": {"field": "expected", "type": "quantitative"}},
            },
        ],
    }

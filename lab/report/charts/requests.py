"""What service B was asked, and what became of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.measure.theory.closed_form import attempts_per_request
from lab.measure.theory.forecast import setting as theory
from lab.report.charts.concurrency import setting
from lab.report.charts.drawing import draw
from lab.report.story import with_sidecar

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lab.measure.records import Record
    from lab.report.charts.drawing import Chart, Spec

SUCCEEDED, RETRIED, FAILED = "succeeded", "failed, retried", "failed for good"
KINDS = (SUCCEEDED, RETRIED, FAILED)
COLOURS = ("var(--green)", "var(--amber)", "var(--red)")


def requests(runs: Sequence[Record]) -> Chart | None:
    """A bar for each run: requests to service B per client's request, by what became of them."""
    shares = {run.spec.scenario: found for run in runs if (found := _shares(run))}
    if not shares:
        return None
    rows = [
        {"run": run, "kind": kind, "share": share, "order": KINDS.index(kind)}
        for run, found in shares.items()
        for kind, share in found.items()
    ]
    expected = [
        {"run": run.spec.scenario, "expected": _expected(run)}
        for run in runs
        if run.spec.scenario in shares and not isinstance(theory(run.spec.parameters), str)
    ]
    alt = " ".join(
        f"{name}: service B was asked {sum(found.values()):.3f} times per request: "
        + ", ".join(f"{share:.3f} {kind}" for kind, share in found.items())
        + "."
        for name, found in shares.items()
    )
    title = "What service B was asked, per request of a client"
    return draw("requests", title, alt, lambda width: _spec(rows, expected, width))


def _shares(run: Record) -> dict[str, float] | None:
    """Requests to service B by what became of them; None when they were not counted."""
    succeeded, failed = run.ledger.count("b_succeeded"), run.ledger.count("b_failed")
    retried = run.ledger.count("retries") if with_sidecar(run) else 0
    if succeeded is None or failed is None or retried is None:
        return None
    counts = zip(KINDS, (succeeded, retried, failed - retried), strict=True)
    return {kind: count / run.load.sent for kind, count in counts}


def _expected(run: Record) -> float:
    error_rate, retries = setting(run)
    return attempts_per_request(error_rate, retries if with_sidecar(run) else 0)


def _spec(rows: list[dict[str, object]], expected: list[dict[str, object]], width: int) -> Spec:
    y = {"field": "run", "type": "nominal", "sort": None, "axis": {"title": None, "ticks": False}}
    axis = {"title": "requests to service B per request of a client", "tickCount": 6}
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
                        "field": "kind",
                        "scale": {"domain": list(KINDS), "range": list(COLOURS)},
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

"""What experiments look like: verdicts, comparisons, sweeps and recorded runs as tables."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from lab import durations
from lab.experiment.compare import SLOWER
from lab.experiment.sweep import SUCCESS
from lab.layout import table
from lab.paper import escape, out
from lab.report.words import MISSING, observed, predicted, quantity, significance, span
from lab.spec.claims import Verdict, overall
from lab.verdicts.assess import results

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lab.experiment.compare import Comparison, Difference
    from lab.experiment.replay import Replayed
    from lab.experiment.sweep import Swept
    from lab.measure.records import Record
    from lab.metrics.ledger import Ledger
    from lab.spec.claims import ClaimResult

HASH = re.compile(r"\b[0-9a-f]{32,}\b")
HASH_DIGITS = 12
"""As many as podman shows."""

COLOUR = {
    Verdict.CONFIRMED: "green",
    Verdict.REFUTED: "bold red",
    Verdict.NOT_MEASURED: "yellow",
}

STYLES = {str(verdict): colour for verdict, colour in COLOUR.items()}
"""The same by the words in which they are printed."""


def verdicts(shown: Sequence[ClaimResult], sent: int = 0) -> None:
    """Print predicted, observed and verdict for every claim, and what explains them.

    Predictions are also shown as shares of the requests ``sent``.
    """
    rows = [(str(r.verdict), r.says, predicted(r, sent), observed(r, sent), span(r)) for r in shown]
    columns = ("VERDICT", "CLAIM", "PREDICTED", "OBSERVED", "CONFIRMED BY")
    table(columns, rows, long=1, styles=STYLES)
    for line in dict.fromkeys(line for result in shown for line in result.why):
        out.prose(line, head="- ")
    counts = {verdict: sum(r.verdict is verdict for r in shown) for verdict in Verdict}
    words = ", ".join(f"{count} {verdict}" for verdict, count in counts.items() if count)
    result = overall(shown)
    out.print(f"[{COLOUR[result]}]{result}[/]  [dim]{words}[/]")


def ledger(shown: Ledger) -> None:
    """Print what stands out in a ledger, in sentences, and how many of its laws hold."""
    for line in (*shown.notes, *shown.unchecked):
        out.prose(line, head="- ")
    if not shown.checks:
        out.print("[bold]ledger[/] [dim]the scenario has no path, from which laws would follow[/]")
        return
    holding = sum(check.outcome == "holds" for check in shown.checks)
    colour = "green" if holding == len(shown.checks) else "yellow"
    out.print(f"[bold]ledger[/] [{colour}]{holding} of {len(shown.checks)} laws hold[/]")


def comparison(shown: Comparison) -> None:
    """Print two runs side by side, what differed going in, and what is significant."""
    first, second = shown.labels
    rows = [
        (
            f"{d.name}, slower in {second}" if d.unit == SLOWER else d.name,
            quantity(d, d.first),
            f"{quantity(d, d.second)} of pairs" if d.unit == SLOWER else quantity(d, d.second),
            _difference(d),
            significance(d),
        )
        for d in shown.differences
    ]
    table(("", first, second, "DIFFERENCE", "SIGNIFICANCE"), rows)
    if shown.inputs:
        out.print("")
        out.print("[dim]different inputs[/]")
        inputs = [
            (name, _input(name, one), _input(name, two))
            for name, (one, two) in shown.inputs.items()
        ]
        table(("INPUT", first, second), inputs)
    out.print(f"[dim]runs {shown.first} and {shown.second}[/]")


def sweep(points: Sequence[Swept], summary: dict[str, int]) -> None:
    """Print every point of a grid: predicted and measured success, and the verdict."""
    axes = list(points[0].point) if points else []
    rows = []
    for swept in points:
        claim = next((result for result in swept.results if result.name == SUCCESS), None)
        said = (MISSING, MISSING, MISSING)
        if claim:
            sent = swept.record.load.sent
            said = (predicted(claim, sent), observed(claim, sent), span(claim) or MISSING)
        values = map(str, swept.point.values())
        rows.append((*values, *said, str(swept.success), swept.record.id))
    columns = (*map(str.upper, axes), "PREDICTED", "MEASURED", "CONFIRMED BY", "VERDICT", "RUN")
    table(columns, rows, head=-1, right=len(axes), styles=STYLES)
    out.print(", ".join(f"{count} {verdict}" for verdict, count in summary.items()))


def runs(shown: Iterable[Record]) -> None:
    """Print recorded runs, one a line."""
    rows = []
    for record in shown:
        rate = record.load.success_rate
        verdict = overall(results(record))
        rows.append(
            (
                record.id,
                record.lab,
                record.kind,
                str(record.load.sent),
                record.load.order.pace,
                MISSING if rate is None else f"{rate:.1%}",
                str(verdict),
            )
        )
    table(("RUN", "LAB", "KIND", "SENT", "PACE", "SUCCESS", "VERDICT"), rows, styles=STYLES)


def replayed(shown: Replayed) -> None:
    """Print whether a repetition gave the same outcomes."""
    if shown.identical is None:
        out.print(f"[yellow]outcomes need not be identical[/]: {shown.reason}")
    elif shown.identical:
        out.print(f"[green]identical[/]: {shown.second.load.sent} outcomes, request by request")
    else:
        out.print("[bold red]not identical[/]: the outcomes differ")


def _difference(difference: Difference) -> str:
    if difference.first is None or difference.second is None:
        return MISSING
    change = difference.second - difference.first
    sign = "-" if change < 0 else "+"
    if difference.unit == "share":
        return f"{sign}{abs(change) * 100:.2f} percentage points"
    return sign + quantity(difference, abs(change))


def _input(name: str, value: object) -> str:
    """An input as people read it: sizes in GiB, durations, hashes as far as one needs them."""
    if value is None or value == "":
        return MISSING
    if name == "host.memory" and isinstance(value, int):
        return f"{value / 2**30:.1f} GiB"
    if name in {"load.duration", "load.timeout"} and isinstance(value, int | float):
        return durations.show(value)
    if name == "load.rate":
        return f"{value:g}/s"
    return HASH.sub(lambda found: found[0][:HASH_DIGITS], str(value).removeprefix("sha256:"))


def record(shown: Record, fields: dict[str, Any]) -> None:
    """Print what was asked of a run and on what it ran, a field a line."""
    out.print(f"[bold]{shown.id}[/]")
    width = max(map(len, fields))
    for name, value in fields.items():
        out.print(f"[dim]{name:<{width}}[/]  {escape(str(value))}")

"""What experiments look like: verdicts, comparisons, sweeps and recorded runs as tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lab.layout import table
from lab.measure.verdicts import Verdict, overall
from lab.paper import escape, out

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lab.experiment.compare import Comparison, Difference
    from lab.experiment.replay import Replayed
    from lab.experiment.sweep import Swept
    from lab.measure.counters.ledger import Ledger
    from lab.measure.records import Record
    from lab.measure.verdicts import Judgement

COLOUR = {
    Verdict.CONFIRMED: "green",
    Verdict.REFUTED: "bold red",
    Verdict.NOT_MEASURED: "yellow",
}

STYLES = {str(verdict): colour for verdict, colour in COLOUR.items()}
"""The same by the words in which they are printed."""


def verdicts(judgements: Sequence[Judgement]) -> None:
    """Print predicted, observed and verdict for every claim, and what explains them."""
    rows = [
        (str(j.verdict), j.says, j.predicted, j.observed, _interval(j.interval)) for j in judgements
    ]
    columns = ("VERDICT", "CLAIM", "PREDICTED", "OBSERVED", "CONFIRMED BY")
    table(columns, rows, long=1, styles=STYLES)
    for line in dict.fromkeys(line for judgement in judgements for line in judgement.why):
        out.prose(line, head="- ")
    counts = {verdict: sum(j.verdict is verdict for j in judgements) for verdict in Verdict}
    words = ", ".join(f"{count} {verdict}" for verdict, count in counts.items() if count)
    result = overall(judgements)
    out.print(f"[{COLOUR[result]}]{result}[/]  [dim]{words}[/]")


def ledger(shown: Ledger) -> None:
    """Print what stands out in a ledger, in sentences, and every equation that does not hold."""
    for line in shown.notes:
        out.prose(line, head="- ")
    holding = sum(check.outcome == "holds" for check in shown.checks)
    colour = "green" if holding == len(shown.checks) else "yellow"
    out.print(f"[bold]ledger[/] [{colour}]{holding} of {len(shown.checks)} equations hold[/]")


def comparison(shown: Comparison) -> None:
    """Print two runs side by side, what differed going in, and what is significant."""
    rows = [
        (d.name, _number(d, d.first), _number(d, d.second), _difference(d), _significance(d))
        for d in shown.differences
    ]
    table(("", "FIRST", "SECOND", "SECOND - FIRST", "SIGNIFICANCE"), rows)
    if shown.inputs:
        out.print("")
        out.print("[dim]different inputs[/]")
    inputs = [(name, str(one), str(two)) for name, (one, two) in shown.inputs.items()]
    if inputs:
        table(("INPUT", "FIRST", "SECOND"), inputs)
    out.print(f"[dim]runs {shown.first} and {shown.second}[/]")


def sweep(points: Sequence[Swept], summary: dict[str, int]) -> None:
    """Print every point of a grid: predicted and measured success, and the verdict."""
    axes = list(points[0].point) if points else []
    rows = []
    for swept in points:
        claim = next((j for j in swept.record.judgements if j.name == "success"), None)
        said = (claim.predicted, claim.observed, _interval(claim.interval)) if claim else ("",) * 3
        values = map(str, swept.point.values())
        rows.append((*values, *said, str(Verdict(swept.success)), swept.record.id))
    columns = (*map(str.upper, axes), "PREDICTED", "MEASURED", "CONFIRMED BY", "VERDICT", "RUN")
    table(columns, rows, head=-1, right=len(axes), styles=STYLES)
    out.print(", ".join(f"{count} {verdict}" for verdict, count in summary.items()))


def runs(shown: Iterable[Record]) -> None:
    """Print recorded runs, one a line."""
    rows = []
    for record in shown:
        rate = record.load.success_rate
        verdict = overall(record.judgements) if record.judgements else ""
        rows.append(
            (
                record.id,
                record.kind,
                str(record.load.sent),
                str(record.load.order.concurrency),
                "" if rate is None else f"{rate:.1%}",
                str(verdict),
            )
        )
    table(("RUN", "KIND", "SENT", "CONCURRENCY", "SUCCESS", "VERDICT"), rows, styles=STYLES)


def replayed(shown: Replayed) -> None:
    """Print whether a repetition gave the same outcomes."""
    if shown.identical is None:
        out.print(f"[yellow]outcomes need not be identical[/]: {shown.reason}")
    elif shown.identical:
        out.print(f"[green]identical[/]: {shown.second.load.sent} outcomes, request by request")
    else:
        out.print("[bold red]not identical[/]: the outcomes differ")


def _interval(interval: tuple[float, float] | None) -> str:
    if interval is None:
        return ""
    low, high = interval
    return f"{low:g}" if low == high else f"{low:g} to {high:g}"


def _number(difference: Difference, value: float | None) -> str:
    if value is None:
        return ""
    if difference.unit == "share":
        return f"{value:.2%}"
    if difference.unit == "s":
        return f"{value * 1000:.2f} ms"
    return f"{value:.3f}" if abs(value) < 100 else f"{value:.0f}"  # noqa: PLR2004 - enough digits


def _difference(difference: Difference) -> str:
    if difference.first is None or difference.second is None:
        return ""
    return f"{'+' if difference.second >= difference.first else '-'}" + _number(
        difference, abs(difference.second - difference.first)
    )


def _significance(difference: Difference) -> str:
    if difference.p_value is None:
        return ""
    word = "significant" if difference.significant else "not significant"
    return f"{word}, p = {difference.p_value:.2g} ({difference.test})"


def record(shown: Record, fields: dict[str, Any]) -> None:
    """Print what was asked of a run and on what it ran, a field a line."""
    out.print(f"[bold]{shown.id}[/]")
    width = max(map(len, fields))
    for name, value in fields.items():
        out.print(f"[dim]{name:<{width}}[/]  {escape(str(value))}")

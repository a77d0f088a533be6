"""The commands on recorded runs: list, show, diff."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from lab.commands.group import Command, Group
from lab.commands.guard import guarded
from lab.options import Format, OneLab, OtherRun, Output, Run

if TYPE_CHECKING:
    from lab.measure.records import Record

runs = typer.Typer(
    name="runs",
    cls=Group,
    help="List recorded runs, oldest first; show or compare them.",
    add_completion=False,
    rich_markup_mode=None,
)


@runs.callback(invoke_without_command=True)
@guarded
def list_(
    ctx: typer.Context,
    last: Annotated[int, typer.Option("--last", min=1, help="How many of the newest runs.")] = 20,
    name: OneLab = None,
    output: Format = Output.TABLE,
) -> None:
    """List recorded runs, oldest first."""
    if ctx.invoked_subcommand:
        return
    from lab import console, tables
    from lab.measure import records

    found: list[Record] = []
    broken: list[str] = []
    for record_id in reversed(records.ids()):
        if len(found) + len(broken) == last:
            break
        try:
            record = records.read(record_id)
        except records.RecordError as error:
            broken.append(error.message)
        else:
            found += [record] if name in {None, record.lab} else []
    found.reverse()
    broken.reverse()
    if output is Output.JSON:
        rows = [
            {
                "id": r.id,
                "lab": r.lab,
                "kind": r.kind,
                "experiment": r.experiment,
                "scenario": r.spec.scenario,
                "parameters": r.spec.parameters,
                "sent": r.load.sent,
                "success_rate": r.load.success_rate,
            }
            for r in found
        ]
        console.json_out(rows)
    elif found:
        tables.runs(found)
    else:
        console.note("no runs yet; `lab load` records one")
    for message in broken:
        console.note(f"skipped: {message}")


@runs.command(cls=Command)
@guarded
def show(run: Run, output: Format = Output.TABLE) -> None:
    """Show one run: its inputs, what was counted, and the verdicts."""
    from lab import console, tables
    from lab.measure import records
    from lab.verdicts.assess import results

    record = records.read(records.find(run))
    if output is Output.JSON:
        console.json_out(record)
        return
    tables.record(
        record,
        {
            "lab": record.lab,
            "scenario": record.spec.scenario,
            "parameters": console.parameters(record.spec.parameters),
            "began": record.began.astimezone().strftime("%Y-%m-%d %H:%M:%S %Z"),
            "podman": record.host.podman,
            "directory": str(records.directory() / record.id),
        },
    )
    console.load(record.load)
    tables.ledger(record.ledger)
    tables.verdicts(results(record), record.load.sent)


@runs.command(cls=Command)
@guarded
def diff(first: Run, second: OtherRun, output: Format = Output.TABLE) -> None:
    """Compare two runs: which inputs differ, and whether the results do."""
    from lab import console, tables
    from lab.experiment.compare import contrast
    from lab.measure import records

    found = contrast(*(records.read(records.find(run)) for run in (first, second)))
    if output is Output.JSON:
        console.json_out(found)
    else:
        tables.comparison(found)

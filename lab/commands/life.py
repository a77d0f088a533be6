"""The commands of a lab's life: up, down, status, build."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Annotated, Any

import typer

from lab import interruption
from lab.commands.guard import alone, guarded, open_lab, parameters, wish
from lab.errors import ExitStatus
from lab.options import (
    DryRun,
    ErrorRate,
    Format,
    Host,
    MaxRetries,
    Name,
    Output,
    Port,
    PrometheusPort,
    Quiet,
    Replace,
    Retries,
    Scenario,
    Seed,
    Set,
    Source,
    SourceOption,
    Url,
)


@guarded
def up(
    context: typer.Context,
    scenario: Scenario,
    name: Name = "lab",
    error_rate: ErrorRate = None,
    seed: Seed = None,
    retries: Retries = None,
    max_retries: MaxRetries = None,
    host: Host = None,
    port: Port = None,
    prometheus_port: PrometheusPort = None,
    set_: Set = None,
    source: SourceOption = Source.AUTO,
    timeout: Annotated[float, typer.Option(help="Seconds to wait until the lab answers.")] = 60,
    replace: Replace = True,
    dry_run: DryRun = False,
    output: Format = Output.TABLE,
    quiet: Quiet = False,
    url: Url = "",
) -> None:
    """Make podman match a scenario, and wait until it answers.

    Running it again changes nothing that is already right; another scenario replaces only what
    differs. Host and ports stay as they were chosen until they are changed, or `lab down`.
    """
    from lab import lifecycle, progress

    wanted = wish(
        context,
        scenario,
        name,
        source,
        set_,
        error_rate=error_rate,
        seed=seed,
        retries=retries,
        max_retries=max_retries,
        host=host,
        port=port,
        prometheus_port=prometheus_port,
    )
    wanted.check()
    with progress.reporter(quiet=quiet) as reporter:
        lab = open_lab(url, reporter)
        with nullcontext() if dry_run else alone(lab, name, quiet=quiet):
            prepared = lifecycle.prepare(lab, wanted)
            scenarios = [prepared.spec.scenario]
            lifecycle.announce(lab, prepared.observed, scenarios, replace=replace)
            reporter.note(str(prepared.source))
            result = None if dry_run else lifecycle.up(lab, prepared, timeout=timeout)
    from lab import console

    if result is None:
        show_plan(prepared.plan, output)
    elif output is Output.JSON:
        console.json_out(result)
    else:
        console.up(result, prepared.plan)


@guarded
def down(
    name: Name = "lab",
    volumes: Annotated[
        bool, typer.Option("--volumes", help="Remove the data volumes too (Prometheus's history).")
    ] = False,
    dry_run: DryRun = False,
    output: Format = Output.TABLE,
    quiet: Quiet = False,
    url: Url = "",
) -> None:
    """Remove everything that this lab owns, and nothing else."""
    from lab import lifecycle, progress

    with progress.reporter(quiet=quiet) as reporter:
        lab = open_lab(url, reporter)
        with nullcontext() if dry_run else alone(lab, name, quiet=quiet):
            plan = lifecycle.down(lab, name, volumes=volumes, dry_run=dry_run)
    lab.engine.retire()
    from lab import console

    if dry_run or output is Output.JSON:
        show_plan(plan, output)
    else:
        console.down(name, plan)


@guarded
def status(name: Name = "lab", output: Format = Output.TABLE, url: Url = "") -> None:
    """Show what runs, healthy or not, in sync or drifted; exit status 3 unless it is up."""
    from lab import console
    from lab.engine.podman import connect
    from lab.lifecycle import look

    found = look(connect(url), name)
    if output is Output.JSON:
        console.json_out(found)
    else:
        console.status(found)
    if not found.up:
        raise typer.Exit(ExitStatus.DEGRADED)


@guarded
def build(
    scenario: Scenario = "sidecar",
    source: SourceOption = Source.AUTO,
    set_: Set = None,
    output: Format = Output.TABLE,
    quiet: Quiet = False,
    url: Url = "",
) -> None:
    """Build the images of a scenario that are missing, and start nothing."""
    from lab import console, lifecycle, progress

    wanted = lifecycle.Wish(scenario=scenario, name="lab", given=parameters(set_), source=source)
    wanted.check()
    with progress.reporter(quiet=quiet) as reporter:
        lab = open_lab(url, reporter)
        with interruption.orderly():
            built = lifecycle.build(lab, wanted)
    if output is Output.JSON:
        console.json_out(built.spec.images)
    else:
        console.note(str(built.source))
        console.images(built)


def show_plan(plan: Any, output: Output) -> None:  # noqa: ANN401 - a Plan, not imported here
    """Print a plan as it was asked for."""
    from lab import console

    if output is Output.JSON:
        console.json_out(plan)
    else:
        console.plan(plan)

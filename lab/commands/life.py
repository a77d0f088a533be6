"""The commands of a lab's life: up, down, status, build, clean."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace as replaced
from typing import Annotated, Any

import typer

from lab import interruption
from lab.commands.guard import alone, guarded, open_lab, parameters, wish
from lab.errors import ExitStatus
from lab.options import (
    AllowRoot,
    DryRun,
    Engine,
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
    Wait,
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
    allow_root: AllowRoot = False,
    wait: Wait = 60,
    replace: Replace = True,
    dry_run: DryRun = False,
    output: Format = Output.TABLE,
    quiet: Quiet = False,
    engine: Engine = "",
) -> None:
    """Make podman match a scenario, and wait until it answers.

    Run it again and nothing changes; with another scenario or other parameters it replaces
    only what differs. Host and ports stay as chosen until you change them, or `lab down`.
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
    wanted = replaced(wanted, allow_root=allow_root)
    wanted.check()
    with progress.reporter(quiet=quiet) as reporter:
        lab = open_lab(engine, reporter)
        with nullcontext() if dry_run else alone(lab, name, quiet=quiet):
            prepared = lifecycle.prepare(lab, wanted)
            scenarios = [prepared.spec.scenario]
            lifecycle.announce(lab, prepared.observed, scenarios, replace=replace)
            reporter.note(str(prepared.source))
            result = None if dry_run else lifecycle.up(lab, prepared, timeout=wait)
    from lab import console

    if result is None:
        show_plan(prepared.plan, output)
    elif output is Output.JSON:
        console.json_out(result)
    else:
        console.up(result, prepared.plan)
    if result is not None and not result.up:
        raise typer.Exit(ExitStatus.DEGRADED)


@guarded
def down(
    name: Name = "lab",
    volumes: Annotated[
        bool, typer.Option("--volumes", help="Remove the data volumes too (Prometheus's history).")
    ] = False,
    dry_run: DryRun = False,
    output: Format = Output.TABLE,
    quiet: Quiet = False,
    engine: Engine = "",
) -> None:
    """Remove everything that the lab owns, and nothing else."""
    from lab import lifecycle, progress

    with progress.reporter(quiet=quiet) as reporter:
        lab = open_lab(engine, reporter)
        with nullcontext() if dry_run else alone(lab, name, quiet=quiet):
            plan = lifecycle.down(lab, name, volumes=volumes, dry_run=dry_run)
    lab.engine.retire()
    from lab import console

    if dry_run or output is Output.JSON:
        show_plan(plan, output)
    else:
        console.down(name, plan)


@guarded
def status(name: Name = "lab", output: Format = Output.TABLE, engine: Engine = "") -> None:
    """Show what runs and whether it is in sync with its scenario; exit status 3 unless it is up."""
    from lab import console
    from lab.engine.podman import connect
    from lab.lifecycle import look

    found = look(connect(engine), name)
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
    engine: Engine = "",
) -> None:
    """Build the missing images of a scenario, and start nothing."""
    from lab import console, lifecycle, progress

    given = parameters(set_)
    wanted = lifecycle.Wish(
        scenario=scenario, name="lab", given=given, source=source, allow_root=True
    )
    wanted.check()
    with progress.reporter(quiet=quiet) as reporter:
        lab = open_lab(engine, reporter)
        with interruption.orderly():
            built = lifecycle.build(lab, wanted)
    if output is Output.JSON:
        console.json_out(built.spec.images)
    else:
        console.note(str(built.source))
        console.images(built)


@guarded
def clean(
    dry_run: DryRun = False,
    output: Format = Output.TABLE,
    quiet: Quiet = False,
    engine: Engine = "",
) -> None:
    """Remove the images that lab has built and that no lab uses.

    Images that a lab or another container uses stay, and so does every image that lab did not
    build. `lab up` builds again what it needs.
    """
    from lab import console, lifecycle, progress

    with progress.reporter(quiet=quiet) as reporter:
        lab = open_lab(engine, reporter)
        with nullcontext() if dry_run else interruption.orderly():
            plan = lifecycle.clean(lab, dry_run=dry_run)
    lab.engine.retire()
    if dry_run or output is Output.JSON:
        show_plan(plan, output)
    else:
        console.cleaned(plan)


def show_plan(plan: Any, output: Output) -> None:  # noqa: ANN401 - a Plan, not imported here
    """Print a plan as it was asked for."""
    from lab import console

    if output is Output.JSON:
        console.json_out(plan)
    else:
        console.plan(plan)

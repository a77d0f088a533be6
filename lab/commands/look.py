"""The commands that look around: scenarios, show, logs, doctor."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Annotated

import typer

from lab.commands.guard import guarded, open_lab, parameters
from lab.errors import AbsentError, ExitStatus, UsageError
from lab.options import Container, Engine, Format, Name, Output, Scenario, Set, Source

_AGO = re.compile(
    r"(?=\d)(?:(\d{1,4})d)?(?:(\d{1,5})h)?(?:(\d{1,6})m)?(?:(\d{1,8}(?:\.\d{1,9})?)s)?"
)


@guarded
def scenarios(output: Format = Output.TABLE) -> None:
    """List the shipped scenarios and their parameters."""
    from lab import console, layout, paper
    from lab.topology import scenario

    shipped = scenario.names()
    if output is Output.JSON:
        rows = [
            {"name": s.name, "summary": s.summary, "parameters": scenario.parameters(s.name)}
            for s in shipped
        ]
        console.json_out(rows)
        return
    layout.table(("SCENARIO", "WHAT IT SHOWS"), [(s.name, s.summary) for s in shipped])
    for each in shipped:
        paper.out.print("")
        paper.out.print(f"[dim]parameters of[/] {each.name}")
        console.parameter_table(scenario.parameters(each.name))


@guarded
def show(
    scenario: Scenario,
    name: Name = "lab",
    set_: Set = None,
    shell: Annotated[bool, typer.Option("--shell", help="Print only the podman commands.")] = False,
) -> None:
    """Show a scenario's YAML and the podman commands that it stands for."""
    import shlex

    from lab import console, paper
    from lab.images import recipes
    from lab.topology import scenario as scenarios_
    from lab.topology import shell as steps
    from lab.topology.place import place

    spec = scenarios_.load(scenario, name=name, given=parameters(set_), allow_root=True)
    placed = place(recipes.resolve(spec, Source.REGISTRY), current="", in_use=())
    if not shell:
        console.code(scenarios_.text(scenario), "yaml")
    quote = paper.typed if paper.out.is_terminal else shlex.quote
    console.code(steps.render(placed, quote=quote), "bash")


@guarded
def logs(
    container: Container = "",
    follow: Annotated[bool, typer.Option("-f", "--follow", help="Follow the logs.")] = False,
    tail: Annotated[
        int | None, typer.Option("--tail", min=0, help="Print only the last lines.")
    ] = None,
    since: Annotated[
        str,
        typer.Option("--since", metavar="TIME", help="How far back to begin: 30s, 5m, 1h."),
    ] = "",
    name: Name = "lab",
    engine: Engine = "",
) -> None:
    """Print the logs of the lab's containers, merged by time.

    TIME is how long ago, as 30s, 10m or 1h30m, or a moment such as 2026-01-31T12:00:00Z.
    """
    from lab import console, paper
    from lab.engine.merging import merged
    from lab.topology.spec import prefix

    begin = _moment(since) if since else None
    podman = open_lab(engine).engine
    ours = [c.name for c in podman.observe(name).my_containers()]
    if not ours:
        raise AbsentError(f"no lab named {name} is up", hint="start one: `lab up direct`")
    wanted = [c for c in ours if container in {"", c, c.removeprefix(prefix(name))}]
    if not wanted:
        raise UsageError(
            f"lab {name} has no container {container}", hint=f"it has {', '.join(ours)}"
        )
    streams = {each: podman.logs(each, tail=tail, since=begin, follow=follow) for each in wanted}
    lines = merged(streams, follow=follow, unread=paper.out.unread)
    console.logs(lines, wanted, follow=follow)


def _moment(text: str) -> datetime:
    """The moment that ``--since`` names, in the past or by date; a date without a zone is local."""
    now = datetime.now().astimezone()
    if found := _AGO.fullmatch(text):
        days, hours, minutes, seconds = (float(part or 0) for part in found.groups())
        ago = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
        return now - ago
    try:
        return datetime.fromisoformat(text).astimezone()
    except (ValueError, OverflowError) as error:
        raise UsageError(
            f"--since {text}: this is not a time",
            hint="for example 10m or 2026-01-31T12:00:00Z",
        ) from error


@guarded
def doctor(output: Format = Output.TABLE, engine: Engine = "") -> None:
    """Check whether lab can run on this machine, with a remedy for whatever is missing."""
    from lab import console
    from lab.engine.doctor import examine

    findings = examine(engine)
    if output is Output.JSON:
        console.json_out(findings)
    else:
        console.findings(findings)
    if any(finding.state == "bad" for finding in findings):
        raise typer.Exit(ExitStatus.FAILED)

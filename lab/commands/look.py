"""The commands that look around: scenarios, show, logs, doctor."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from lab.commands.guard import guarded, open_lab, parameters
from lab.errors import AbsentError, ExitStatus, UsageError
from lab.options import Container, Engine, Format, Name, Output, Scenario, Set, Source

if TYPE_CHECKING:
    from lab.topology.spec import LabSpec

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
    quantities: Annotated[
        bool, typer.Option("--quantities", help="Print what claims can speak of.")
    ] = False,
    graph: Annotated[
        bool, typer.Option("--graph", help="Print pods, ports and path as a Mermaid flowchart.")
    ] = False,
    config: Annotated[
        bool,
        typer.Option("--config", help="Print the configuration files in the images, as rendered."),
    ] = False,
    output: Format = Output.TABLE,
) -> None:
    """Show a scenario's YAML and the podman commands that it stands for, or one part of it."""
    from lab import console
    from lab.topology import scenario as scenarios_

    parts = {"--shell": shell, "--quantities": quantities, "--graph": graph, "--config": config}
    if len(chosen := [option for option, given in parts.items() if given]) > 1:
        raise UsageError(
            f"{' and '.join(chosen)} exclude each other", hint="give one of them, or none"
        )
    if output is Output.JSON and not (quantities or config):
        raise UsageError("-o json needs --quantities or --config")
    spec = scenarios_.load(scenario, name=name, given=parameters(set_), allow_root=True)
    if quantities:
        _quantities(spec, output)
    elif graph:
        from lab.topology.diagram import mermaid

        console.code(mermaid(spec), "text")
    elif config:
        _configurations(spec, output)
    else:
        if not shell:
            console.code(scenarios_.text(scenario), "yaml")
        _commands(spec)


def _commands(spec: LabSpec) -> None:
    import shlex

    from lab import console, paper
    from lab.images import recipes
    from lab.topology import shell as steps
    from lab.topology.place import place

    placed = place(recipes.resolve(spec, Source.REGISTRY), current="", in_use=())
    quote = paper.typed if paper.out.is_terminal else shlex.quote
    console.code(steps.render(placed, quote=quote), "bash")


def _quantities(spec: LabSpec, output: Output) -> None:
    from lab import console, layout
    from lab.metrics.quantities import Quantities

    found = Quantities(spec).described()
    if output is Output.JSON:
        console.json_out(found)
        return
    rows = [(each.name, each.what, each.sum or each.where) for each in found]
    layout.table(("QUANTITY", "COUNTS", "WHERE"), rows, long=2)


def _configurations(spec: LabSpec, output: Output) -> None:
    from lab import console
    from lab.images import contexts

    found = {image.name: contexts.configurations(image) for image in spec.images}
    found = {name: files for name, files in found.items() if files}
    if output is Output.JSON:
        console.json_out(found)
        return
    if not found:
        console.note("no image that lab builds for this scenario has a configuration file")
    for name, files in found.items():
        for path, text in files.items():
            console.code(f"# {name}: {path}\n{text}", "yaml")


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

"""What a user reads: results on stdout, notes and errors on stderr.

Results have two forms: tables for people, JSON for programs. Progress is in
:mod:`lab.progress`.
"""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING, Any

import msgspec

from lab.layout import GAP, table
from lab.paper import err, escape, out
from lab.streams import visible
from lab.topology.spec import DEFAULT_NAME

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from lab.converge.plan import Plan
    from lab.converge.status import ContainerStatus, PodStatus, Status
    from lab.engine.doctor import Finding
    from lab.engine.logs import Line
    from lab.errors import LabError
    from lab.lifecycle import Prepared
    from lab.measure.traffic.load import Load, Pace
    from lab.measure.traffic.tally import Answers
    from lab.topology.parameters import Parameter

STATE_COLOUR = {
    "running": "green",
    "completed": "green",
    "up": "green",
    "missing": "red",
    "absent": "dim",
}

HASH_DIGITS = 16
"""The length of the content hashes that are the tags of lab's own images."""

NAME_COLOURS = ("cyan", "yellow", "green", "magenta", "blue")
"""Those of containers' names in their logs, one after the other."""

LINES_A_LOOK = 1000
"""Of a log, between two looks whether anybody still reads it."""

LEAST_IMAGE = 12
"""Columns below which the name of an image says nothing."""

_TAKE_NAME = "up|down|status|logs|load|verify|compare|metrics"
"""Commands that hints mention and that work on a lab."""


def named(text: str, name: str) -> str:
    """Let commands in backticks work on the lab of that name, as the one that was typed did."""
    if name == DEFAULT_NAME:
        return text
    return re.sub(
        rf"`(lab (?:{_TAKE_NAME})\b[^`]*)`", lambda found: f"`{found[1]} --name {name}`", text
    )


def error(problem: LabError, name: str = DEFAULT_NAME) -> None:
    """Show an error as a sentence, its details, and what to do next with the lab of that name."""
    err.print(f"[bold red]error:[/] {escape(problem.message)}")
    for line in problem.details:
        err.print(f"  {escape(line)}", style="dim")
    if problem.hint:
        err.print(f"[bold]hint:[/] {escape(named(problem.hint, name))}")


def note(text: str) -> None:
    """Say something in passing, on stderr."""
    err.print(escape(text), style="dim")


def json_out(value: Any) -> None:  # noqa: ANN401 - anything that msgspec can encode
    """Print a result as indented JSON."""
    text = msgspec.json.format(msgspec.json.encode(value), indent=2).decode()
    out.json(text)


def as_json(value: Any) -> dict[str, Any]:  # noqa: ANN401 - anything that msgspec can encode
    """A result as the dictionary that its JSON is."""
    found: dict[str, Any] = msgspec.to_builtins(value)
    return found


def plan(shown: Plan) -> None:
    """Print a plan: every step and kept resource with its cause."""
    for step in shown.steps:
        out.print(f"{escape(step.id)}  [dim]because {escape(step.because)}[/]")
    for kept in shown.kept:
        out.print(f"[dim]keep {kept.kind} {escape(kept.name)}  because {escape(kept.because)}[/]")


def status(shown: Status) -> None:
    """Print what runs and where."""
    out.print(f"[bold]{shown.name}[/]: {_state(shown.state)}{_scenario(shown)}")
    if given := parameters(shown.parameters):
        out.prose(given, head="with ", style="dim")
    if shown.pods:
        _pods(shown.pods)
    for name, url in shown.endpoints.items():
        out.print(f"{name:<12} {url}")
    if shown.graphs:
        out.print(f"{'graphs':<12} {escape(shown.graphs)}")
    if shown.exposed:
        names = ", ".join(shown.exposed)
        out.print(f"[yellow]warning:[/] other machines can reach {names}")
    if shown.drift:
        out.print("[yellow]`lab up` would:[/]")
    for line in shown.drift:
        out.print(f"  {escape(line)}")


def _pods(shown: Iterable[PodStatus]) -> None:
    """Print a line for every container; where they are too long, below a line for its pod.

    Names are never cut; the image's name is, and left out where too little of it would remain.
    """
    pods = list(shown)
    containers = [
        (container, _short(container.image)) for pod in pods for container in pod.containers
    ]
    pod_width, address, name_width, state_width = (
        max((len(cell) for cell in cells), default=0)
        for cells in (
            ("POD", *(pod.name for pod in pods)),
            ("ADDRESS", *(pod.ip for pod in pods)),
            ("CONTAINER", *(container.name for container, _ in containers)),
            ("STATE", *(_exited(container) for container, _ in containers)),
        )
    )
    gap = len(GAP)
    before = pod_width + gap + address + gap
    after = name_width + gap + state_width + gap
    stacked = before + after + LEAST_IMAGE > out.width
    left = out.width - after - (gap if stacked else before)
    if not stacked:
        out.print(
            f"{'POD':<{pod_width}}{GAP}{'ADDRESS':<{address}}{GAP}"
            f"{'CONTAINER':<{name_width}}{GAP}{'STATE':<{state_width}}{GAP}IMAGE",
            style="dim",
        )
    for pod in pods:
        head = f"{pod.name:<{pod_width}}{GAP}{pod.ip:<{address}}{GAP}"
        if stacked:
            out.print(escape(head.rstrip()))
            head = GAP
        for container in pod.containers:
            state = f"{_exited(container):<{state_width}}"
            colour = STATE_COLOUR.get(container.state, "yellow")
            image = _cut(_short(container.image), left)
            out.print(
                f"{escape(head)}{escape(container.name):<{name_width}}{GAP}"
                f"[{colour}]{escape(state)}[/]" + (f"{GAP}[dim]{escape(image)}[/]" if image else "")
            )
            head = GAP if stacked else " " * before
        if not pod.containers and not stacked:
            out.print(escape(head.rstrip()))


def _cut(text: str, width: int) -> str:
    """Text in a number of columns; nothing where hardly any of it would remain."""
    if len(text) <= width:
        return text
    return f"{text[: width - 1]}…" if width >= LEAST_IMAGE else ""


def parameters(given: Mapping[str, int | str | None]) -> str:
    """Parameters on one line: ``error-rate=20 seed=7``, without those that have no value."""
    return " ".join(f"{name}={value}" for name, value in given.items() if value is not None)


def up(shown: Status, plan: Plan) -> None:
    """Print what ``up`` led to, or why it had nothing to do, and what to try next."""
    if not plan:
        out.print(f"[green]nothing to do[/]: {len(plan.kept)} resources are up to date")
    status(shown)
    if entry := shown.endpoints.get(shown.entry):
        flag = "" if shown.name == DEFAULT_NAME else f" --name {shown.name}"
        out.print(f"[dim]try:[/] curl {entry} [dim]·[/] lab load{flag} [dim]·[/] lab down{flag}")


def down(name: str, plan: Plan) -> None:
    """Print what ``down`` removed and what it left on purpose."""
    if plan:
        out.print(f"[bold]{name}[/]: removed")
    else:
        out.print(f"[green]nothing to do[/]: no lab named {name} is up")
    for kept in plan.kept:
        out.print(f"[dim]kept {kept.kind} {kept.name}: {kept.because}; --volumes removes it[/]")


def cleaned(plan: Plan) -> None:
    """Print how many images were removed."""
    if plan:
        out.print(f"removed {len(plan.steps)} image{'s' * (len(plan.steps) != 1)}")
    else:
        out.print("[green]nothing to do[/]: every image that lab has built is in use")


def images(built: Prepared) -> None:
    """Print the references of the images that a scenario runs on."""
    if not built.plan:
        out.print("[green]nothing to do[/]: all images exist")
    rows = [(i.name, i.reference, i.source) for i in built.spec.images]
    table(("IMAGE", "REFERENCE", "SOURCE"), rows)


def parameter_table(shown: Iterable[Parameter]) -> None:
    """Print parameters with their defaults and ranges."""
    rows = []
    for p in shown:
        default = "" if p.default is None else str(p.default)
        rows.append((p.name, default, p.range or p.type, p.help))
    table(("NAME", "DEFAULT", "RANGE", "MEANING"), rows)


def code(text: str, language: str) -> None:
    """Print source text: coloured on a terminal, and byte for byte elsewhere.

    Its lines are left to the terminal to wrap, so that what is copied from it is what was meant.
    """
    text = text if text.endswith("\n") else f"{text}\n"
    if not out.moves:
        out.data(text.encode(errors="surrogateescape"))
        return
    from rich.syntax import Syntax

    shown = Syntax("", language, background_color="default").highlight(visible(text))
    shown.rstrip()
    out.draw(shown)


def logs(lines: Iterable[tuple[str, Line]], names: Sequence[str], *, follow: bool) -> None:
    """Write logs as they come, each line behind its container's name when there are several.

    A file or a pipe gets the containers' bytes as they are.
    """
    width = max(map(len, names))
    colours = dict(zip(names, itertools.cycle(NAME_COLOURS), strict=False))
    heads = {
        name: out.marked(f"[{colour}]{name:<{width}} |[/] ") if len(names) > 1 else ""
        for name, colour in colours.items()
    }
    unfinished = None
    for count, (name, (_, stream, text)) in enumerate(lines, 1):
        if unfinished and unfinished != (name, stream) and (heads[name] or out.is_terminal):
            out.data(b"\n")
            unfinished = None
        if out.is_terminal and text.endswith(b"\r\n"):
            text = text[:-2] + b"\n"  # noqa: PLW2901 - no terminal shows the difference
        out.data(text, "" if unfinished else heads[name])
        unfinished = None if text.endswith(b"\n") else (name, stream)
        if (follow or count % LINES_A_LOOK == 0) and out.unread():
            return
    if unfinished and (out.is_terminal or len(names) > 1):
        out.data(b"\n")


def findings(shown: Sequence[Finding]) -> None:
    """Print what doctor found, a remedy below everything that is not right, and the upshot."""
    marks = {"good": "[green]✓[/]", "warning": "[yellow]![/]", "bad": "[red]✗[/]"}
    for finding in shown:
        out.print(f"{marks[finding.state]} {finding.name:<12} {escape(finding.text)}")
        if finding.remedy:
            out.print(f"  [dim]{'':<12} {escape(finding.remedy)}[/]")
    if bad := [finding.name for finding in shown if finding.state == "bad"]:
        out.print(f"[bold red]lab cannot run here[/]: see {escape(', '.join(bad))}")
    else:
        out.print("[bold green]lab can run here[/]")


def load(shown: Load) -> None:
    """Print the article's table, the success rate with its interval, and latencies."""
    rows = [(str(kind.count), _answer(kind)) for kind in shown.answers]
    table(("COUNT", "ANSWER, FOR EXAMPLE"), rows, cut=True)
    if shown.success_rate is None:
        why = "no outcome is known" if shown.sent else "no request was sent"
        out.print(f"[bold]success rate not measured[/]: {why}")
    else:
        low, high = shown.success_interval.low, shown.success_interval.high
        out.print(
            f"[bold]success rate {shown.success_rate:.1%}[/]  [dim]{shown.succeeded} of "
            f"{shown.known}; 95% confidence interval {low:.1%} to {high:.1%}[/]"
        )
    if shown.errors:
        causes = " · ".join(f"{cause}: {count}" for cause, count in shown.errors.items())
        out.print(f"[bold]failures[/] {causes}")
    if shown.unsent:
        what = "request" if shown.unsent == 1 else "requests"
        out.print(
            f"[bold red]not sent[/] {shown.unsent} {what}: this machine could not; "
            "they count for nothing"
        )
    if took := shown.latency:
        points = {"p50": took.p50, "p90": took.p90, "p99": took.p99, "p99.9": took.p99_9}
        cells = [f"{name} {_milliseconds(value)}" for name, value in points.items()]
        cells += [f"max {_milliseconds(took.max)}", f"mean {_milliseconds(took.mean)} ms"]
        out.print(f"[bold]latency[/] {' · '.join(cells)}")
    if shown.throughput is not None:
        out.print(f"[bold]throughput[/] {shown.throughput:.0f} answers/s for {shown.seconds:.3g} s")
    if shown.pace:
        _pace(shown.pace)
    for each in shown.thresholds:
        colour = {True: "bold red", False: "green", None: "yellow"}[each.crossed]
        out.print(f"[bold]threshold[/] [{colour}]{each}[/]")
    if shown.partial:
        of = "" if shown.order.requests is None else f" of {shown.order.requests}"
        out.print(f"[yellow]partial: interrupted when {shown.sent}{of} requests were sent[/]")


def _answer(kind: Answers) -> str:
    """An answer of a kind, which begins as the others of its kind do."""
    alike = kind.example.startswith(kind.answer)
    return kind.example if alike else f"{kind.answer}, such as {kind.example}"


def _pace(shown: Pace) -> None:
    late = f"requests were sent up to {_milliseconds(shown.lag)} ms late"
    if shown.kept:
        out.print(f"[bold]rate[/] {shown.asked:g} requests/s kept  [dim]{late}[/]")
    else:
        out.print(
            f"[yellow]rate not kept: {shown.achieved:.4g} of {shown.asked:g} requests/s; {late}[/]"
        )


def _milliseconds(seconds: float) -> str:
    """Three significant digits, but whole milliseconds are never rounded away."""
    value = seconds * 1000
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"  # noqa: PLR2004


def _state(state: str) -> str:
    return f"[{STATE_COLOUR.get(state, 'yellow')}]{state}[/]"


def _exited(container: ContainerStatus) -> str:
    """A container's state; with what it exited, as podman writes it, when it should not have."""
    ended = not container.well and container.exit_code is not None
    return f"{container.state} ({container.exit_code})" if ended else container.state


def _short(image: str) -> str:
    """An image's reference as far as people need it: no host, and a hash cut to 8 digits."""
    name, colon, tag = image.removeprefix("localhost/").partition(":")
    return name + colon + (tag[:8] if len(tag) == HASH_DIGITS else tag)


def _scenario(shown: Status) -> str:
    if not shown.scenario:
        return ""
    sync = "in sync" if shown.in_sync else "[yellow]drifted[/]"
    return f", scenario [bold]{escape(shown.scenario)}[/], {sync}"

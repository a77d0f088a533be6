"""What a user reads: results on stdout, notes and errors on stderr.

Results have two forms: tables for people, JSON for programs. Progress is in
:mod:`lab.progress`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from lab.paper import clean, err, escape, out
from lab.topology.spec import DEFAULT_NAME

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from lab.converge.plan import Plan
    from lab.converge.status import PodStatus, Status
    from lab.engine.doctor import Finding
    from lab.errors import LabError
    from lab.lifecycle import Prepared
    from lab.measure.traffic.load import Load, Pace
    from lab.topology.parameters import Parameter

STATE_COLOUR = {"running": "green", "up": "green", "missing": "red", "absent": "dim"}

HASH_DIGITS = 16
"""The length of the content hashes that are the tags of lab's own images."""

GAP = "  "
"""Between two columns."""


def error(problem: LabError) -> None:
    """Show an error as a sentence, its details, and what to do next."""
    err.print(f"[bold red]error:[/] {escape(problem.message)}")
    for line in problem.details:
        err.print(f"  {escape(line)}", style="dim")
    if problem.hint:
        err.print(f"[bold]hint:[/] {escape(problem.hint)}")


def note(text: str) -> None:
    """Say something in passing, on stderr."""
    err.print(escape(text), style="dim")


def json_out(value: Any) -> None:  # noqa: ANN401 - anything that msgspec can encode
    """Print a result as indented JSON."""
    out.file.write(msgspec.json.format(msgspec.json.encode(value), indent=2).decode() + "\n")


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
        out.print(f"[dim]with {escape(given)}[/]")
    if shown.pods:
        _pods(shown.pods)
    for name, url in shown.endpoints.items():
        out.print(f"{name:<12} {url}")
    if shown.exposed:
        names = ", ".join(shown.exposed)
        out.print(f"[yellow]warning:[/] other machines can reach {names}")
    if shown.drift:
        out.print("[yellow]an `up` would:[/]")
    for line in shown.drift:
        out.print(f"  {escape(line)}")


def _pods(shown: Iterable[PodStatus]) -> None:
    """Print a line for every container; where a line is too long, the image's name is cut."""
    rows = [("POD", "ADDRESS", "CONTAINER", "STATE", "IMAGE")]
    for pod in shown:
        names = [(pod.name, pod.ip)] + [("", "")] * len(pod.containers)
        rows += [
            (*name, container.name, container.state, _short(container.image))
            for name, container in zip(names, pod.containers, strict=False)
        ]
    widths = [max(map(len, cells)) for cells in zip(*rows, strict=True)]
    left = out.width - sum(widths[:-1]) - len(GAP) * (len(widths) - 1)
    for number, row in enumerate(rows):
        *cells, state, image = (escape(f"{c:<{w}}") for c, w in zip(row, widths, strict=True))
        image = image.rstrip()
        if len(image) > left:
            image = image[: max(0, left - 1)] + "…"
        if number:
            colour = STATE_COLOUR.get(state.rstrip(), "yellow")
            out.print(GAP.join((*cells, f"[{colour}]{state}[/]", f"[dim]{image}[/]")))
        else:
            out.print(GAP.join((*cells, state, image)), style="dim")


def table(columns: Iterable[str], rows: Iterable[Iterable[str]], *, cut: bool = False) -> None:
    """Print a plain table; the cells are text, not markup.

    What is too long for the line is wrapped, or when ``cut`` shortened, in the last column.
    """
    from rich.table import Table
    from rich.text import Text

    *most, last = columns
    shown = Table(box=None, pad_edge=False, header_style="dim")
    for column in most:
        shown.add_column(column, no_wrap=cut)
    shown.add_column(last)
    for row in rows:
        *cells, end = (Text(clean(cell)) for cell in row)
        if cut:
            end.no_wrap, end.overflow = True, "ellipsis"
        shown.add_row(*cells, end)
    out.draw(shown)


def parameters(given: Mapping[str, int | str | None]) -> str:
    """Parameters on one line: ``error-rate=20 seed=7``, without those that have no value."""
    return " ".join(f"{name}={value}" for name, value in given.items() if value is not None)


def up(shown: Status, plan: Plan) -> None:
    """Print what ``up`` led to, or why it had nothing to do, and what to try next."""
    if not plan:
        out.print(f"[green]nothing to do[/]: {len(plan.kept)} things are as they should be")
    status(shown)
    if entry := shown.endpoints.get(shown.entry):
        flag = "" if shown.name == DEFAULT_NAME else f" --name {shown.name}"
        out.print(f"[dim]try:[/] curl {entry} [dim]·[/] lab load{flag} [dim]·[/] lab down{flag}")


def down(name: str, plan: Plan) -> None:
    """Print what ``down`` removed and what it left on purpose."""
    if plan:
        out.print(f"[bold]{name}[/]: gone")
    else:
        out.print(f"[green]nothing to do[/]: no lab named {name} is up")
    for kept in plan.kept:
        out.print(f"[dim]kept {kept.kind} {kept.name}: {kept.because} (--volumes removes it)[/]")


def images(built: Prepared) -> None:
    """Print the references of the images that a scenario runs on."""
    if not built.plan:
        out.print("[green]nothing to do[/]: every image is there")
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
    """Print source text, coloured on a terminal, untouched elsewhere."""
    text = "\n".join(map(clean, text.rstrip("\n").split("\n")))
    if out.is_terminal:
        from rich.syntax import Syntax

        out.draw(Syntax(text, language, background_color="default", word_wrap=True))
    else:
        out.file.write(f"{text}\n")


def logs(streams: Mapping[str, Iterator[str]]) -> None:
    """Print log lines as they come, each behind its container's name when there are several."""
    width = max(map(len, streams))
    for name, line in _merged(streams):
        head = f"{name:<{width}} | " if len(streams) > 1 else ""
        out.print(head + line, markup=False)


def _merged(streams: Mapping[str, Iterator[str]]) -> Iterator[tuple[str, str]]:
    """The lines of several streams in the order in which they come, with their stream's name.

    The threads that read are daemons: nothing else ends one that waits for a line, on Ctrl-C.
    """
    import threading
    from queue import Queue

    # A line, the error that ended a stream, or None at its end.
    found: Queue[tuple[str, str | Exception | None]] = Queue(maxsize=1000)

    def read(name: str, lines: Iterator[str]) -> None:
        end: Exception | None = None
        try:
            for line in lines:
                found.put((name, line))
        except Exception as error:  # noqa: BLE001 - raised again by the reader of the queue
            end = error
        found.put((name, end))

    for name, lines in streams.items():
        threading.Thread(target=read, args=(name, lines), daemon=True).start()
    running = len(streams)
    while running:
        name, item = found.get()
        if isinstance(item, str):
            yield name, item
            continue
        if item is not None:
            raise item
        running -= 1


def findings(shown: Iterable[Finding]) -> None:
    """Print what doctor found, with a remedy below everything that is not right."""
    marks = {"good": "[green]✓[/]", "warning": "[yellow]![/]", "bad": "[red]✗[/]"}
    for finding in shown:
        out.print(f"{marks[finding.state]} {finding.name:<12} {escape(finding.text)}")
        if finding.remedy:
            out.print(f"  [dim]{'':<12} {escape(finding.remedy)}[/]")


def load(shown: Load) -> None:
    """Print the article's table, the success rate with its interval, and latencies."""
    rows = [(str(kind.count), kind.answer, kind.example) for kind in shown.answers]
    table(("COUNT", "ANSWER", "FOR EXAMPLE"), rows, cut=True)
    if shown.success_rate is None:
        out.print("[bold]success rate not measured[/]: no request was sent")
    else:
        low, high = shown.success_interval.low, shown.success_interval.high
        out.print(
            f"[bold]success rate {shown.success_rate:.1%}[/]  [dim]{shown.succeeded} of "
            f"{shown.sent}; the true rate is in {low:.1%} to {high:.1%} with 95 % confidence[/]"
        )
    if shown.errors:
        causes = " · ".join(f"{cause}: {count}" for cause, count in shown.errors.items())
        out.print(f"[bold]failures[/] {causes}")
    if took := shown.latency:
        points = {"p50": took.p50, "p90": took.p90, "p99": took.p99, "p99.9": took.p99_9}
        cells = [f"{name} {_milliseconds(value)}" for name, value in points.items()]
        cells += [f"max {_milliseconds(took.max)}", f"mean {_milliseconds(took.mean)} ms"]
        out.print(f"[bold]latency[/] {' · '.join(cells)}")
    if shown.sent:
        out.print(
            f"[bold]throughput[/] {shown.throughput:.0f} requests/s for {shown.seconds:.3g} s"
        )
    if shown.pace:
        _pace(shown.pace)
    if shown.partial:
        of = "" if shown.order.requests is None else f" of {shown.order.requests}"
        out.print(f"[yellow]partial: interrupted when {shown.sent}{of} requests were sent[/]")


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


def _short(image: str) -> str:
    """An image's reference as far as people need it: no host, and a hash cut to 8 digits."""
    name, colon, tag = image.removeprefix("localhost/").partition(":")
    return name + colon + (tag[:8] if len(tag) == HASH_DIGITS else tag)


def _scenario(shown: Status) -> str:
    if not shown.scenario:
        return ""
    sync = "in sync" if shown.in_sync else "[yellow]drifted[/]"
    return f", scenario [bold]{escape(shown.scenario)}[/], {sync}"

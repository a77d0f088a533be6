"""Writes the commands' help into docs/commands.md, and the list of commands into README.md.

Run as `make docs`. A unit test fails while either file differs from what this would write.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import typer
from typer.core import TyperGroup
from typer.main import get_group

from lab.cli import app
from lab.commands.examples import EXAMPLES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "commands.md"
README = ROOT / "README.md"

INTRODUCTION = """\
# Commands

<!-- Generated from the commands' own help: change that, then run `make docs`. -->

Results go to stdout, progress and errors to stderr. Exit statuses: 0 good, 1 something failed,
2 wrong usage or a wrong scenario, 3 no such lab or not all of it runs, 4 measured and not as
predicted, 5 not measured, 99 a threshold of `lab load` was crossed, 129 hung up, 130 interrupted,
141 the reader of the output left, 143 terminated. A DURATION is `500ms`, `10s`, `1m30s` or a plain
number of seconds.
"""

SHARED = {"--help", "--install-completion", "--show-completion"}
"""Options that every Typer program has; `lab --help` tells of them."""

_LIST = re.compile(r"(<!-- commands -->\n).*?(<!-- /commands -->)", re.DOTALL)


def page() -> str:
    """The whole of docs/commands.md."""
    return "\n".join([INTRODUCTION, *_overview("#{name}"), "", *_sections()])


def readme(current: str) -> str:
    """README.md with its list of commands renewed, the rest as it is."""
    rows = "\n".join(_overview("docs/commands.md#{name}"))
    return _LIST.sub(lambda found: f"{found[1]}\n{rows}\n\n{found[2]}", current)


def main() -> None:
    """Write both files."""
    PAGE.write_text(page(), encoding="utf-8")
    README.write_text(readme(README.read_text(encoding="utf-8")), encoding="utf-8")


def _commands() -> Iterator[tuple[str, typer.Context]]:
    """Every command by its full name, in the order of `lab --help`."""
    group = get_group(app)
    yield from _below(group, typer.Context(group, info_name="lab"))


def _below(group: TyperGroup, context: typer.Context) -> Iterator[tuple[str, typer.Context]]:
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if command is None or command.hidden:
            continue
        inner = typer.Context(command, parent=context, info_name=name)
        if not isinstance(command, TyperGroup) or command.invoke_without_command:
            yield inner.command_path, inner
        if isinstance(command, TyperGroup):
            yield from _below(command, inner)


def _overview(link: str) -> Iterator[str]:
    """A table of the commands and the first sentence of their help."""
    rows = []
    for name, context in _commands():
        target = link.format(name=name.replace(" ", "-"))
        first = (context.command.help or "").partition("\n\n")[0]
        rows.append((f"[`{name}`]({target})", first))
    yield from _table(("command", "does"), rows)


def _sections() -> Iterator[str]:
    """For each command: its help, its usage, its arguments and options, and examples."""
    for name, context in _commands():
        usage = " ".join([name, *context.command.collect_usage_pieces(context)])
        yield from (f"## {name}", "", context.command.help or "", "")
        yield from ("```", usage, "```", "")
        records = [param.get_help_record(context) for param in context.command.get_params(context)]
        rows = [(f"`{r[0]}`", r[1]) for r in records if r and r[0] not in SHARED | {"-h, --help"}]
        yield from _table(("argument or option", "meaning"), rows)
        yield from ("", "```console")
        for line, purpose in EXAMPLES[name.partition(" ")[2]].items():
            yield from (f"# {purpose}", f"$ {line}")
        yield from ("```", "")


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> Iterator[str]:
    yield from (_row(head), "|---|---|")
    yield from map(_row, rows)


def _row(cells: Iterable[str]) -> str:
    """One row of a Markdown table; a bar inside a cell would end it."""
    return "| " + " | ".join(" ".join(c.replace("|", r"\|").split()) for c in cells) + " |"


if __name__ == "__main__":
    main()

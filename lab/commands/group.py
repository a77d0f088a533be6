"""How commands and groups of commands show their help, and what they say of missing words."""

from __future__ import annotations

from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

MOST_CANDIDATES = 12
"""How many of the words that could stand in a place are listed."""


def _examples(ctx: Any, formatter: Any) -> None:  # noqa: ANN401 - click's, in Typer
    """Write a command's examples, each with what it does."""
    from lab.commands.examples import EXAMPLES

    if found := EXAMPLES.get(ctx.command_path.partition(" ")[2]):
        with formatter.section("Examples"):
            for line, purpose in found.items():
                formatter.write(f"{'':>{formatter.current_indent}}{line}\n")
                formatter.write(f"{'':>{formatter.current_indent}}    {purpose}\n")


class Command(TyperCommand):
    """A command whose help ends with examples, and that lists what a missing argument can be."""

    def format_epilog(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401 - as above
        """Write the examples below the options."""
        _examples(ctx, formatter)

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 - as above
        """Parse as click does; a missing argument's error tells what could be there."""
        try:
            return super().parse_args(ctx, args)
        except typer.BadParameter as error:
            if type(error) is not typer.BadParameter and error.param is not None:
                error.message = error.message or _candidates(ctx, error.param)
            raise


def _candidates(ctx: Any, missing: Any) -> str:  # noqa: ANN401 - as above
    """The words that completion would offer, one a line with its meaning."""
    words = [(item.value, item.help or "") for item in missing.shell_complete(ctx, "")]
    width = max((len(word) for word, _ in words), default=0)
    listed = [f"  {word:<{width}}  {text}".rstrip() for word, text in words[:MOST_CANDIDATES]]
    if len(words) > MOST_CANDIDATES:
        listed.append(f"  and {len(words) - MOST_CANDIDATES} more")
    return "\n".join((missing.help, *listed)) if listed else ""


class Group(TyperGroup):
    """A group whose help has each command's first sentence whole, not cut at the margin."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401 - as above
        """Write what each command does, on as many lines as it takes."""
        commands = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        rows = [(name, found.get_short_help_str(limit=1000)) for name, found in commands if found]
        with formatter.section("Commands"):
            formatter.write_dl(rows)

    def format_epilog(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401 - as above
        """Write the examples below the commands."""
        _examples(ctx, formatter)

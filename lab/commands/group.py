"""How a group of commands is listed in its help."""

from __future__ import annotations

from typing import Any

from typer.core import TyperGroup


class Group(TyperGroup):
    """A group whose help tells the first sentence of each command whole, not cut at the margin."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401 - click's, in Typer
        """Write what each command does, on as many lines as it takes."""
        commands = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        rows = [(name, found.get_short_help_str(limit=1000)) for name, found in commands if found]
        with formatter.section("Commands"):
            formatter.write_dl(rows)

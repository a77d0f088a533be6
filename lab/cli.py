"""The command line: which commands there are.

Each command parses, calls one use case and shows its result. Heavy imports stand inside the
commands: completion and ``--help`` do not pay for podman. What Typer needs for a command is only
imported and built when that command is typed or listed, and help is plain text: with Rich's
frames around it, importing Rich would take longer than all the rest of ``--help``.
"""

from __future__ import annotations

from collections import UserDict
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.main import get_command

from lab import __version__
from lab.commands.group import Command, Group

COMMANDS = {
    "life": ("up", "down", "status", "build", "clean"),
    "look": ("scenarios", "show", "logs", "doctor"),
    "experiments": ("load", "verify", "compare", "sweep", "replay"),
    "pictures": ("report", "metrics"),
    "runs": ("runs",),
}
"""The modules of :mod:`lab.commands`, and what each has: functions, or a Typer of subcommands."""


class _OnDemand(UserDict[str, Any]):
    """The commands by name; one that was not asked for yet is the name of its module."""

    def __getitem__(self, name: str) -> Any:  # noqa: ANN401 - click's, or Typer's own copy of it
        """Return a command, built now if it was not before."""
        found = super().__getitem__(name)
        if isinstance(found, str):
            found = self[name] = _build(getattr(import_module(found), name))
        return found


def _build(command: Any) -> Any:  # noqa: ANN401 - as above
    """What Typer makes of a function, or of the Typer of a group."""
    if not isinstance(command, typer.Typer):
        alone = typer.Typer(add_completion=False, rich_markup_mode=None)
        alone.command(cls=Command)(command)
        command = alone
    return get_command(command)


class _Lab(Group):
    """The group of all commands, which are made on demand."""

    def __init__(self, **settings: Any) -> None:  # noqa: ANN401 - passed on
        """Begin with nothing but the commands' names."""
        super().__init__(**settings)
        modules = {name: f"lab.commands.{where}" for where, has in COMMANDS.items() for name in has}
        self.commands = _OnDemand(modules)


app = typer.Typer(
    name="lab",
    cls=_Lab,
    help="A service proxy lab on podman: see what a sidecar buys you, and measure it.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


def _version(wanted: bool) -> None:  # noqa: FBT001 - Typer's callback signature
    if wanted:
        from lab import paper

        paper.out.print(f"lab {__version__}")
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Nothing but options that stand before a command."""
    del version

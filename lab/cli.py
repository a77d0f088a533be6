"""The command line: which commands there are.

Each command parses, calls one use case and shows its result. Heavy imports stand inside the
commands: completion and ``--help`` do not pay for podman.
"""

from __future__ import annotations

from typing import Annotated

import typer

from lab import __version__
from lab.commands import experiments, life, look, pictures, runs

app = typer.Typer(
    name="lab",
    help="A service proxy lab on podman: see what a sidecar buys you, and measure it.",
    epilog="Start with `lab up direct`, `lab load`, `lab up sidecar`, `lab load`.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)

for command in (
    *(life.up, life.down, life.status, life.build),
    *(look.scenarios, look.show, look.logs, look.doctor),
    *(experiments.load, experiments.verify, experiments.compare),
    *(experiments.sweep, experiments.replay),
    *(pictures.report, pictures.metrics),
):
    app.command()(command)
app.add_typer(runs.app, name="runs")


def _version(wanted: bool) -> None:  # noqa: FBT001 - Typer's callback signature
    if wanted:
        typer.echo(f"lab {__version__}")
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Nothing but options that stand before a command."""
    del version

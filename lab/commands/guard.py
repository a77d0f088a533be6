"""What every command needs: a way out of errors, a lab to itself, parameters from options."""

from __future__ import annotations

import functools
import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import typer

from lab import interruption
from lab.errors import LabError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lab.lifecycle import Lab, Wish

P = ParamSpec("P")
R = TypeVar("R")


def guarded(command: Callable[P, R]) -> Callable[P, R]:
    """Turn what a command raises into a message on stderr and an exit status."""

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        from lab.topology.spec import DEFAULT_NAME, check_name

        name = DEFAULT_NAME
        try:
            typed = kwargs.get("name")
            if typed is not None:
                check_name(str(typed))
                name = str(typed)
            return command(*args, **kwargs)
        except LabError as error:
            from lab import console

            console.error(error, name)
            raise typer.Exit(error.status) from error
        except KeyboardInterrupt as error:
            from lab import console

            number = getattr(error, "number", signal.SIGINT)
            done = f"what is listed above is done; {interruption.CARRY_ON}"
            done = " ".join(map(str, error.args)) or done
            console.note(console.named(f"{interruption.SIGNALS[number]}: {done}", name))
            raise typer.Exit(interruption.STATUS_BASE + number) from error

    return run


def wish(
    context: typer.Context,
    scenario: str,
    name: str,
    source: str,
    pairs: list[str] | None,
    *,
    shared: bool = False,
    **named: str | int | None,
) -> Wish:
    """What is wanted of a lab, by its options.

    What comes from the environment counts for the scenarios that have such a parameter, and so
    does everything that several scenarios of one command have ``shared``.
    """
    from lab.lifecycle import Wish
    from lab.topology.scenario import parameters as declared

    given = parameters(pairs, **named)
    sources = {key: context.get_parameter_source(key) for key in named}
    ambient = {key for key, found in sources.items() if found and found.name == "ENVIRONMENT"}
    optional = given.keys() if shared else {key.replace("_", "-") for key in ambient}
    if optional:
        known = {parameter.name for parameter in declared(scenario)}
        given = {key: value for key, value in given.items() if key in known or key not in optional}
    return Wish(scenario=scenario, name=name, given=given, source=source)


def parameters(pairs: list[str] | None, **named: str | int | None) -> dict[str, str | int]:
    """Parameters from their options and from ``--set``, which wins."""
    given = {key.replace("_", "-"): value for key, value in named.items() if value is not None}
    for pair in pairs or ():
        name, equals, value = pair.partition("=")
        if not equals:
            raise UsageError(f"--set {pair}: give NAME=VALUE", hint="for example --set retries=3")
        given[name] = value
    return given


def open_lab(url: str, reporter: Any = None) -> Lab:  # noqa: ANN401 - one of console's reporters
    """Connect to podman at ``url``, "" for the usual place; report to ``reporter`` if given."""
    from lab.engine.podman import connect
    from lab.lifecycle import Lab
    from lab.progress import SilentReporter

    engine = connect(url)
    return Lab(engine, reporter or SilentReporter())


@contextmanager
def alone(lab: Lab, name: str, *, quiet: bool) -> Iterator[None]:
    """Change a lab while no other command does; says once whom it waits for, unless quiet."""

    def waiting(holder: str) -> None:
        if not quiet:
            from lab import console

            console.note(f"waiting: lab {name} is being changed by {holder}")

    with lab.engine.lock(name, waiting), interruption.orderly():
        yield

"""The commands that make a report's numbers again."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from lab.errors import LabError
from lab.topology import scenario
from lab.topology.spec import DEFAULT_NAME

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from lab.measure.records import Record


def again(run: Record) -> tuple[str, ...]:
    """Bring up what a run was poured on, pour the same, and judge it."""
    name = _name(run)
    up = shlex.join(["lab", "up", run.spec.scenario, *name, *_parameters(run)])
    load = shlex.join(["lab", "load", *_traffic(run), *name])
    return up, load, shlex.join(["lab", "verify", *name])


def sweep(runs: Sequence[Record]) -> str:
    """The sweep that these runs are the points of."""
    axes: dict[str, list[str]] = {}
    for run in runs:
        for pair in run.experiment.partition("/")[2].split(","):
            axis, _, value = pair.partition("=")
            values = axes.setdefault(axis, [])
            if value not in values:
                values.append(value)
    words = [word for axis, found in axes.items() for word in (f"--{axis}", ",".join(found))]
    first = runs[0]
    words += ["-n", str(first.load.order.requests), *_name(first)]
    return shlex.join(["lab", "sweep", *words, *_parameters(first, without=axes)])


def _name(run: Record) -> list[str]:
    return [] if run.spec.name == DEFAULT_NAME else ["--name", run.spec.name]


def _parameters(run: Record, without: Collection[str] = ()) -> list[str]:
    """``--set`` for every parameter that is not as the scenario has it by itself."""
    try:
        default = {each.name: each.default for each in scenario.parameters(run.spec.scenario)}
    except LabError:
        default = {}  # the scenario was a file that is gone
    given = run.spec.parameters.items()
    hidden = {secret.parameter for secret in run.spec.secrets}
    found = [
        f"{name}=@FILE" if name in hidden else f"{name}={value}"
        for name, value in given
        if name not in without and value is not None and default.get(name) != value
    ]
    return [word for pair in found for word in ("--set", pair)]


def _traffic(run: Record) -> list[str]:
    order = run.load.order
    options = {
        "-n": order.requests,
        "--duration": order.duration,
        "--rate": order.rate,
        "-c": order.concurrency,
    }
    return [word for name, value in options.items() if value for word in (name, f"{value:g}")]

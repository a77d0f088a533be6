"""The commands that make a report's numbers again."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from lab import durations
from lab.errors import LabError
from lab.experiment.sweep import CONCURRENCY
from lab.measure.traffic.load import TIMEOUT
from lab.measure.traffic.pacer import MOST_CONNECTIONS, Arrivals
from lab.report.charts import points
from lab.topology import scenario
from lab.topology.spec import DEFAULT_NAME

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from lab.measure.records import Record


def again(run: Record) -> tuple[str, ...]:
    """Bring up the lab of a run, send the same load, and judge it."""
    name = _name(run)
    up = shlex.join(["lab", "up", run.spec.scenario, *name, *_parameters(run)])
    load = shlex.join(["lab", "load", *_traffic(run), *name])
    return up, load, shlex.join(["lab", "verify", *name])


def sweep(runs: Sequence[Record]) -> str:
    """The sweep that these runs are the points of."""
    axes: dict[str, dict[int | str, None]] = {}
    for run in runs:
        for axis, value in points.setting(run).items():
            axes.setdefault(axis, {})[value] = None
    first = runs[0]
    words = [first.spec.scenario]
    for axis, found in axes.items():
        values = ",".join(map(str, found))
        words += ["-c", values] if axis == CONCURRENCY else ["--over", f"{axis}={values}"]
    words += ["-n", str(first.load.order.requests), *_name(first)]
    return shlex.join(["lab", "sweep", *words, *_parameters(first, without=axes)])


def _name(run: Record) -> list[str]:
    return [] if run.lab == DEFAULT_NAME else ["--name", run.lab]


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
    """The options of `lab load` that are not as they are by themselves."""
    order = run.load.order
    poisson = order.arrivals is Arrivals.POISSON
    options = {
        "-n": str(order.requests or ""),
        "--duration": durations.show(order.duration) if order.duration else "",
        "--rate": f"{order.rate:.10g}" if order.rate else "",
        "--arrivals": order.arrivals if poisson else "",
        "--arrival-seed": str(order.arrival_seed) if poisson and order.arrival_seed else "",
        "-c": ""
        if order.rate and order.concurrency == MOST_CONNECTIONS
        else str(order.concurrency),
        "--timeout": "" if order.timeout == TIMEOUT else durations.show(order.timeout),
    }
    return [word for name, value in options.items() if value for word in (name, value)]

"""The options and arguments that several commands share, each described once."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

import typer

from lab import durations
from lab.errors import LabError
from lab.measure.traffic.pacer import MOST_CONNECTIONS, Arrivals


class Output(StrEnum):
    """How a result is printed."""

    TABLE = "table"
    JSON = "json"


class Source(StrEnum):
    """Where images come from."""

    AUTO = "auto"
    REGISTRY = "registry"
    PACKAGES = "packages"


def _seconds(text: str | float) -> float:
    """The seconds of a duration, as an option takes it."""
    if isinstance(text, float | int):  # a default
        return text
    try:
        return durations.parse(text)
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} {error}") from error


def _some_seconds(text: str | float) -> float:
    """As :func:`_seconds`, but not zero."""
    seconds = _seconds(text)
    if not seconds:
        raise typer.BadParameter("a duration longer than 0 is required")
    return seconds


DURATION: Any = {"parser": _some_seconds, "metavar": "DURATION"}
DURATION_OR_ZERO: Any = {"parser": _seconds, "metavar": "DURATION"}
"""What an option needs to take ``10s``, ``1m30s`` or ``500ms``."""


def _labs(incomplete: str) -> list[str]:
    """Names of the labs that exist; nothing when podman does not answer."""
    from lab.engine.podman import connect

    try:
        found = {spec.name for spec in connect().observe("").every_lab()}
    except LabError:
        return []
    return sorted(name for name in found if name.startswith(incomplete))


def _parameters(ctx: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    """Parameters of the scenarios that were typed, each with its range and meaning."""
    from lab.topology import scenario

    # An option without its value yet ends the parsing: what stood before is among the rest.
    typed = [*(ctx.params.get(name) for name in ("scenario", "first", "second")), *ctx.args]
    found: dict[str, str] = {}
    for each in filter(None, typed) if any(typed) else [s.name for s in scenario.names()]:
        try:
            for p in scenario.parameters(each):
                found[f"{p.name}="] = f"{p.range or p.type}: {p.help}"
        except LabError:
            continue
    return [(name, text) for name, text in found.items() if name.startswith(incomplete)]


def _scenarios(incomplete: str) -> list[tuple[str, str]]:
    from lab.topology import scenario

    return [(s.name, s.summary) for s in scenario.names() if s.name.startswith(incomplete)]


def _runs(incomplete: str) -> list[str]:
    from lab.measure import records

    return [run for run in reversed(records.ids()) if run.startswith(incomplete)]


def _containers(ctx: typer.Context, incomplete: str) -> list[str]:
    """Names of the lab's containers; nothing when podman does not answer."""
    from lab.engine.podman import connect
    from lab.topology.spec import DEFAULT_NAME

    try:
        observed = connect().observe(ctx.params.get("name") or DEFAULT_NAME)
    except LabError:
        return []
    return [c.name for c in observed.my_containers() if c.name.startswith(incomplete)]


THE_LAB = "The lab to work on; several can run side by side."
Name = Annotated[
    str,
    typer.Option(
        "--name",
        envvar="LAB_NAME",
        help=THE_LAB,
        autocompletion=_labs,
    ),
]
OneLab = Annotated[
    str | None,
    typer.Option("--name", help=THE_LAB, autocompletion=_labs, show_default="whichever has runs"),
]
Engine = Annotated[
    str,
    typer.Option(
        "--engine",
        metavar="URL",
        help="Podman's service: unix://PATH, ssh://USER@HOST/PATH or tcp://HOST:PORT. Default: "
        "CONTAINER_HOST, your podman socket, or a private service that lab starts.",
    ),
]
Format = Annotated[Output, typer.Option("-o", "--output", help="Output format.")]
Quiet = Annotated[bool, typer.Option("-q", "--quiet", help="Print no progress.")]
Scenario = Annotated[
    str,
    typer.Argument(
        help="A shipped scenario or the path of a YAML file.",
        autocompletion=_scenarios,
        show_default=False,
    ),
]
SweepScenario = Annotated[
    str,
    typer.Argument(
        help="A shipped scenario or the path of a YAML file.",
        autocompletion=_scenarios,
        show_default="sidecar",
    ),
]
SourceOption = Annotated[
    Source,
    typer.Option(
        "--source",
        help="Where images come from: a container registry, or Debian and Python packages. "
        "auto uses the registry if it answers.",
    ),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show the plan and change nothing.")]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="NAME=VALUE",
        help="Set a parameter of the scenario; repeatable.",
        autocompletion=_parameters,
    ),
]
AllowRoot = Annotated[
    bool,
    typer.Option("--allow-root", help="Run containers as root where the scenario says user: 0."),
]
Over = Annotated[
    list[str] | None,
    typer.Option(
        "--over",
        metavar="NAME=V,V...",
        help="Values of a parameter of the scenario; repeatable.",
        autocompletion=_parameters,
    ),
]
ErrorRate = Annotated[
    int | None, typer.Option("--error-rate", help="Percentage of requests that service B fails.")
]
Seed = Annotated[
    int | None,
    typer.Option("--seed", help="Seed of service B's failures: equal seeds, equal sequences."),
]
Retries = Annotated[int | None, typer.Option("--retries", help="Maximum retries per request.")]
MaxRetries = Annotated[
    int | None,
    typer.Option("--max-retries", help="Maximum concurrent retries (Envoy's circuit breaker)."),
]
Host = Annotated[
    str | None,
    typer.Option("--host", envvar="LAB_HOST", help="Host address to publish ports on."),
]
Port = Annotated[
    int | None, typer.Option("--port", envvar="LAB_PORT", help="Host port of service A.")
]
PrometheusPort = Annotated[
    int | None,
    typer.Option(
        "--prometheus-port", envvar="LAB_PROMETHEUS_PORT", help="Host port of Prometheus."
    ),
]
Replace = Annotated[
    bool,
    typer.Option(
        "--replace/--no-replace", help="Replace another scenario that is up, or refuse to."
    ),
]
Container = Annotated[
    str,
    typer.Argument(
        help="A container of the lab. Default: all of them.",
        autocompletion=_containers,
        show_default=False,
    ),
]

Requests = Annotated[
    int | None,
    typer.Option(
        "-n",
        "--requests",
        min=0,
        show_default="1000, or no limit with --duration",
        help="Number of requests.",
    ),
]
Duration = Annotated[
    float | None,
    typer.Option("--duration", **DURATION, help="Stop sending after this time."),
]
Concurrency = Annotated[
    int | None,
    typer.Option(
        "-c",
        "--concurrency",
        min=1,
        max=MOST_CONNECTIONS,
        show_default=f"1, or {MOST_CONNECTIONS} with --rate",
        help="Maximum in-flight requests.",
    ),
]
Rate = Annotated[
    float | None,
    typer.Option(
        "--rate",
        min=0.001,
        max=1_000_000,
        metavar="PER SECOND",
        help="Send at this rate whether or not answers come (an open loop). "
        "Latency is measured from when a request was due.",
    ),
]
ArrivalsOption = Annotated[
    Arrivals | None,
    typer.Option(
        "--arrivals",
        show_default="constant",
        help="With --rate: requests evenly spaced, or at random intervals.",
    ),
]
ArrivalSeed = Annotated[
    int | None,
    typer.Option(
        "--arrival-seed",
        show_default="0",
        help="With --arrivals poisson: equal seeds, equal intervals.",
    ),
]
RequestTimeout = Annotated[
    float,
    typer.Option("--timeout", **DURATION, show_default="30s", help="Time limit of a request."),
]
FailBelow = Annotated[
    str,
    typer.Option(
        "--fail-below",
        metavar="SHARE",
        show_default=False,
        help="Exit status 99 when fewer succeed: 99% or 0.99.",
    ),
]


def _percentile(name: str) -> Any:  # noqa: ANN401 - Typer's
    return typer.Option(
        f"--{name}",
        metavar="TIME",
        show_default=False,
        help=f"Exit status 99 when the latency's {name} is more: 50ms.",
    )


P50 = Annotated[str, _percentile("p50")]
P90 = Annotated[str, _percentile("p90")]
P99 = Annotated[str, _percentile("p99")]
Target = Annotated[
    str,
    typer.Option(
        "--url",
        metavar="URL",
        show_default="the lab's entry",
        help="Send requests here instead of to a lab.",
    ),
]

Against = Annotated[
    str,
    typer.Argument(
        help="The scenario to compare it with.", autocompletion=_scenarios, show_default=False
    ),
]
Wait = Annotated[
    float,
    typer.Option(
        "--wait",
        **DURATION_OR_ZERO,
        show_default="60s",
        help="How long to wait until the lab answers.",
    ),
]
Since = Annotated[
    float,
    typer.Option(
        "--since", **DURATION, show_default="2m", help="How far back to begin: 30s, 5m, 1h."
    ),
]
Run = Annotated[
    str,
    typer.Argument(
        help="Id of a run, part of it, or latest.", autocompletion=_runs, show_default=False
    ),
]
OtherRun = Annotated[
    str, typer.Argument(help="The other run.", autocompletion=_runs, show_default=False)
]
Runs = Annotated[
    list[str] | None,
    typer.Argument(
        help="Ids of runs, or parts of them.",
        autocompletion=_runs,
        show_default="the latest of a lab",
    ),
]
Values = str
"""One number or several, separated by commas: an axis of a grid."""

FixedRequests = Annotated[
    int | None,
    typer.Option("-n", "--requests", min=0, show_default="1000", help="Number of requests."),
]
FixedConcurrency = Annotated[
    int | None,
    typer.Option(
        "-c",
        "--concurrency",
        min=1,
        max=MOST_CONNECTIONS,
        show_default="1",
        help="Maximum in-flight requests.",
    ),
]

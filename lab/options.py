"""The options and arguments that several commands share, each described once."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from lab.errors import LabError
from lab.measure.traffic.pacer import Arrivals

MOST_CONNECTIONS = 1000
"""Each takes one of the 1024 files that a process may have open as a rule."""


class Output(StrEnum):
    """How a result is printed."""

    TABLE = "table"
    JSON = "json"


class Source(StrEnum):
    """Where images come from."""

    AUTO = "auto"
    REGISTRY = "registry"
    PACKAGES = "packages"


def _scenarios(incomplete: str) -> list[tuple[str, str]]:
    from lab.topology import scenario

    return [(s.name, s.summary) for s in scenario.names() if s.name.startswith(incomplete)]


def _runs(incomplete: str) -> list[str]:
    from lab.measure import records

    return [record_id for record_id in records.ids() if record_id.startswith(incomplete)]


def _containers(ctx: typer.Context, incomplete: str) -> list[str]:
    """Names of the lab's containers; nothing when podman does not answer."""
    from lab.engine.podman import connect
    from lab.topology.spec import DEFAULT_NAME

    try:
        observed = connect().observe(ctx.params.get("name") or DEFAULT_NAME)
    except LabError:
        return []
    return [c.name for c in observed.my_containers() if c.name.startswith(incomplete)]


Name = Annotated[
    str, typer.Option("--name", envvar="LAB_NAME", help="Which lab: several can run side by side.")
]
Url = Annotated[
    str,
    typer.Option(
        "--url",
        help="Address of podman's service (unix://, ssh://, tcp://). Default: CONTAINER_HOST, "
        "your podman socket, or a private service that lab starts.",
    ),
]
Format = Annotated[Output, typer.Option("-o", "--output", help="How to print the result.")]
Quiet = Annotated[bool, typer.Option("-q", "--quiet", help="No progress on stderr.")]
Scenario = Annotated[
    str,
    typer.Argument(
        help="A shipped scenario or the path of a YAML file.",
        autocompletion=_scenarios,
        show_default=False,
    ),
]
SourceOption = Annotated[
    Source,
    typer.Option(
        "--source",
        help="Where images come from: a container registry, or Debian and Python packages. "
        "auto takes the registry when it answers.",
    ),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show the plan and change nothing.")]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="Any parameter of the scenario; repeatable."),
]
ErrorRate = Annotated[
    int | None, typer.Option("--error-rate", help="Percent of requests that service B fails.")
]
Seed = Annotated[
    int | None, typer.Option("--seed", help="Make service B's failures the same in every run.")
]
Retries = Annotated[int | None, typer.Option("--retries", help="Envoy's retries per request.")]
MaxRetries = Annotated[
    int | None,
    typer.Option("--max-retries", help="Concurrent retries that Envoy's circuit breaker allows."),
]
Host = Annotated[
    str | None,
    typer.Option("--host", envvar="LAB_HOST", help="Address on which ports are published."),
]
Port = Annotated[
    int | None,
    typer.Option("--port", envvar="LAB_PORT", help="Port on which service A is published."),
]
PrometheusPort = Annotated[
    int | None,
    typer.Option(
        "--prometheus-port",
        envvar="LAB_PROMETHEUS_PORT",
        help="Port on which Prometheus is published.",
    ),
]
Replace = Annotated[
    bool,
    typer.Option(
        "--replace/--no-replace", help="Whether another scenario that is up may be replaced."
    ),
]
ThrowawayName = Annotated[
    str,
    typer.Option(
        "--name", envvar="LAB_NAME", help="What the name of the throw-away lab begins with."
    ),
]
Container = Annotated[
    str,
    typer.Argument(
        help="A container of the lab; all of them when left out.",
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
        help="How many requests.",
    ),
]
Duration = Annotated[
    float | None,
    typer.Option("--duration", min=0.001, metavar="SECONDS", help="Send no longer than this."),
]
Concurrency = Annotated[
    int | None,
    typer.Option(
        "-c",
        "--concurrency",
        min=1,
        max=MOST_CONNECTIONS,
        show_default=f"1, or {MOST_CONNECTIONS} with --rate",
        help="How many requests may be on their way at a time.",
    ),
]
Rate = Annotated[
    float | None,
    typer.Option(
        "--rate",
        min=0.001,
        max=1_000_000,
        metavar="PER SECOND",
        help="Send at this rate, whenever answers come (an open loop). "
        "Latencies then count from when a request was due.",
    ),
]
ArrivalsOption = Annotated[
    Arrivals, typer.Option("--arrivals", help="With --rate: evenly spaced, or at random.")
]
ArrivalSeed = Annotated[
    int, typer.Option("--arrival-seed", help="Which random arrivals; the same for the same seed.")
]
RequestTimeout = Annotated[
    float,
    typer.Option("--timeout", min=0.001, metavar="SECONDS", help="How long to wait for an answer."),
]
Target = Annotated[
    str,
    typer.Option(
        "--url",
        metavar="URL",
        show_default="the lab's entry",
        help="Send to this instead of a lab. (Here only CONTAINER_HOST says where podman is.)",
    ),
]

Against = Annotated[
    str,
    typer.Argument(
        help="The scenario to compare it with.", autocompletion=_scenarios, show_default=False
    ),
]
ReadyTimeout = Annotated[
    float, typer.Option("--timeout", metavar="SECONDS", help="How long to wait for the lab.")
]
Run = Annotated[
    str,
    typer.Argument(
        help="A run's id, a part of it, or latest.", autocompletion=_runs, show_default=False
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
        show_default="the latest of each sort",
    ),
]
Values = str
"""One number or several, separated by commas: an axis of a grid."""

FixedRequests = Annotated[
    int | None,
    typer.Option("-n", "--requests", min=0, show_default="1000", help="How many requests."),
]
FixedConcurrency = Annotated[
    int | None,
    typer.Option(
        "-c", "--concurrency", min=1, max=MOST_CONNECTIONS, show_default="1", help="At a time."
    ),
]

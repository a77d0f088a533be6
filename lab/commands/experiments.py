"""The commands that measure and judge: load, verify, compare, sweep, replay."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path  # noqa: TC003 - Typer reads annotations at run time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lab import interruption
from lab.commands import statuses
from lab.commands.guard import alone, guarded, open_lab, parameters, wish
from lab.errors import ExitStatus, UsageError
from lab.interruption import STATUS_BASE
from lab.measure.traffic import files
from lab.measure.traffic.pacer import MOST_CONNECTIONS, Arrivals
from lab.options import (
    P50,
    P90,
    P99,
    Against,
    ArrivalSeed,
    ArrivalsOption,
    Concurrency,
    Duration,
    Engine,
    FailBelow,
    FixedConcurrency,
    FixedRequests,
    Format,
    Host,
    Name,
    Output,
    Over,
    Port,
    PrometheusPort,
    Quiet,
    Rate,
    Replace,
    Requests,
    RequestTimeout,
    Run,
    Scenario,
    Set,
    Source,
    SourceOption,
    SweepScenario,
    Target,
    Values,
    Wait,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lab.measure.traffic.load import Order


@guarded
def load(
    requests: Requests = None,
    concurrency: Concurrency = None,
    duration: Duration = None,
    rate: Rate = None,
    arrivals: ArrivalsOption = None,
    arrival_seed: ArrivalSeed = None,
    timeout: RequestTimeout = 30,
    fail_below: FailBelow = "",
    p50: P50 = "",
    p90: P90 = "",
    p99: P99 = "",
    url: Target = "",
    name: Name = "lab",
    output: Format = Output.TABLE,
    quiet: Quiet = False,
    engine: Engine = "",
) -> None:
    """Send requests to service A and count the answers, as the article's curl loop does.

    Keeps -c requests in flight, or sends --rate per second; no request is sent twice. The counts
    of client, services and sidecar are reconciled and recorded, unless --url is given.

    Exit status 99 when a threshold is crossed, 1 when no request succeeded, 5 when nothing was
    measured or this machine could not send every request.
    """
    from lab import console, interruption, progress, tables
    from lab.experiment.run import Purpose, measure
    from lab.measure.traffic.load import Order
    from lab.measure.traffic.pour import pour
    from lab.measure.traffic.thresholds import thresholds

    if arrivals and not rate:
        raise UsageError("--arrivals needs --rate", hint="for example --rate 100")
    if arrival_seed is not None and arrivals is not Arrivals.POISSON:
        raise UsageError("--arrival-seed needs --arrivals poisson")
    given = {"--fail-below": fail_below, "--p50": p50, "--p90": p90, "--p99": p99}
    order = Order(
        url=url,
        requests=1000 if requests is None and duration is None else requests,
        duration=duration,
        concurrency=concurrency or (MOST_CONNECTIONS if rate else 1),
        rate=rate,
        arrivals=arrivals or Arrivals.CONSTANT,
        arrival_seed=arrival_seed or 0,
        timeout=timeout,
        thresholds=thresholds(given),
    )
    files.check(order.concurrency)
    record = None
    lab = None if url else open_lab(engine)
    with progress.load_progress(order, quiet=quiet) as tell:
        if lab:
            record = measure(lab, name, order, tell, Purpose())
            result = record.load
        else:
            with interruption.held("nothing was kept") as held:
                result = pour(order, tell, held)
    if output is Output.JSON:
        run = {"run": record.id, "notes": record.ledger.notes} if record else {}
        console.json_out(console.as_json(result) | run)
    else:
        console.load(result)
        if record:
            if result.sent:
                tables.ledger(record.ledger)
            console.note(console.named(f"recorded as {record.id}; next: `lab verify`", name))
    if status := statuses.of_load(result):
        raise typer.Exit(status)


@guarded
def verify(
    requests: FixedRequests = None,
    concurrency: FixedConcurrency = None,
    junit: Annotated[
        Path | None,
        typer.Option(
            "--junit", metavar="FILE", help="Also write the verdicts to a file, as JUnit XML."
        ),
    ] = None,
    name: Name = "lab",
    output: Format = Output.TABLE,
    quiet: Quiet = False,
    engine: Engine = "",
) -> None:
    """Judge every claim of the running scenario: predicted, observed, verdict.

    Judges the latest `lab load` if the lab has not changed since; otherwise, or with -n or -c,
    it sends requests first. Exit status 4 when a claim is refuted, 5 when one was not measured;
    a lab that is as described fails once in 1000 runs.
    """
    from lab import console, progress, tables
    from lab.experiment.verify import REQUESTS, verify
    from lab.measure.traffic.load import Order
    from lab.spec.claims import overall
    from lab.verdicts.assess import results

    order = None
    if requests is not None or concurrency is not None:
        order = Order(
            url="",
            requests=REQUESTS if requests is None else requests,
            concurrency=concurrency or 1,
        )
    shown = order or Order(url="", requests=REQUESTS)
    files.check(shown.concurrency)
    lab = open_lab(engine)
    with progress.load_progress(shown, quiet=quiet) as tell:
        verified = verify(lab, name, order, tell)
    judged = results(verified.record)
    if junit:
        from lab.report.junit import write

        write(junit, verified.record, judged)
    if output is Output.JSON:
        result = overall(judged)
        console.json_out({"run": verified.record.id, "verdict": result, "claims": judged})
    else:
        how = "latest load" if verified.earlier else "new load"
        console.note(f"{how}: {verified.record.load.order}, run {verified.record.id}")
        tables.verdicts(judged, verified.record.load.sent)
    if (number := verified.record.load.signal) and not verified.earlier:
        raise typer.Exit(STATUS_BASE + number)
    if status := statuses.of_verdict(overall(judged)):
        raise typer.Exit(status)


@guarded
def compare(
    context: typer.Context,
    first: Scenario,
    second: Against,
    requests: FixedRequests = None,
    concurrency: FixedConcurrency = None,
    host: Host = None,
    port: Port = None,
    prometheus_port: PrometheusPort = None,
    set_: Set = None,
    source: SourceOption = Source.AUTO,
    wait: Wait = 60,
    replace: Replace = True,
    name: Name = "lab",
    output: Format = Output.TABLE,
    quiet: Quiet = False,
    engine: Engine = "",
) -> None:
    """Send the same load to two scenarios, one after the other, and compare the results.

    Leaves the second one running, published where the lab was before. A parameter applies to
    each scenario that has it.
    """
    from lab import console, progress, tables
    from lab.experiment.compare import compare, contrast
    from lab.measure.traffic.load import Order

    order = Order(
        url="",
        requests=1000 if requests is None else requests,
        concurrency=concurrency or 1,
    )
    files.check(order.concurrency)
    addresses = {"host": host, "port": port, "prometheus_port": prometheus_port}
    one, other = (
        wish(context, each, name, source, set_, shared=True, **addresses)
        for each in (first, second)
    )
    one.check()
    other.check()
    with progress.reporter(quiet=quiet) as reporter:
        lab = open_lab(engine, reporter)
        with alone(lab, name, quiet=quiet):
            records = compare(
                lab, (one, other), order, reporter.pouring, timeout=wait, replace=replace
            )
    found = contrast(*records)
    if output is Output.JSON:
        console.json_out(found)
    else:
        tables.comparison(found)


def _short(parameter: str) -> Any:  # noqa: ANN401 - Typer's
    return typer.Option(
        f"--{parameter}",
        metavar="V,V...",
        show_default=False,
        help=f"Short for --over {parameter}=V,V...",
    )


@guarded
def sweep(
    scenario: SweepScenario = "sidecar",
    over: Over = None,
    error_rate: Annotated[Values | None, _short("error-rate")] = None,
    retries: Annotated[Values | None, _short("retries")] = None,
    concurrency: Annotated[
        Values,
        typer.Option("-c", "--concurrency", metavar="N,N...", help="Maximum in-flight requests."),
    ] = "1",
    max_retries: Annotated[Values | None, _short("max-retries")] = None,
    requests: Annotated[
        int, typer.Option("-n", "--requests", min=1, help="Number of requests at each point.")
    ] = 1000,
    set_: Set = None,
    source: SourceOption = Source.AUTO,
    wait: Wait = 60,
    name: Name = "lab",
    output: Format = Output.TABLE,
    quiet: Quiet = False,
    engine: Engine = "",
) -> None:
    """Measure a scenario over a grid of its parameters, and judge every point.

    Works in a throw-away lab on free ports, whose name begins with --name. Each point is a run; the
    same sweep again continues an interrupted one. Exit status 4 when the success rate of a point
    is refuted, 5 when one was not measured.
    """
    from lab import console, progress, tables
    from lab.experiment.sweep import CONCURRENCY, Grid, axes, summary, sweep
    from lab.measure.traffic.load import Order
    from lab.spec.claims import Verdict, worst

    short = {"error-rate": error_rate, "retries": retries, "max-retries": max_retries}
    given = parameters(set_)
    in_flight = _numbers("--concurrency", concurrency, 1, MOST_CONNECTIONS)
    grid = Grid(
        scenario=scenario,
        name=name,
        source=source,
        given=given,
        axes={**axes(scenario, _over(over, short), given, short), CONCURRENCY: in_flight},
        requests=requests,
    )
    grid.check()
    files.check(max(in_flight))

    def order(point: dict[str, int | str]) -> Order:
        return Order(url="", requests=requests, concurrency=int(point[CONCURRENCY]))

    with progress.sweep_progress(quiet=quiet) as tell:
        lab = open_lab(engine)
        with interruption.orderly():
            points = sweep(lab, grid, order, tell, timeout=wait)
            lab.engine.retire()
    if output is Output.JSON:
        rows = [
            {"point": p.point, "run": p.record.id, "verdict": p.success, "resumed": p.resumed}
            for p in points
        ]
        console.json_out({"sweep": grid.id, "points": rows, "verdicts": summary(points)})
    else:
        tables.sweep(points, summary(points))
        if resumed := sum(point.resumed for point in points):
            console.note(f"{resumed} of {len(points)} points are from an earlier sweep")
    if status := statuses.of_verdict(worst(Verdict(point.success) for point in points)):
        raise typer.Exit(status)


@guarded
def replay(
    run: Run,
    set_: Set = None,
    wait: Wait = 60,
    in_place: Annotated[
        bool,
        typer.Option(
            "--in-place", help="Replay in the lab of the recorded run, which is taken down first."
        ),
    ] = False,
    name: Name = "lab",
    output: Format = Output.TABLE,
    quiet: Quiet = False,
    engine: Engine = "",
) -> None:
    """Repeat a recorded run from the beginning, and compare the results.

    Works in a throw-away lab on free ports, whose name begins with --name. With a seed and one
    request in flight, every outcome is the same as before; exit status 4 when one that should be
    is not. All parameters are the run's; only its secrets have to be given again, with --set.
    """
    from lab import console, progress, tables
    from lab.experiment import replay as replaying
    from lab.experiment.compare import contrast
    from lab.experiment.throwaway import throwaway
    from lab.measure import records

    first = records.read(records.find(run))
    files.check(first.load.order.concurrency)
    wanted = replaying.wish(first, first.spec.name if in_place else name, parameters(set_))
    wanted.check()
    with progress.reporter(quiet=quiet) as reporter:
        lab = open_lab(engine, reporter)
        with ExitStack() as stack:
            if in_place:
                stack.enter_context(alone(lab, wanted.name, quiet=quiet))
            else:
                stack.enter_context(interruption.orderly())
                stack.callback(lab.engine.retire)
                wanted = stack.enter_context(throwaway(lab, wanted, "replay"))
            found = replaying.replay(lab, first, wanted, reporter.pouring, timeout=wait)
    if output is Output.JSON:
        contrasted = contrast(found.first, found.second)
        console.json_out(
            {
                "first": found.first.id,
                "second": found.second.id,
                "identical": found.identical,
                "reason": found.reason,
                "comparison": contrasted,
            }
        )
    else:
        tables.replayed(found)
        tables.comparison(contrast(found.first, found.second))
    if found.identical is False:
        raise typer.Exit(ExitStatus.REFUTED)


def _over(pairs: list[str] | None, short: Mapping[str, str | None]) -> dict[str, list[str]]:
    """The values of each parameter to sweep, as text, from ``--over`` and its short-hands."""
    found = {name: text.split(",") for name, text in short.items() if text is not None}
    for pair in pairs or ():
        name, equals, text = pair.partition("=")
        if not equals:
            hint = "for example --over retries=0,1,2"
            raise UsageError(f"--over {pair}: give NAME=VALUE,VALUE", hint=hint)
        if name in found:
            raise UsageError(f"{name} is swept twice", hint="give all of its values at once")
        found[name] = text.split(",")
    return {name: [value.strip() for value in values] for name, values in found.items()}


def _numbers(
    option: str, text: str, least: int | None = None, most: int | None = None
) -> tuple[int, ...]:
    """The numbers of an axis, each once. Raises UsageError for what is none, or out of range."""
    from lab.topology.reader import whole

    found = []
    for part in text.split(","):
        try:
            found.append(whole(part.strip(), least, most))
        except ValueError as error:
            hint = f"for example {option} 1,10,20"
            raise UsageError(f"{option} {text}: {part!r} {error}", hint=hint) from error
    return tuple(dict.fromkeys(found))

"""The commands that measure and judge: load, verify, compare, sweep, replay."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path  # noqa: TC003 - Typer reads annotations at run time
from typing import TYPE_CHECKING, Annotated

import typer

from lab import interruption
from lab.commands.guard import alone, guarded, open_lab, parameters, wish
from lab.errors import ExitStatus, UsageError
from lab.measure.traffic.pacer import Arrivals
from lab.options import (
    MOST_CONNECTIONS,
    Against,
    ArrivalSeed,
    ArrivalsOption,
    Concurrency,
    Duration,
    FixedConcurrency,
    FixedRequests,
    Format,
    Host,
    Name,
    Output,
    Port,
    PrometheusPort,
    Quiet,
    Rate,
    ReadyTimeout,
    Replace,
    Requests,
    RequestTimeout,
    Run,
    Scenario,
    Set,
    Source,
    SourceOption,
    Target,
    ThrowawayName,
    Url,
    Values,
)

if TYPE_CHECKING:
    from lab.measure.traffic.load import Order


@guarded
def load(
    requests: Requests = None,
    concurrency: Concurrency = None,
    duration: Duration = None,
    rate: Rate = None,
    arrivals: ArrivalsOption = Arrivals.CONSTANT,
    arrival_seed: ArrivalSeed = 0,
    timeout: RequestTimeout = 30,
    url: Target = "",
    name: Name = "lab",
    output: Format = Output.TABLE,
    quiet: Quiet = False,
) -> None:
    """Pour traffic on service A and count its answers, as the article's curl loop does.

    Sends one request at a time, -c at a time, or --rate per second; none is sent twice. What
    client, services and sidecar counted is reconciled and recorded, unless --url is given.
    """
    from lab import console, progress, tables
    from lab.experiment.run import Purpose, measure
    from lab.measure.traffic.load import Order
    from lab.measure.traffic.pour import pour

    order = Order(
        url=url,
        requests=1000 if requests is None and duration is None else requests,
        duration=duration,
        concurrency=concurrency or (MOST_CONNECTIONS if rate else 1),
        rate=rate,
        arrivals=arrivals,
        arrival_seed=arrival_seed,
        timeout=timeout,
    )
    record = None
    lab = None if url else open_lab("")
    with progress.load_progress(order, quiet=quiet) as tell:
        if lab:
            record = measure(lab, name, order, tell, Purpose())
            result = record.load
        else:
            result = pour(order, tell)
    if output is Output.JSON:
        run = {"run": record.id, "notes": record.ledger.notes} if record else {}
        console.json_out(console.as_json(result) | run)
    else:
        console.load(result)
        if record:
            tables.ledger(record.ledger)
            console.note(f"recorded as {record.id}; `lab verify` shows the verdicts")
    if result.partial:
        raise typer.Exit(ExitStatus.INTERRUPTED)


@guarded
def verify(
    requests: FixedRequests = None,
    concurrency: FixedConcurrency = None,
    junit: Annotated[
        Path | None, typer.Option("--junit", help="Also write the verdicts as JUnit XML.")
    ] = None,
    name: Name = "lab",
    output: Format = Output.TABLE,
    quiet: Quiet = False,
    url: Url = "",
) -> None:
    """Judge every claim of the running scenario: predicted, observed, verdict.

    Judges the latest `lab load` when the lab is still the same, else pours 1000 requests; with
    -n or -c it always pours. Exit status 4 unless every claim is confirmed; a lab that is as
    described fails once in 1000 runs.
    """
    from lab import console, progress, tables
    from lab.experiment.verify import REQUESTS, verify
    from lab.measure.traffic.load import Order
    from lab.measure.verdicts import Verdict, overall

    order = None
    if requests is not None or concurrency is not None:
        order = Order(
            url="",
            requests=REQUESTS if requests is None else requests,
            concurrency=concurrency or 1,
        )
    shown = order or Order(url="", requests=REQUESTS)
    lab = open_lab(url)
    with progress.load_progress(shown, quiet=quiet) as tell:
        verified = verify(lab, name, order, tell)
    judgements = verified.record.judgements
    if junit:
        from lab.report.junit import write

        write(junit, verified.record)
    if output is Output.JSON:
        result = overall(judgements)
        console.json_out({"run": verified.record.id, "verdict": result, "claims": judgements})
    else:
        how = "judging the latest load" if verified.earlier else "poured"
        sent, at = verified.record.load.sent, verified.record.load.order.concurrency
        console.note(f"{how}: {sent} requests, {at} at a time, run {verified.record.id}")
        tables.verdicts(judgements)
    if verified.record.load.partial and not verified.earlier:
        raise typer.Exit(ExitStatus.INTERRUPTED)
    if overall(judgements) is not Verdict.CONFIRMED:
        raise typer.Exit(ExitStatus.VERDICT)


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
    timeout: ReadyTimeout = 60,
    replace: Replace = True,
    name: Name = "lab",
    output: Format = Output.TABLE,
    quiet: Quiet = False,
    url: Url = "",
) -> None:
    """Pour the same traffic on two scenarios, one after the other, side by side.

    The lab is left in the second one, where it was published before. A parameter goes to
    whichever of them has it.
    """
    from lab import console, progress, tables
    from lab.experiment.compare import compare, contrast
    from lab.measure.traffic.load import Order

    order = Order(
        url="",
        requests=1000 if requests is None else requests,
        concurrency=concurrency or 1,
    )
    addresses = {"host": host, "port": port, "prometheus_port": prometheus_port}
    one, other = (
        wish(context, each, name, source, set_, shared=True, **addresses)
        for each in (first, second)
    )
    one.check()
    other.check()
    with progress.reporter(quiet=quiet) as reporter:
        lab = open_lab(url, reporter)
        with alone(lab, name, quiet=quiet):
            records = compare(
                lab, (one, other), order, reporter.pouring, timeout=timeout, replace=replace
            )
    found = contrast(*records)
    if output is Output.JSON:
        console.json_out(found)
    else:
        tables.comparison(found)


@guarded
def sweep(
    error_rate: Annotated[Values, typer.Option("--error-rate", metavar="P,P...")] = "20",
    retries: Annotated[Values, typer.Option("--retries", metavar="N,N...")] = "2",
    concurrency: Annotated[Values, typer.Option("-c", "--concurrency", metavar="N,...")] = "1",
    max_retries: Annotated[Values, typer.Option("--max-retries", metavar="N,N...")] = "3",
    requests: Annotated[int, typer.Option("-n", "--requests", min=1, help="At each point.")] = 1000,
    set_: Set = None,
    source: SourceOption = Source.AUTO,
    timeout: ReadyTimeout = 60,
    name: ThrowawayName = "lab",
    output: Format = Output.TABLE,
    quiet: Quiet = False,
    url: Url = "",
) -> None:
    """Measure the sidecar over a grid of parameters, and judge every point.

    Works in a throw-away lab on free ports, beside any lab that is up. Each point is a run; the
    same sweep again goes on where an earlier one stopped. Exit status 4 when the success rate of
    a point is not confirmed.
    """
    from lab import console, progress, tables
    from lab.experiment.sweep import CONCURRENCY, Grid, summary, sweep
    from lab.measure.traffic.load import Order
    from lab.measure.verdicts import Verdict

    grid = Grid(
        scenario="sidecar",
        name=name,
        source=source,
        given=parameters(set_),
        axes={
            "error-rate": _numbers("--error-rate", error_rate),
            "retries": _numbers("--retries", retries),
            "max-retries": _numbers("--max-retries", max_retries),
            CONCURRENCY: _numbers("--concurrency", concurrency),
        },
        requests=requests,
    )

    def order(point: dict[str, int]) -> Order:
        return Order(url="", requests=requests, concurrency=point[CONCURRENCY])

    with progress.sweep_progress(quiet=quiet) as tell:
        lab = open_lab(url)
        with interruption.orderly():
            points = sweep(lab, grid, order, tell, timeout=timeout)
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
            console.note(f"{resumed} of {len(points)} points were measured by an earlier sweep")
    if any(point.success != Verdict.CONFIRMED for point in points):
        raise typer.Exit(ExitStatus.VERDICT)


@guarded
def replay(
    run: Run,
    timeout: ReadyTimeout = 60,
    in_place: Annotated[
        bool,
        typer.Option(
            "--in-place", help="In the lab where it was recorded, which is taken down first."
        ),
    ] = False,
    name: ThrowawayName = "lab",
    output: Format = Output.TABLE,
    quiet: Quiet = False,
    url: Url = "",
) -> None:
    """Repeat a recorded run from the beginning, and compare.

    Works in a throw-away lab on free ports, beside any lab that is up. With a seed, one request
    at a time, the outcomes are the same request by request; exit status 4 when they should be
    and are not.
    """
    from lab import console, progress, tables
    from lab.experiment import replay as replaying
    from lab.experiment.compare import contrast
    from lab.experiment.throwaway import throwaway
    from lab.measure import records

    first = records.read(records.find(run))
    wanted = replaying.wish(first, first.spec.name if in_place else name)
    wanted.check()
    with progress.reporter(quiet=quiet) as reporter:
        lab = open_lab(url, reporter)
        with ExitStack() as stack:
            if in_place:
                stack.enter_context(alone(lab, wanted.name, quiet=quiet))
            else:
                stack.enter_context(interruption.orderly())
                stack.callback(lab.engine.retire)
                wanted = stack.enter_context(throwaway(lab, wanted, "replay"))
            found = replaying.replay(lab, first, wanted, reporter.pouring, timeout=timeout)
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
        raise typer.Exit(ExitStatus.VERDICT)


def _numbers(option: str, text: str) -> tuple[int, ...]:
    try:
        return tuple(dict.fromkeys(int(part) for part in text.split(",")))
    except ValueError as error:
        hint = f"as in {option} 0,10,20"
        raise UsageError(f"{option} {text}: whole numbers are wanted", hint=hint) from error

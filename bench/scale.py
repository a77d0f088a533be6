"""Does the cost of a copy of service B depend on how many there are?

Brings up the scenario `scale` with more and more copies. Each time every claim has to be
confirmed (the copies were asked in turn, all counters agree) and nothing may be left after
`lab down`. Beside it, at one size, podman-compose brings up the same containers (the same
images, addresses, names, limits, and the same finish line, the first answer through the published
port), and so do libpod's bare calls, the floor.

    make scale                                        # 1, 10, 42 and 100 copies
    make scale ARGS='-n 42 --rounds 3 --beside 42'    # one size only
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench import publish
from bench.life.floor import Floor
from bench.life.machine import SERVICE, busy, made, spent
from bench.life.measure import podman_compose
from bench.lines import table
from bench.sizes import Point, Scale, Times
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
POLL = 0.02
"""Seconds between two looks whether the first answer has come."""


def run(*command: str, environment: dict[str, str] | None = None) -> float:
    """Run a command that has to succeed; how many seconds it took."""
    began = time.monotonic()
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
        # A program that is installed has its bytecode: no run is to compile this checkout again.
        env=(environment or os.environ) | {"PYTHONDONTWRITEBYTECODE": ""},
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


def parameters(copies: int) -> dict[str, int]:
    """The scenario's parameters at one size."""
    return {"copies": copies, "port": PORT, "prometheus-port": PROMETHEUS_PORT}


def measure(engine: Engine, copies: int, number: int, compose: str) -> Point:
    """One round: up, up again, verified, down, nothing left; with a ``compose``, the others too."""
    given = [word for name, value in parameters(copies).items() for word in _set(name, value)]
    wish = Wish(scenario="scale", name=NAME, given=parameters(copies))
    spec = prepare(open_lab(""), wish).spec
    mine, all_, services = processor_time(), busy(), spent(SERVICE)
    up = lab("up", "scale", "-q", *given)
    mine, all_ = processor_time() - mine, busy() - all_
    services = spent(SERVICE) - services
    again = lab("up", "scale", "-q", *given)
    lab("verify", "-n", str(20 * copies + 200))
    down = lab("down", "--volumes", "-q")
    if (left := engine.observe(NAME)).exists():
        sys.exit(f"lab down left something: {left.my_pods()} {left.my_containers()}")
    return Point(
        copies=copies,
        round=number,
        pods=len(spec.pods),
        up=up,
        again=again,
        down=down,
        busy=all_,
        busy_lab=mine,
        busy_services=services,
        compose=composed(spec, compose) if compose else None,
        floor=bare(copies) if compose else None,
    )


def bare(copies: int) -> Times:
    """Libpod's bare calls."""
    floor = Floor(NAME, **parameters(copies))
    floor.prepare("scale")
    began = time.monotonic()
    try:
        floor.up("scale")
        until_first_answer()
        up = time.monotonic() - began
        return Times(up, floor.down("scale").seconds)
    finally:
        lab("down", "--volumes", "-q")  # its volume, and all the rest if it was cut short


def _set(name: str, value: int | str) -> tuple[str, str]:
    return "--set", f"{name}={value}"


def composed(spec: LabSpec, compose: str) -> Times:
    """Seconds for up, until the first answer, and down with podman-compose."""
    environment = dict(os.environ)
    configuration = service.files().configuration
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
    return Times(up, down)


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


def main() -> None:
    """Parse, run, print, and write scale.json."""
    parser = argparse.ArgumentParser(description="What a copy of service B costs.")
    parser.add_argument("-n", "--copies", type=int, nargs="+", default=[1, 10, 42, 100])
    parser.add_argument("--rounds", type=int, default=3, help="of each size")
    parser.add_argument("--beside", type=int, default=42, help="the size at which others run too")
    parser.add_argument("--output", type=Path, default=Path("build/bench"))
    parser.add_argument("--publish", action="store_true", help="renew docs and README")
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    about = made(f"python -m bench.scale --rounds {options.rounds}")
    compose = podman_compose(options.output.resolve())
    engine = open_lab("").engine  # keeps podman's service going between the commands
    points = []
    for number in range(options.rounds):
        for copies in options.copies:
            beside = compose if copies == options.beside else ""
            points.append(measure(engine, copies, number, beside))
            sys.stderr.write(f"{points[-1]}\n")
    scale = Scale(about, os.cpu_count() or 1, options.beside, tuple(points))
    publish.write(options.output, "scale", scale)
    sys.stdout.write(f"{table(scale.lines())}\n\n{scale.markdown()}\n")
    if options.publish:
        publish.write(publish.PLACE, "scale", scale)
        publish.renew()


if __name__ == "__main__":
    main()

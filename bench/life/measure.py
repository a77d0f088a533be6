"""Measures a lab's life: everyone has a turn in each round.

Everyone brings the same images up in the same topology, and the clock stops at the first answer
of service B through the port that service A is published on. podman-compose gets an environment
of its own.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from bench.life import machine
from bench.life.answers import Watch, ask
from bench.life.contenders import (
    PEERS,
    PORT,
    PROMETHEUS_PORT,
    Compose,
    Kube,
    Lab,
    Shell,
    run,
)
from bench.life.floor import Floor
from bench.life.results import Results, Sample
from lab.engine import host, runtime

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.life.contenders import Contender, Done

COMPOSE = "podman-compose==1.6.0"
SCENARIOS = ("direct", "sidecar")


class Bench:
    """The contenders, and the samples that were taken of them."""

    def __init__(self, lab: Lab, shell: Shell, compose: Compose, kube: Kube) -> None:
        """Measure these, and the floor."""
        self.samples: list[Sample] = []
        self._lab, self._shell, self._floor = lab, shell, Floor()
        self._switchers = (lab, shell, self._floor)
        self._all: list[Contender] = [lab, shell, compose, kube, self._floor]

    def round(self, number: int) -> None:
        """Give everyone a turn; whose is the first changes with the number.

        Number 0 is the warm-up: a life of each, which leaves programs and images in memory.
        """
        turn = number % len(self._all)
        for scenario in SCENARIOS if number else SCENARIOS[-1:]:
            for contender in self._all[turn:] + self._all[:turn]:
                self._life(contender, scenario, number)
        if not number:
            return
        turn %= 3
        for switcher in (*self._switchers[turn:], *self._switchers[:turn]):
            self._switch(switcher, number)
        for contender in (self._lab, self._floor):
            self._note(contender, "help", "", number, contender.help())
            self._note(contender, "complete", "", number, contender.complete())

    def _life(self, contender: Contender, scenario: str, number: int) -> None:
        contender.prepare(scenario)
        _check_silence()
        watch = Watch(PORT, sidecar=scenario == "sidecar")
        done = contender.up(scenario)
        self.samples.append(Sample(contender.name, "first", scenario, number, watch.seconds()))
        self._note(contender, "up", scenario, number, done)
        if scenario != "sidecar" or not number:
            contender.clear(scenario)
            return
        if isinstance(contender, Lab | Compose | Floor):
            self._note(contender, "again", scenario, number, contender.again(scenario))
            self._note(contender, "status", scenario, number, contender.status(scenario))
        self._note(contender, "down", scenario, number, contender.down(scenario))

    def _switch(self, contender: Lab | Shell | Floor, number: int) -> None:
        contender.prepare("direct")
        _check_silence()
        watch = Watch(PORT, sidecar=False)
        contender.up("direct")
        watch.seconds()
        contender.prepare("sidecar")
        watch = Watch(PORT, sidecar=True)
        contender.switch()
        self.samples.append(Sample(contender.name, "switch", "sidecar", number, watch.seconds()))
        contender.clear("sidecar")

    def _note(
        self, contender: Contender, what: str, scenario: str, number: int, done: Done
    ) -> None:
        sample = Sample(contender.name, what, scenario, number, done.seconds, done.memory)
        self.samples.append(sample)


def _check_silence() -> None:
    if ask(PORT):
        sys.exit(f"something answers on port {PORT}: stop it, so that it is not measured")


@contextlib.contextmanager
def contenders(cache: Path) -> Iterator[tuple[Bench, str, str]]:
    """Everyone, ready to be measured; also podman-compose's path and the OCI runtime's name."""
    program = podman_compose(cache)
    with tempfile.TemporaryDirectory(prefix="bench-") as directory:
        runtime_directory = Path(directory) / "run"
        runtime_directory.mkdir(mode=0o700)
        before = os.environ.get("XDG_RUNTIME_DIR", "")  # where it is empty, it is as if not set
        os.environ["XDG_RUNTIME_DIR"] = str(runtime_directory)
        configuration, runtime = podman_settings(Path(directory))
        variables = _images() | {
            "CONTAINERS_CONF": str(configuration),
            "PORT": str(PORT),
            "PROMETHEUS_PORT": str(PROMETHEUS_PORT),
        }
        compose, kube = Compose(program, variables), Kube(Path(directory), variables)
        try:
            yield Bench(Lab(), Shell(variables), compose, kube), program, runtime
        finally:
            run(str(PEERS / "sweep.sh"), **variables)
            Lab().erase()
            os.environ["XDG_RUNTIME_DIR"] = before


def podman_compose(cache: Path) -> str:
    """Its path, in an environment of its own that is made once."""
    place = cache / COMPOSE
    program = place / "bin" / "podman-compose"
    if not program.exists():
        subprocess.run((sys.executable, "-m", "venv", place), check=True)
        subprocess.run((place / "bin" / "pip", "install", "--quiet", COMPOSE), check=True)
    return str(program)


def podman_settings(directory: Path) -> tuple[Path, str]:
    """What podman's command line needs on this host, as lab finds out for its own service.

    And what the images need of any host: port 80 without privileges, which lab sets for each
    pod. The second is the name of the OCI runtime.
    """
    import tomli_w

    tables = host.overrides(host.look())
    settings = host.merged(runtime.configuration_files(), tables)
    containers = settings.setdefault("containers", {})
    sysctls = containers.setdefault("default_sysctls", [])
    sysctls.append("net.ipv4.ip_unprivileged_port_start=0")
    file = directory / "containers.conf"
    file.write_text(tomli_w.dumps(settings))
    return file, settings.get("engine", {}).get("runtime", "crun")


def _images() -> dict[str, str]:
    """Build what is missing; the references of the services' images, as variables."""
    built = subprocess.run(
        (sys.executable, "-m", "lab", "build", "sidecar", "-o", "json"),
        stdout=subprocess.PIPE,
        check=True,
    )
    return {
        image["name"].upper().replace("-", "_"): image["reference"]
        for image in json.loads(built.stdout)
        if not image["name"].startswith("base-")
    }


def measure(rounds: int, cache: Path, command: str) -> Results:
    """Run a warm-up and the rounds."""
    with contenders(cache) as (bench, program, runtime):
        where = machine.look(program, runtime)
        for number in range(rounds + 1):
            bench.round(number)
            first = [s for s in bench.samples if (s.what, s.round) == ("first", number)]
            times = " ".join(f"{s.who}/{s.scenario} {s.seconds:.2f}" for s in first)
            sys.stderr.write(f"round {number} of {rounds}: {times}\n")
        bench.samples = [s for s in bench.samples if s.round]  # without the warm-up
        return Results(where, command, tuple(bench.samples))

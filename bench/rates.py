"""How many requests a second the services answer, beside plain Go programs that do the same.

    make bench ARGS='--only rates'

Service B alone, and service A in front of service B, as processes on this machine, poured on by
`hey`; the Go programs are bench/go/services.go, and the floor is a Python program that answers
without looking at what it is asked. Turn by turn; each gets all processors but what `hey` takes.
Then `hey` pours on a running lab, through the sidecar. Needs `hey` and `go`
(`apt-get install hey golang-go`).
"""

from __future__ import annotations

import contextlib
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from bench.life.answers import DEADLINE, PAUSE
from bench.life.contenders import PORT, run, sidecar
from bench.life.machine import SERVICE, Made, busy, made, spent
from bench.lines import Line
from bench.loader import hey

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent
B_PORT, A_PORT = PORT + 1, PORT + 2
CONCURRENCY = 64
ROUNDS = 3
REQUESTS = {"floor": 20_000, "go": 20_000, "lab": 10_000}
GO_SHARE = 1.0
SIDECAR = 3000
NEEDED = ("hey", "go")
UNREAD = "[a Python program that answers unread](bench.md#requests-a-second)"
WORKERS = {
    "service A": lambda: spent(SERVICE, b"UPSTREAM_SERVICE="),
    "Envoy": lambda: spent(b"envoy"),
    "service B": lambda: spent(SERVICE) - spent(SERVICE, b"UPSTREAM_SERVICE="),
    "all": busy,
}
"""Who works for a request through the sidecar, besides hey and the kernel's own threads."""
TITLES = {"b": "service B, requests a second", "a": "service A in front of B, requests a second"}


class Rate(msgspec.Struct, frozen=True):
    """Requests a second that one program answered in one round; ``who`` is lab, go or floor."""

    who: str
    what: str
    round: int
    per_second: float


class Rates(msgspec.Struct, frozen=True):
    """What was counted; the warm-up is not in it.

    ``work`` is the processor time that a request through the sidecar takes, in seconds, by who
    works for it, and in all.
    """

    made: Made
    go: str
    samples: tuple[Rate, ...]
    work: dict[str, float] = {}

    def median(self, who: str, what: str) -> float:
        """The median of the rounds."""
        rates = [s.per_second for s in self.samples if (s.who, s.what) == (who, what)]
        return statistics.median(rates)

    def lines(self) -> list[Line]:
        """The rows of the table."""
        floor = self.median("floor", "b") / self.median("go", "b")
        why = {
            "b": f"one processor: {UNREAD} is at {floor:.2f}",
            "a": f"one processor for A, which serves and calls: {UNREAD}, as B, is at {floor:.2f}",
        }
        found = []
        for what, title in TITLES.items():
            lab, go = self.median("lab", what), self.median("go", what)
            found.append(
                Line(
                    what=title,
                    lab=f"{lab:.0f}",
                    beside="plain Go, net/http",
                    takes=f"{go:.0f}",
                    share=f"{lab / go:.2f}",
                    target=f"≥ {GO_SHARE:g}",
                    met=lab / go >= GO_SHARE,
                    why=why[what],
                )
            )
        sidecar = self.median("lab", "sidecar")
        found.append(
            Line(
                what="requests a second through the sidecar",
                lab=f"{sidecar:.0f}",
                target=f"≥ {SIDECAR}",
                met=sidecar >= SIDECAR,
                why=self._shared(),
            )
        )
        return found

    def _shared(self) -> str:
        """Who takes what of the processors."""
        parts = {who: f"{seconds * 1e6:.0f} µs" for who, seconds in self.work.items()}
        whole = parts.pop("all", "unknown")
        takers = ", ".join(f"{who} {took}" for who, took in parts.items())
        return f"a request is {whole} of work for the processors that all share: of that {takers}"

    def markdown(self) -> str:
        """Every median."""
        rows = ["| | lab | plain Go | a Python program that answers unread |", "|---|---|---|---|"]
        lab, go, floor = (
            {what: f"{self.median(who, what):.0f}" for w, what in self._measured() if w == who}
            for who in ("lab", "go", "floor")
        )
        names = {
            "b": "service B",
            "a": "service A → service B",
            "sidecar": "A → Envoy → B, in pods",
        }
        rows += [
            f"| {name} | {lab[what]} | {go.get(what, '')} | {floor.get(what, '')} |"
            for what, name in names.items()
        ]
        text = (
            f"Requests a second, at concurrency {CONCURRENCY}, medians of {self._rounds()} rounds "
            f"after a warm-up; {self.go}. {self.made}"
        )
        return "\n".join([*rows, "", text])

    def _rounds(self) -> int:
        return max(s.round for s in self.samples)

    def _measured(self) -> set[tuple[str, str]]:
        return {(s.who, s.what) for s in self.samples}


def measure() -> Rates:
    """Let everyone have a turn in each round, after a warm-up."""
    about = made("python -m bench --only rates")
    samples: list[Rate] = []
    with tempfile.TemporaryDirectory(prefix="bench-") as place:
        program = Path(place, "services")
        run("go", "build", "-o", str(program), str(ROOT / "bench" / "go" / "services.go"))
        who = {
            "lab": ((sys.executable, _service("b")), (sys.executable, _service("a"))),
            "go": ((str(program),), (str(program),)),
        }
        for number in range(ROUNDS + 1):
            for name in list(who)[:: -1 if number % 2 else 1]:
                samples += _pair(name, *who[name], number)
            floor = (sys.executable, str(ROOT / "bench" / "constant.py"), str(B_PORT))
            with _running(floor, B_PORT):
                samples.append(_rate("floor", "b", number, B_PORT))
    with sidecar():
        samples += [_rate("lab", "sidecar", number, PORT) for number in range(ROUNDS + 1)]
        work = _work()
    return Rates(about, go_version(), tuple(s for s in samples if s.round), work)


def go_version() -> str:
    """Go's, as it says it."""
    done = subprocess.run(("go", "version"), capture_output=True, text=True, check=True)
    return done.stdout.strip()


def _service(letter: str) -> str:
    return str(ROOT / "services" / f"service_{letter}.py")


def _pair(who: str, b: tuple[str, ...], a: tuple[str, ...], number: int) -> list[Rate]:
    """Service B by itself, then service A in front of it."""
    common = {"ERROR_RATE": "20", "METRICS_PORT": "0", "SERVICE_HOST": "127.0.0.1"}
    upstream = {"ROLE": "a", "UPSTREAM_SERVICE": f"http://127.0.0.1:{B_PORT}"}
    with _running(b, B_PORT, **common, ROLE="b", SERVICE_PORT=str(B_PORT)):
        alone = _rate(who, "b", number, B_PORT)
        with _running(a, A_PORT, **common, **upstream, SERVICE_PORT=str(A_PORT)):
            return [alone, _rate(who, "a", number, A_PORT)]


def _rate(who: str, what: str, number: int, port: int) -> Rate:
    requests = REQUESTS[who] if number else CONCURRENCY
    found = hey(f"http://127.0.0.1:{port}", requests, CONCURRENCY)
    return Rate(who, what, number, found.throughput)


def _work() -> dict[str, float]:
    """The processor time of a request through the sidecar, by who works for it, and in all."""
    requests = REQUESTS["lab"]
    before = {who: worked() for who, worked in WORKERS.items()}
    loader = hey(f"http://127.0.0.1:{PORT}", requests, CONCURRENCY).cpu
    found = {who: (worked() - before[who]) / requests for who, worked in WORKERS.items()}
    return {"hey": loader} | found


@contextlib.contextmanager
def _running(command: tuple[str, ...], port: int, **variables: str) -> Iterator[None]:
    """A server, from when it listens to its end; what it logs is lost."""
    environment = os.environ | variables
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, env=environment) as process:
        try:
            deadline = time.monotonic() + DEADLINE
            while not _listens(port):
                if process.poll() is not None or time.monotonic() > deadline:
                    sys.exit(f"{' '.join(command)} does not listen on port {port}")
                time.sleep(PAUSE)
            yield
        finally:
            process.terminate()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0

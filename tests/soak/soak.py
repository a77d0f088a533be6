"""Soaking a lab: traffic at a fixed rate, to direct and back again and again."""

from __future__ import annotations

import json
import signal
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import msgspec
import requests

from lab.metrics.prometheus import Prometheus
from lab.measure.records import FILE, Record
from tests.faults.arena import PATIENCE, Arena, Ended, finish
from tests.real.waiting import until
from tests.soak.books import STEADY, Segment

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator

CONNECTIONS = 32
"""As many requests may be on their way: it bounds how many connections anything has to hold."""
MARGIN = 1.0
"""Seconds of traffic, by service B's own count, before a switch begins and after it has ended."""
LIMIT = 2
"""Seconds that a request may take while the lab is switched; then it counts as lost."""
ENDLESS = 3600
"""Seconds of a load that a signal ends."""
QUIET = 3.0
"""Seconds in which a load begins and ends: all counters are scraped before it and after it."""
SHORTEST = 2.0
"""Seconds of steady traffic, however long the switches took."""


class Soak:
    """Pours traffic on an arena's lab, segment by segment."""

    def __init__(self, arena: Arena, rate: int, seed: int) -> None:
        """Nothing runs yet; ``rate`` is in requests a second."""
        self._arena = arena
        self._rate = rate
        self._seed = seed
        self._url = f"http://127.0.0.1:{arena.port + 1}"

    def rounds(self, count: int, every: float) -> Iterator[Segment]:
        """Bring the sidecar up; once in ``every`` seconds, switch to direct and back."""
        self._up("sidecar")
        ends = time.monotonic()
        for _ in range(count):
            ends += every
            yield self._switch("direct")
            yield self._switch("sidecar")
            yield self._steady(max(SHORTEST, ends - time.monotonic() - QUIET))

    def series(self) -> int:
        """How many time series Prometheus has in memory, by its own account."""
        page = requests.get(f"{self._url}/metrics", timeout=PATIENCE).text
        (line,) = (x for x in page.splitlines() if x.startswith("prometheus_tsdb_head_series "))
        return int(line.split()[1])

    def _up(self, scenario: str) -> None:
        words = (*self._arena.words(scenario), "--seed", str(self._seed))
        ended = self._arena.run(*words)
        assert ended.status == 0, ended

    def _steady(self, seconds: float) -> Segment:
        """Pour for some seconds while nothing else happens."""
        words = (*self._load(), "--duration", f"{seconds:.1f}s")
        ended = finish(self._arena.start(*words), words, patience=seconds + PATIENCE)
        assert ended.status == 0, ended
        return Segment(STEADY, self._record(ended))

    def _switch(self, scenario: str) -> Segment:
        """Pour while `lab up` changes the scenario, and a little before and after that."""
        words = (*self._load(), "--duration", str(ENDLESS), "--timeout", str(LIMIT))
        with _killed_at_last(self._arena.start(*words)) as load:
            self._wait_for_answers(MARGIN)
            began = time.monotonic()
            self._up(scenario)
            took = time.monotonic() - began
            self._wait_for_answers(MARGIN + LIMIT)  # whatever hangs has been given up by then
            load.send_signal(signal.SIGINT)
            ended = finish(load, words)
        assert ended.status == 128 + signal.SIGINT, ended
        return Segment(f"to {scenario}", self._record(ended), took)

    def _load(self) -> tuple[str, ...]:
        rate, connections = str(self._rate), str(CONNECTIONS)
        return "load", "--name", self._arena.lab, "--rate", rate, "-c", connections, "-o", "json"

    def _record(self, ended: Ended) -> Record:
        run = json.loads(ended.out)["run"]
        path = self._arena.directory / "state" / "lab" / "runs" / run / FILE
        return msgspec.json.decode(path.read_bytes(), type=Record)

    def _wait_for_answers(self, seconds: float) -> None:
        """Wait until service B has answered as often as it is asked within some seconds."""
        enough = self._answers() + self._rate * seconds
        until("service B has answered more often", lambda: self._answers() >= enough)

    def _answers(self) -> float:
        found = Prometheus(self._url).query("sum(service_b_requests_total)")
        return found[0].points[0].value if found else 0.0


@contextmanager
def _killed_at_last(process: subprocess.Popen[str]) -> Iterator[subprocess.Popen[str]]:
    """Let no process outlive the block."""
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()

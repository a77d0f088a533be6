"""Services as real processes on free loopback ports."""

import json
import queue
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any, Self

import requests

SERVICES = Path(__file__).parents[2] / "services"

# Bounds a wait that would otherwise hang on a defect; no test depends on how long one takes.
PATIENCE = 30


def command(service: str, *options: str) -> list[str]:
    return [sys.executable, *options, str(SERVICES / f"{service}.py")]


class Service:
    """A running service, its addresses and what it has logged."""

    def __init__(self, name: str, environment: dict[str, str], *options: str) -> None:
        self.name = name
        self.lines: queue.Queue[dict[str, Any]] = queue.Queue()
        self.process = subprocess.Popen(
            command(name, *options),
            env={"SERVICE_PORT": "0", "METRICS_PORT": "0", **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.stderr = ""
        self._readers = [
            threading.Thread(target=self._read_stdout),
            threading.Thread(target=self._read_stderr),
        ]
        for reader in self._readers:
            reader.start()
        try:
            self.started = self.log_line("started")
        except BaseException:
            self.close()
            raise
        listening = self.started["listening"]
        self.port = int(listening["service"].rpartition(":")[2])
        self.metrics_port = int(listening["metrics"].rpartition(":")[2])
        self.url = f"http://127.0.0.1:{self.port}"

    def _read_stdout(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.put(json.loads(line))

    def _read_stderr(self) -> None:
        assert self.process.stderr is not None
        self.stderr = self.process.stderr.read()

    def log_line(self, event: str) -> dict[str, Any]:
        """Take lines from the log up to the next one of an event."""
        while True:
            line = self.lines.get(timeout=PATIENCE)
            if line["event"] == event:
                return line

    def get(self, path: str = "/") -> requests.Response:
        return requests.get(self.url + path, timeout=PATIENCE)

    def metrics(self) -> str:
        return requests.get(f"http://127.0.0.1:{self.metrics_port}/metrics", timeout=PATIENCE).text

    def counted(self) -> tuple[int, int]:
        """How many requests were counted as 2xx and as 5xx."""
        samples = dict(
            line.rsplit(" ", 1) for line in self.metrics().splitlines() if line[0] != "#"
        )
        ok, failed = (
            samples[f'{self.name}_requests_total{{status="{status}"}}'] for status in ("2xx", "5xx")
        )
        return int(float(ok)), int(float(failed))

    def wait(self) -> int:
        """Wait for the process to end, and return its exit status."""
        status = self.process.wait(PATIENCE)
        for reader in self._readers:
            reader.join(PATIENCE)
        return status

    def stop(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.wait()

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.wait()
        for stream in (self.process.stdout, self.process.stderr):
            assert stream is not None
            stream.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

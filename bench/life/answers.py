"""The finish line: the first answer that came all the way from service B, through the port."""

from __future__ import annotations

import socket
import threading
import time

PAUSE = 0.003
"""Seconds between two tries: little against what is measured, and little work for the machine."""
PATIENCE = 0.3
"""Seconds for one try: a port that is bound, but not forwarded yet, accepts and stays silent."""
DEADLINE = 60.0
REQUEST = b"GET / HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n"
FROM_B = b"Service B:"
FROM_ENVOY = b"server: envoy"


class Watch:
    """Asks a port again and again from the moment it is made, in a thread of its own."""

    def __init__(self, port: int, *, sidecar: bool) -> None:
        """Wait for an answer of service B, and when ``sidecar``, one that came through Envoy."""
        self._port = port
        self._wanted = (FROM_B, FROM_ENVOY) if sidecar else (FROM_B,)
        self._answered: float | None = None
        self._thread = threading.Thread(target=self._watch)
        self._began = time.perf_counter()
        self._thread.start()

    def seconds(self) -> float:
        """Wait for the answer, and return how long after the beginning it came.

        Raises :class:`TimeoutError` when there was none.
        """
        self._thread.join()
        if self._answered is None:
            msg = f"nothing answered on port {self._port} within {DEADLINE:g} s"
            raise TimeoutError(msg)
        return self._answered - self._began

    def _watch(self) -> None:
        while time.perf_counter() - self._began < DEADLINE:
            answer = ask(self._port)
            if all(part in answer for part in self._wanted):
                self._answered = time.perf_counter()
                return
            time.sleep(PAUSE)


def ask(port: int) -> bytes:
    """What a port of 127.0.0.1 answers, head and body; nothing when it does not."""
    answer = b""
    try:
        with socket.create_connection(("127.0.0.1", port), PATIENCE) as connection:
            connection.sendall(REQUEST)
            while received := connection.recv(4096):
                answer += received
    except OSError:
        return b""
    return answer

"""A cache in front of one upstream: it fetches each of PAGES pages once, and remembers them.

A request is for the next page in turn. Hits and misses are counted for Prometheus at port 8081,
with Python's standard library alone.
"""

import itertools
import os
import signal
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.error import URLError
from urllib.request import ProxyHandler, build_opener

UPSTREAM = os.environ["UPSTREAM"]
PAGES = int(os.environ.get("PAGES", "20"))
TIMEOUT = 5.0

opener = build_opener(ProxyHandler({}))
lookups = {"hit": 0, "miss": 0}
pages: dict[int, bytes] = {}
turn = itertools.count()
lock = threading.Lock()


def page(number: int) -> bytes:
    """A page, from memory or else from the upstream: one at a time, so that none comes twice."""
    with lock:
        if number in pages:
            lookups["hit"] += 1
            return pages[number]
        lookups["miss"] += 1
        with opener.open(f"{UPSTREAM}/", timeout=TIMEOUT) as answer:
            pages[number] = answer.read()
        return pages[number]


class Handler(BaseHTTPRequestHandler):
    """What both ports have in common."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # which holds an answer's body back until its head is confirmed

    def reply(self, status: int, body: bytes) -> None:
        """Answer with a text."""
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing of single requests."""


class Cache(Handler):
    """Port 8000."""

    def do_GET(self) -> None:
        """Answer with the next page."""
        if self.path == "/healthz":
            self.reply(200, b"ok\n")
            return
        try:
            self.reply(200, page(next(turn) % PAGES))
        except (OSError, URLError) as error:
            self.reply(502, f"{error}\n".encode())


class Metrics(Handler):
    """Port 8081."""

    def do_GET(self) -> None:
        """Answer a scrape in Prometheus's text format."""
        with lock:
            lines = [f'cache_lookups_total{{result="{r}"}} {n}' for r, n in lookups.items()]
        page = "# TYPE cache_lookups_total counter\n" + "\n".join(lines) + "\n"
        self.reply(200, page.encode())


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    metrics = ThreadingHTTPServer(("0.0.0.0", 8081), Metrics)
    threading.Thread(target=metrics.serve_forever, daemon=True).start()
    ThreadingHTTPServer(("0.0.0.0", 8000), Cache).serve_forever()

"""A gateway: asks every upstream for each request, and answers 200 only if all of them do.

It counts its answers as Prometheus expects it, at port 8081, with Python's standard library alone.
"""

import os
import signal
import sys
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.error import URLError
from urllib.request import ProxyHandler, build_opener

UPSTREAMS = os.environ["UPSTREAMS"].split()
TIMEOUT = 5.0

opener = build_opener(ProxyHandler({}))
answers = Counter({"2xx": 0, "5xx": 0})
lock = threading.Lock()


def succeeds(url: str) -> bool:
    """Whether an upstream answers a request with success."""
    try:
        with opener.open(url, timeout=TIMEOUT) as answer:
            answer.read()
    except (OSError, URLError):
        return False
    return True


class Handler(BaseHTTPRequestHandler):
    """What both ports have in common."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # which holds an answer's body back until its head is confirmed

    def reply(self, status: int, text: str) -> None:
        """Answer with a text."""
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing of single requests."""


class Gateway(Handler):
    """Port 8000."""

    def do_GET(self) -> None:
        """Ask all upstreams, one after the other."""
        if self.path == "/healthz":
            self.reply(200, "ok\n")
            return
        found = [succeeds(url) for url in UPSTREAMS]
        good = all(found)
        with lock:
            answers["2xx" if good else "5xx"] += 1
        self.reply(200 if good else 500, "all answered\n" if good else "one failed\n")


class Metrics(Handler):
    """Port 8081."""

    def do_GET(self) -> None:
        """Answer a scrape in Prometheus's text format."""
        with lock:
            lines = [f'gateway_requests_total{{status="{s}"}} {n}' for s, n in answers.items()]
        self.reply(200, "# TYPE gateway_requests_total counter\n" + "\n".join(lines) + "\n")


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    metrics = ThreadingHTTPServer(("0.0.0.0", 8081), Metrics)
    threading.Thread(target=metrics.serve_forever, daemon=True).start()
    ThreadingHTTPServer(("0.0.0.0", 8000), Gateway).serve_forever()

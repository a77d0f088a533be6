"""Service A: calls its upstream once for every request and passes on what comes of it.

Environment:
    UPSTREAM_SERVICE: The URL to call; no default.
    UPSTREAM_TIMEOUT: How many seconds a call may take (5). At most 15, which is when the
        sidecar gives up by default: to wait for longer would be in vain.
    SERVICE_HOST, SERVICE_PORT: Where it serves (0.0.0.0, 80).
    METRICS_HOST, METRICS_PORT: Where Prometheus scrapes it (0.0.0.0, 8081).
    SERVICE_NAME: What its metric and its answers call it (service_a).
"""

import early_stop  # noqa: F401 - first, so that a signal ends even the imports below
import uncollected  # noqa: F401 - likewise, so that they are quick

# isort: split

import logging
import os
from dataclasses import asdict, dataclass
from typing import Self

from aiohttp import web
from request_counter import RequestCounter, title
from serving import Endpoint, answer, healthy, run, serve
from settings import HTTP_URL, IP_ADDRESS, NAME, PORT, Environment, seconds
from upstream import Upstream, UpstreamError
from yarl import URL

_ALL_INTERFACES = "0.0.0.0"  # noqa: S104 - the pod's network limits who can reach it

_log = logging.getLogger("service_a")


@dataclass(frozen=True)
class Settings:
    """What the environment says; see above."""

    service_host: str
    service_port: int
    metrics_host: str
    metrics_port: int
    upstream_service: URL
    upstream_timeout: float
    service_name: str

    @classmethod
    def read(cls, environment: Environment) -> Self:
        """Read all settings or raise SettingsError."""
        settings = cls(
            service_host=environment.read("SERVICE_HOST", IP_ADDRESS, default=_ALL_INTERFACES),
            service_port=environment.read("SERVICE_PORT", PORT, default=80),
            metrics_host=environment.read("METRICS_HOST", IP_ADDRESS, default=_ALL_INTERFACES),
            metrics_port=environment.read("METRICS_PORT", PORT, default=8081),
            upstream_service=environment.require("UPSTREAM_SERVICE", HTTP_URL),
            upstream_timeout=environment.read("UPSTREAM_TIMEOUT", seconds(15), default=5.0),
            service_name=environment.read("SERVICE_NAME", NAME, default="service_a"),
        )
        environment.check()
        return settings


class ServiceA:
    """Answers with what the upstream answers."""

    def __init__(self, upstream: Upstream, url: URL, name: str) -> None:
        """Call the upstream at a URL, and be known by a name."""
        self._upstream = upstream
        self._url = url
        self._health_url = url.with_path("/healthz")
        self.requests = RequestCounter(name)
        self._title = title(name).encode()

    async def respond(self) -> web.Response:
        """Call the upstream once: 200 with its answer, or 500 with the cause."""
        try:
            reply = await self._upstream.get(self._url)
        except UpstreamError as error:
            return self._failure(str(error), body=b"")
        body = reply.body.rstrip(b"\n")
        if reply.is_success:
            self.requests.succeeded.inc()
            return answer(200, b"%b: upstream responded with: %b\n" % (self._title, body))
        return self._failure(f"HTTP {reply.status}", body=b" - " + body)

    def _failure(self, cause: str, body: bytes) -> web.Response:
        _log.warning("upstream failed", extra={"fields": {"cause": cause}})
        self.requests.failed.inc()
        said = (self._title, cause.encode(), body)
        return answer(500, b"%b: upstream failed with: %b%b\n" % said)

    async def ready(self) -> web.Response:
        """Say whether the upstream's health path can be reached the way requests go."""
        try:
            reply = await self._upstream.get(self._health_url)
        except UpstreamError as error:
            return answer(503, f"upstream: {error}\n".encode())
        if reply.is_success:
            return answer(200, b"ok\n")
        return answer(503, b"upstream: HTTP %d\n" % reply.status)


async def main() -> None:
    """Serve until told to stop."""
    settings = Settings.read(Environment(os.environ))
    async with Upstream(settings.upstream_timeout) as upstream:
        service = ServiceA(upstream, settings.upstream_service, settings.service_name)
        await serve(
            [
                Endpoint(
                    "service",
                    settings.service_host,
                    settings.service_port,
                    {"/": service.respond, "/healthz": healthy, "/readyz": service.ready},
                ),
                Endpoint(
                    "metrics",
                    settings.metrics_host,
                    settings.metrics_port,
                    {"/metrics": service.requests.page},
                ),
            ],
            settings=asdict(settings) | {"upstream_service": str(settings.upstream_service)},
        )


if __name__ == "__main__":
    run("service_a", main)

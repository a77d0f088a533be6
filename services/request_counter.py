"""The counter of answered requests, and the page that Prometheus scrapes."""

from aiohttp import web
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    disable_created_metrics,
    generate_latest,
)

# Prometheus computes rates without it, and the article's page does not have it.
disable_created_metrics()  # type: ignore[no-untyped-call]


def title(service: str) -> str:
    """What people call a service: service_a is Service A."""
    return service.replace("_", " ").title()


class RequestCounter:
    """Counts requests as `<service>_requests_total{status="2xx"|"5xx"}`.

    Both series exist from the start, at 0, so that the first request shows up as an increase.
    When the process started stands beside them, by the name that Prometheus' clients give it: a
    restart between two scrapes shows even if the counters have caught up by the second.

    Attributes:
        succeeded: The series of the answers with status 2xx.
        failed: The series of the answers with status 5xx.
    """

    def __init__(self, service: str) -> None:
        """Count for a service by its name in metrics."""
        self._registry = CollectorRegistry()
        requests = Counter(
            f"{service}_requests",
            f"The total number of requests received by {title(service)}.",
            ["status"],
            registry=self._registry,
        )
        self.succeeded = requests.labels("2xx")
        self.failed = requests.labels("5xx")
        started = Gauge(
            "process_start_time_seconds",
            "When the process started, in seconds since 1970.",
            registry=self._registry,
        )
        started.set_to_current_time()

    async def page(self) -> web.Response:
        """Answer a scrape."""
        return web.Response(
            body=generate_latest(self._registry),
            headers={"Content-Type": CONTENT_TYPE_LATEST},
        )

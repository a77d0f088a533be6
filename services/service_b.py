"""Service B: an upstream that fails a constant share of its requests.

Environment:
    SERVICE_PORT: Where it serves, on all interfaces (80).
    METRICS_PORT: Where Prometheus scrapes it, on all interfaces (8081).
    SERVICE_NAME: What its metric and its answers call it (service_b).
    ERROR_RATE: How many percent of the requests fail (30).
    ERROR_SEED: Makes the sequence of answers the same in every run (not set: different).
    REPLICA: Which of several copies this is: with one seed they fail independently (not set: the
        only one).
"""

import early_stop  # noqa: F401 - first, so that a signal ends even the imports below
import uncollected  # noqa: F401 - likewise, so that they are quick

# isort: split

import os
import random
from dataclasses import asdict, dataclass
from typing import Self

from aiohttp import web
from request_counter import RequestCounter, title
from serving import Endpoint, answer, healthy, run, serve
from settings import NAME, PORT, Environment, whole_number

_ALL_INTERFACES = "0.0.0.0"  # noqa: S104 - the pod's network limits who can reach it


@dataclass(frozen=True)
class Settings:
    """What the environment says; see above."""

    service_port: int
    metrics_port: int
    error_rate: int
    error_seed: int | None
    replica: int | None
    service_name: str

    @classmethod
    def read(cls, environment: Environment) -> Self:
        """Read all settings or raise SettingsError."""
        settings = cls(
            service_port=environment.read("SERVICE_PORT", PORT, default=80),
            metrics_port=environment.read("METRICS_PORT", PORT, default=8081),
            error_rate=environment.read("ERROR_RATE", whole_number(0, 100), default=30),
            error_seed=environment.read("ERROR_SEED", whole_number(0, 2**63 - 1), default=None),
            replica=environment.read("REPLICA", whole_number(1, 2**31 - 1), default=None),
            service_name=environment.read("SERVICE_NAME", NAME, default="service_b"),
        )
        environment.check()
        return settings


class ServiceB:
    """Decides by lot which requests fail."""

    def __init__(self, settings: Settings) -> None:
        """Fail as the settings say; without a seed, by the system's.

        With a seed, every replica has a sequence of its own.
        """
        self._error_rate = settings.error_rate
        seed: int | str | None = settings.error_seed
        if seed is not None and settings.replica is not None:
            seed = f"{seed}/{settings.replica}"
        self._random = random.Random(seed)  # noqa: S311 - reproducible, not secret
        self.requests = RequestCounter(settings.service_name)
        self._title = title(settings.service_name).encode()

    async def respond(self) -> web.Response:
        """Answer a request, well or badly.

        Each request draws the same two numbers, whatever comes of them: so with one seed, a
        request that fails at a low error rate also fails at any higher one.
        """
        fails = self._random.randrange(100) < self._error_rate
        nounce = self._random.getrandbits(32)
        if fails:
            self.requests.failed.inc()
            return answer(500, b"%b: Ooops... nounce %d\n" % (self._title, nounce))
        self.requests.succeeded.inc()
        return answer(200, b"%b: Yay! nounce %d\n" % (self._title, nounce))


async def main() -> None:
    """Serve until told to stop."""
    settings = Settings.read(Environment(os.environ))
    service = ServiceB(settings)
    await serve(
        [
            Endpoint(
                "service",
                _ALL_INTERFACES,
                settings.service_port,
                {"/": service.respond, "/healthz": healthy},
            ),
            Endpoint(
                "metrics",
                _ALL_INTERFACES,
                settings.metrics_port,
                {"/metrics": service.requests.page},
            ),
        ],
        settings=asdict(settings),
    )


if __name__ == "__main__":
    run("service_b", main)

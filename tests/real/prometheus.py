"""Questions to a lab's Prometheus, over its HTTP API."""

from typing import Any

import requests

from tests.real.labs import Lab
from tests.real.waiting import until


def query(lab: Lab, expression: str) -> list[dict[str, Any]]:
    """The result of an instant query: one entry for each series."""
    answer = requests.get(
        f"http://127.0.0.1:{lab.prometheus_port}/api/v1/query",
        params={"query": expression},
        timeout=10,
    )
    answer.raise_for_status()
    found: list[dict[str, Any]] = answer.json()["data"]["result"]
    return found


def total(lab: Lab, expression: str) -> float:
    """The sum over all series of an instant query; 0 when there are none."""
    return sum(float(series["value"][1]) for series in query(lab, expression))


def scraped_after(lab: Lab, job: str, moment: float) -> None:
    """Return once a job's newest scrape began after a moment (seconds since 1970)."""
    # One question, as a first scrape can come between two; and timestamp() knows the time of a
    # scrape only of a plain selector.
    up = f'up{{job="{job}"}}'

    def scraped() -> bool:
        times = [
            float(series["value"][1]) for series in query(lab, f"timestamp({up}) and {up} == 1")
        ]
        return bool(times) and min(times) > moment

    until(f"Prometheus scraped {job} after the last request", scraped)

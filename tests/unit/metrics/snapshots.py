"""Snapshots for tests, made from what each hop shall have counted."""

from collections.abc import Mapping
from functools import cache

from lab.kinds.base import Meter
from lab.metrics.quantities import Quantities
from lab.metrics.scrape import Delta, Sample, Scrape, Snapshot
from lab.topology import scenario

LIMIT = 3
"""What every circuit breaker of these labs allows."""
START_TIME = Meter(metric="process_start_time_seconds")


@cache
def quantities(name: str = "sidecar") -> Quantities:
    """What is counted in a shipped scenario."""
    return Quantities(scenario.load(name, given={}))


def snapshot(
    counts: Mapping[str, float] | None = None,
    *,
    of: str = "sidecar",
    scrapes: tuple[Scrape, ...] = (),
    extra: tuple[tuple[str, Meter, float], ...] = (),
) -> Snapshot:
    """A snapshot in which meters have the values of ``counts``, by quantity, else 0.

    Those that a program makes on demand are there only with a value. ``scrapes`` replace those of
    their services, ``extra`` are further samples of services.
    """
    known = quantities(of)
    values: dict[str, float] = dict.fromkeys(known.sources, 0)
    values |= {name: LIMIT for name in values if name.endswith(".remaining_retries")}
    values |= dict(counts or {})
    assert values.keys() == known.sources.keys(), values.keys() - known.sources.keys()
    samples: list[tuple[str, Meter, float]] = [
        (known.sources[name].service, known.sources[name].meter, value)
        for name, value in values.items()
        if value or not known.sources[name].meter.beside.startswith("envoy")
    ]
    samples += extra
    replaced = {scrape.service: scrape for scrape in scrapes}
    made = (
        replaced.get(target.service)
        or Scrape(
            service=target.service,
            time=1000.0,
            samples=tuple(
                Sample(meter.metric, meter.labels, value)
                for service, meter, value in samples
                if service == target.service
            ),
        )
        for target in known.targets
    )
    return Snapshot(999.0, tuple(made))


def delta(before: Snapshot, after: Snapshot, of: str = "sidecar") -> Delta:
    """By how much counters grew in between."""
    return Delta(before, after, quantities(of).growing, quantities(of).start_times)

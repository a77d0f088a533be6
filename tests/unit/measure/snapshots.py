"""Snapshots for tests, made from what each party shall have counted."""

from collections.abc import Mapping

from lab.measure.counters import accounts
from lab.measure.counters.samples import (
    DIRECT_JOBS,
    REMAINING_RETRIES,
    SIDECAR_JOBS,
    Metric,
    Sample,
    Scrape,
    Snapshot,
)

METRICS = {entry.name: entry.metric for entry in (*accounts.SERVICES, *accounts.SIDECAR)}


def sample(metric: Metric, value: float) -> Sample:
    return Sample(metric.name, metric.labels, value)


def snapshot(
    counts: Mapping[str, int] | None = None,
    *,
    sidecar: bool = True,
    scrapes: tuple[Scrape, ...] = (),
    extra: tuple[tuple[Metric, float], ...] = (),
) -> Snapshot:
    """A snapshot in which counters have the values of ``counts``, by name, else 0.

    Those that Envoy makes on demand are there only with a value. ``scrapes`` replace those of
    their jobs, ``extra`` are further samples.
    """
    values = dict.fromkeys(METRICS, 0) | dict(counts or {})
    samples: list[tuple[Metric, float]] = [
        (METRICS[name], value)
        for name, value in values.items()
        if value or not METRICS[name].on_demand
    ]
    samples += [(REMAINING_RETRIES, 3), *extra]
    replaced = {scrape.job: scrape for scrape in scrapes}
    made = (
        replaced.get(job)
        or Scrape(
            job=job,
            time=1000.0,
            samples=tuple(sample(metric, value) for metric, value in samples if metric.job == job),
        )
        for job in (SIDECAR_JOBS if sidecar else DIRECT_JOBS)
    )
    return Snapshot(999.0, tuple(made))

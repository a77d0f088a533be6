"""Taking a snapshot of the counters: through Prometheus, and never from before one asked."""

from __future__ import annotations

import time
from collections import Counter
from math import ceil
from typing import TYPE_CHECKING

import msgspec

from lab.measure.numbers import MOST
from lab.metrics.scrape import Sample, Scrape, Snapshot

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from lab.metrics.prometheus import Prometheus, Series
    from lab.metrics.quantities import Quantities, Target

    Key = tuple[str, str]
    """A target: its job, which is called as its service, and its instance."""

DEADLINE = 5.0
"""Seconds to wait for scrapes; the lab's Prometheus scrapes every second."""
STARTING = 11.0
"""Seconds until a Prometheus that has just started has scraped everything once, at the most: the
discovery's and the scraper's tick of 5 s each, one after the other (``sender`` in its
discovery/manager.go and ``reloader`` in its scrape/manager.go), and one interval."""
PAUSE = 0.05
"""Seconds between two looks at what Prometheus has scraped."""
ADJUSTMENT = 0.002
"""Seconds by which Prometheus may shift a scrape's time to make intervals even."""
MOST_SERIES, MOST_LABELS = 1000, 4096
"""Series of one metric at one target, and characters in the labels of one."""

_TARGET_LABELS = frozenset({"job", "instance"})


def snapshot(
    prometheus: Prometheus,
    quantities: Quantities,
    *,
    since: Snapshot | None = None,
    deadline: float = DEADLINE,
    hurried: Callable[[], bool] | None = None,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Snapshot:
    """Read every counter of a lab from scrapes that began after this call.

    So it includes whatever was counted before the call. Only Prometheus' own clock counts. All
    samples of a target come from one scrape, the last that succeeded. A target of which there
    is none within ``deadline`` seconds, counted from when Prometheus can have scraped it, is in
    the snapshot with its problem, and so is one that was waited for when ``hurried``. With
    the snapshot ``since`` which the period began, targets are marked that were restarted in
    between.

    Raises :class:`lab.errors.LabError` when Prometheus does not answer.
    """
    by_service = {target.service: target for target in quantities.targets}
    jobs = tuple(by_service)
    names = "|".join(sorted(quantities.metrics | {"up"}))
    asked = prometheus.now()
    deadline += min(STARTING, max(0.0, prometheus.started() + STARTING - asked))
    began = clock()
    targets: dict[str, list[str]] = {}
    while True:
        elapsed = clock() - began
        if len(targets) < len(jobs):
            targets = _instances(prometheus, jobs)
        scrapes = _scrapes(prometheus, jobs, names, asked, elapsed)
        whole = len(targets) == len(jobs) and all(key in scrapes for key in _keys(targets))
        if whole or elapsed >= deadline or (hurried and hurried()):
            break
        sleep(PAUSE)
    problems = {} if whole else _problems(prometheus)
    found = (
        scrape for job in jobs for scrape in _of_job(job, targets.get(job, []), scrapes, problems)
    )
    return Snapshot(
        asked,
        tuple(_with_restart(prometheus, each, by_service[each.service], since) for each in found),
    )


def _keys(targets: Mapping[str, Sequence[str]]) -> Iterator[Key]:
    return ((job, instance) for job, instances in targets.items() for instance in instances)


def _instances(prometheus: Prometheus, jobs: Sequence[str]) -> dict[str, list[str]]:
    """The targets of each job that has any."""
    found: dict[str, list[str]] = {}
    for target in prometheus.targets():
        if target.job in jobs:
            found.setdefault(target.job, []).append(target.instance)
    return found


def _of_job(
    job: str, instances: Sequence[str], scrapes: Mapping[Key, Scrape], problems: Mapping[Key, str]
) -> Iterator[Scrape]:
    """The scrape of each target of a job, or what the problem with it is."""
    if not instances:
        yield Scrape(service=job, problem="Prometheus has no such target")
    for instance in instances:
        found = scrapes.get((job, instance))
        if found is None:
            problem = problems.get((job, instance)) or "its last scrape is too old"
            found = Scrape(service=job, problem=problem)
        yield msgspec.structs.replace(found, instance=instance if len(instances) > 1 else "")


def _scrapes(
    prometheus: Prometheus, jobs: Sequence[str], names: str, asked: float, elapsed: float
) -> dict[Key, Scrape]:
    """The last successful scrape after ``asked`` of each target that has one."""
    # Not wider than needed, as the answer has every scrape of the window.
    window = ceil(elapsed) + 1
    found: dict[Key, list[Series]] = {}
    for series in prometheus.query(f'{{job=~"{"|".join(jobs)}",__name__=~"{names}"}}[{window}s]'):
        key = (series.labels.get("job", ""), series.labels.get("instance", ""))
        found.setdefault(key, []).append(series)
    times = {
        key: point.time
        for key, group in found.items()
        for series in group
        if series.name == "up"
        for point in series.points
        if point.value == 1 and point.time > asked + ADJUSTMENT
    }
    return {key: _scrape(key[0], found[key], when) for key, when in times.items()}


def _scrape(job: str, found: Iterable[Series], when: float) -> Scrape:
    """What one scrape saw: all its samples have the same time.

    Targets can say what they like: a metric that is not a number, or of which there are more
    series than any of lab's has, is noted and left out.
    """
    samples: dict[object, Sample] = {}
    unusable: dict[str, str] = {}
    series_of: Counter[str] = Counter()
    for series in found:
        labels = {k: v for k, v in sorted(series.labels.items()) if k not in _TARGET_LABELS}
        for point in series.points:
            if series.name == "up" or point.time != when:
                continue
            series_of[series.name] += 1
            key = (series.name, *labels.items())
            if why := _fault(point.value, labels, series_of[series.name]):
                unusable.setdefault(series.name, why)
            elif key in samples:
                unusable.setdefault(series.name, "is there twice")
            else:
                samples[key] = Sample(series.name, labels, point.value)
    kept = tuple(sample for sample in samples.values() if sample.name not in unusable)
    return Scrape(service=job, time=when, samples=kept, unusable=unusable)


def _fault(value: float, labels: Mapping[str, str], number: int) -> str:
    """Why a sample cannot be counted, as a clause; "" when it can."""
    if not 0 <= value <= MOST:
        return f"is {value:g}"
    if number > MOST_SERIES:
        return f"has more than {MOST_SERIES} series"
    if sum(len(name) + len(text) for name, text in labels.items()) > MOST_LABELS:
        return f"has labels of more than {MOST_LABELS} characters"
    return ""


def _with_restart(
    prometheus: Prometheus, scrape: Scrape, target: Target, since: Snapshot | None
) -> Scrape:
    begin = since.scrape(scrape.service, scrape.instance).time if since else None
    if begin is None or scrape.time is None:
        return scrape
    # From the first scrape to the last, both included: 1 ms more, as Prometheus 3 leaves the
    # oldest instant of a window out.
    window = f"{round((scrape.time - begin) * 1000) + 1}ms"
    instance = f',instance="{scrape.instance}"' if scrape.instance else ""
    selector = f'{{job="{scrape.service}"{instance}}}[{window}]'
    signs = [f"max(changes({each}{selector})) > 0" for each in (target.start_time,) if each]
    signs += [f"max(resets({each}{selector})) > 0" for each in target.falls]
    restarted = bool(signs) and bool(prometheus.query(" or ".join(signs), time=scrape.time))
    return msgspec.structs.replace(scrape, restarted=restarted)


def _problems(prometheus: Prometheus) -> dict[Key, str]:
    """Why the last scrape of each target failed; "" where it did not."""
    return {(target.job, target.instance): target.error for target in prometheus.targets()}

"""What Prometheus scrapes, from what the lab counts: its configuration is data of the scenario.

A build argument written ``{scrape: all}`` becomes the list of ``scrape_configs`` for every
container with meters, and the pod that uses it resolves the names of all pods in it. A scenario
can add jobs of containers that it does not have, so that Prometheus stays as it is while
scenarios change around it.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import msgspec

from lab import kinds
from lab.kinds.base import Endpoint, Program
from lab.metrics.quantities import Quantities
from lab.topology.problems import quote
from lab.topology.spec import prefix

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from lab.topology.reader import Item
    from lab.topology.spec import LabSpec, PodSpec

ALL = "{scrape: all}"
"""What such a build argument holds until :func:`fill` replaces it."""
LIMITS = {
    "body_size_limit": "4MB",
    "sample_limit": 10000,
    "label_limit": 50,
    "label_name_length_limit": 200,
    "label_value_length_limit": 1000,
    "target_limit": 200,
}
"""What one scrape may bring at the most: more, and the target counts as down instead of filling
Prometheus's memory. Envoy, the largest of lab's targets, has some 1200 samples in 120 kB. They
stand at each job, as Prometheus before 2.45 knows no such limits under ``global``."""


class Job(msgspec.Struct, frozen=True):
    """A job of Prometheus: its name, where its targets expose metrics, and the pods they are in."""

    name: str
    endpoint: Endpoint
    pods: tuple[str, ...]


def read(found: dict[str, Item], copies: dict[str, tuple[str, ...]]) -> tuple[Job, ...]:
    """Read the top-level ``scrape``: jobs of containers that may not be in the lab.

    ``copies`` has the pods by their names in the scenario, each with podman's names for it.
    """
    jobs = []
    for name, item in found.items():
        section = item.section(("pod", "kind"), required=("pod", "kind"))
        kind, pod = section.literal("kind"), section.literal("pod")
        if kind and kind not in kinds.NAMES:
            item.problem(f"kind {quote(kind)} is not one of {', '.join(kinds.NAMES)}")
        elif pod and pod not in copies:
            item.problem(f"there is no pod {quote(pod)}{item.nearest(pod, copies)}")
        elif kind and pod:
            endpoint = kinds.describe(kind, Program(service=name)).endpoint
            jobs.append(Job(name, endpoint, copies[pod]))
    return tuple(jobs)


def fill(spec: LabSpec, further: Collection[Job]) -> LabSpec:
    """Replace every ``{scrape: all}`` of a spec, and let those pods resolve what is scraped."""
    images = {
        image.name for image in spec.images if image.build and ALL in image.build.args.values()
    }
    if not images:
        return spec
    jobs = {job.name: job for job in (*further, *_jobs(spec))}
    listed = [jobs[name] for name in sorted(jobs)]
    start = prefix(spec.name)
    configs = json.dumps([_config(job, start) for job in listed])
    hosts = {pod.removeprefix(start): (pod,) for job in listed for pod in job.pods}
    return msgspec.structs.replace(
        spec,
        images=tuple(
            msgspec.structs.replace(
                image,
                build=msgspec.structs.replace(
                    image.build,
                    args={
                        key: configs if value == ALL else value
                        for key, value in image.build.args.items()
                    },
                ),
            )
            if image.build and image.name in images
            else image
            for image in spec.images
        ),
        pods=tuple(
            msgspec.structs.replace(pod, hosts=hosts | pod.hosts) if _uses(pod, images) else pod
            for pod in spec.pods
        ),
    )


def _uses(pod: PodSpec, images: Collection[str]) -> bool:
    return any(container.image in images for container in pod.containers)


def _jobs(spec: LabSpec) -> Iterator[Job]:
    pods: dict[str, list[str]] = {}
    for service, pod, _ in spec.named_containers():
        pods.setdefault(service, []).append(pod.name)
    for target in Quantities(spec).targets:
        yield Job(target.service, target.endpoint, tuple(pods[target.service]))


def _config(job: Job, start: str) -> dict[str, object]:
    targets = [f"{pod.removeprefix(start)}:{job.endpoint.port}" for pod in job.pods]
    return {
        "job_name": job.name,
        "metrics_path": job.endpoint.path,
        **LIMITS,
        "static_configs": [{"targets": targets}],
    }

"""A link to the graphs of a lab in its own Prometheus. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode

from lab.metrics.graphs import graphs, selector
from lab.metrics.quantities import Quantities

if TYPE_CHECKING:
    from lab.topology.spec import LabSpec, PodSpec

PROMETHEUS = "prometheus"
"""The name of the published port at which a scenario's Prometheus answers."""
WINDOW, RANGE = "5s", "5m"
"""Rates are over this time, and graphs show this time."""
OLD = ("2", "v2", "1", "v1")
"""How the tags of the official images begin that draw graphs at another place."""


def link(spec: LabSpec) -> str:
    """The URL of a page that draws what the hops of the lab's path count, "" without any."""
    drawn = [selector(service, graph) for service, graph in graphs(Quantities(spec))]
    for pod in spec.pods:
        for port in pod.ports:
            if port.name == PROMETHEUS and drawn:
                return f"{port.url}{_page(spec, pod)}?{_panels(drawn)}"
    return ""


def _panels(counters: list[str]) -> str:
    pairs = [
        pair
        for number, counter in enumerate(counters)
        for pair in (
            (f"g{number}.expr", f"rate({counter}[{WINDOW}])"),
            (f"g{number}.tab", "0"),
            (f"g{number}.range_input", RANGE),
        )
    ]
    return urlencode(pairs, safe="()")


def _page(spec: LabSpec, pod: PodSpec) -> str:
    """Where the Prometheus in a pod draws graphs: asking it would hold up whoever wants the link.

    Debian's has only the classic pages; the official image has moved them with version 3.
    """
    images = {image.reference: image for image in spec.images}
    bases = {image.name: image.reference for image in spec.images}
    for container in pod.containers:
        image = images.get(container.image)
        if image and image.base:
            if image.source == "packages":
                return "/classic/graph"
            return _official(bases.get(image.base, ""))
    return _official(pod.containers[0].image if pod.containers else "")


def _official(reference: str) -> str:
    tag = reference.rpartition("/")[2].partition("@")[0].partition(":")[2]
    return "/graph" if tag.partition(".")[0] in OLD else "/query"

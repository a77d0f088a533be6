"""A lab as a Mermaid flowchart: its pods, their containers and ports, and the path of a request.

The language: https://mermaid.js.org/syntax/flowchart.html. Pure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.metrics.laws import CLIENT
from lab.metrics.quantities import Quantities
from lab.topology.spec import prefix

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab.topology.spec import LabSpec, PodSpec

INDENT = "  "


def mermaid(spec: LabSpec) -> str:
    """The flowchart, line by line."""
    return "\n".join(("flowchart LR", *(INDENT + line for line in _lines(spec))))


def _lines(spec: LabSpec) -> Iterator[str]:
    quantities = Quantities(spec)
    hops: dict[str, list[str]] = {}
    for hop in dict.fromkeys(name for edge in spec.path for name in edge):
        hops.setdefault(quantities.service(hop), []).append(hop)
    start = prefix(spec.name)
    if spec.path:
        yield f"{_id(CLIENT)}([{_text(CLIENT)}])"
    pods: dict[str, list[PodSpec]] = {}
    for pod in spec.pods:
        pods.setdefault(_plain(pod.name, pod.replica, start), []).append(pod)
    for name, copies in pods.items():
        yield from _pod(name, copies, hops, start)
    entry = next((port for port in spec.ports() if port.name == spec.entry), None)
    for caller, callee in spec.path:
        label = f"|{_text(f'{entry.host_ip}:{entry.published}')}|" if entry else ""
        arrow = f"-->{label}" if caller == CLIENT else "-->"
        yield f"{_id(caller)} {arrow} {_id(callee)}"


def _pod(name: str, copies: list[PodSpec], hops: dict[str, list[str]], start: str) -> Iterator[str]:
    count = f" \N{MULTIPLICATION SIGN} {len(copies)}" if len(copies) > 1 else ""
    yield f"subgraph {_id(f'pod {name}')}[{_text(name + count)}]"
    first = copies[0]
    for container in first.containers:
        service = _plain(container.name, first.replica, start)
        for hop in hops.get(service, [service]):
            yield f"{INDENT}{_id(hop)}[{_text(hop)}]"
    for port in first.ports:
        where = f"{port.name}: {port.host_ip}:{port.published} → {port.target}"
        yield f"{INDENT}{_id(f'port {port.name}')}>{_text(where)}]"
    yield "end"


def _plain(name: str, replica: int, start: str) -> str:
    """What the scenario calls something: without the lab's prefix and the copy's number."""
    plain = name.removeprefix(start)
    return plain.removesuffix(f"-{replica}") if replica else plain


def _id(name: str) -> str:
    """A name that Mermaid takes for a node."""
    return "".join(c if c.isalnum() else "_" if c == "-" else f"_{ord(c):x}_" for c in name)


def _text(text: str) -> str:
    """A text in quotes, in which nothing is Mermaid's."""
    return '"' + text.replace("#", "#35;").replace('"', "#quot;") + '"'

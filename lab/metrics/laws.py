"""From a scenario's path to the laws that its counters obey. Pure.

The path says which hop sends requests to which. What one hop sent, the next one received; the
answers that it got are those that the next one gave. Each kind adds what holds within a hop. A
hop that counts nothing leaves a gap: what could not be checked because of it is named.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from lab.kinds.base import Hop, Law

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

CLIENT = "client"
"""The first hop of every path: whoever sends the load."""

CLIENT_HOP = Hop(
    derived={"upstream_succeeded": "succeeded", "upstream_failed": "failed"},
)
"""The client counts for itself what it ``sent``, and what of it ``succeeded`` and ``failed``."""
CLIENT_COUNTS = {
    "sent": "requests sent",
    "succeeded": "answered with success",
    "failed": "failed",
}

Edge = tuple[str, str]
"""A hop, and one to which it sends requests."""

_NAME = re.compile(r"[A-Za-z_]\w*")
_ALIKE = (
    ("received", "{callee} received what {caller} sent", "sent", "received"),
    (
        "succeeded",
        "{caller} got as many successes as {callee} gave",
        "upstream_succeeded",
        "succeeded",
    ),
    ("failed", "{caller} got as many failures as {callee} gave", "upstream_failed", "failed"),
)
"""What holds between two hops: a name, the words, and what each of the two counts."""


class Laws(msgspec.Struct, frozen=True):
    """Every law of a path, and ``gaps``: sentences on what nobody counts."""

    laws: tuple[Law, ...]
    gaps: tuple[str, ...]


def derive(edges: Sequence[Edge], hops: Mapping[str, Hop]) -> Laws:
    """The laws along a path.

    ``hops`` has what is counted at each hop of ``edges``; one that is missing counts nothing. Of
    several hops that one calls for each request, each receives all requests; which of their
    failures becomes whose is not known. A hop that several call receives what all of them sent.
    """
    known = {CLIENT: CLIENT_HOP} | dict(hops)
    laws: list[Law] = []
    gaps: list[str] = []
    calls = [caller for caller, _ in edges]
    for callee in dict.fromkeys(callee for _, callee in edges):
        if callee not in known:
            gaps.append(f"{callee} counts nothing: what reaches it is not checked")
            continue
        callers = [caller for caller, each in edges if each == callee]
        if all(caller in known for caller in callers):
            alone = all(calls.count(caller) == 1 for caller in callers)
            laws += _between(callers, callee, known, alone=alone)
    laws += [law for hop in _order(edges) for law in _within(hop, known)]
    return Laws(tuple(laws), tuple(dict.fromkeys(gaps)))


def _order(edges: Sequence[Edge]) -> tuple[str, ...]:
    """The hops in the order in which requests reach them."""
    return tuple(dict.fromkeys(hop for edge in edges for hop in edge))


def _between(
    callers: Sequence[str], callee: str, known: Mapping[str, Hop], *, alone: bool
) -> Iterator[Law]:
    together = " and ".join(callers)
    for name, says, out, into in _ALIKE if alone else _ALIKE[:1]:
        lefts = [counted(caller, out, known[caller]) for caller in callers]
        right = counted(callee, into, known[callee])
        if all(lefts) and right:
            yield Law(
                name=f"{'+'.join(callers)}→{callee} {name}",
                says=says.format(caller=together, callee=callee),
                left=" + ".join(lefts),
                right=right,
                passes=(together, callee) if out == "sent" else None,
            )


def _within(hop: str, known: Mapping[str, Hop]) -> Iterator[Law]:
    for law in known[hop].laws if hop in known else ():
        yield Law(
            name=f"{hop} {law.name}",
            says=law.says.format(hop=hop),
            left=qualified(hop, law.left),
            right=qualified(hop, law.right),
        )


def counted(name: str, what: str, hop: Hop) -> str:
    """A count of a hop as a sum of meters, "" when nobody counts it."""
    if what in hop.derived:
        return qualified(name, hop.derived[what])
    own = name == CLIENT and what in CLIENT_COUNTS
    return f"{name}.{what}" if own or what in hop.meters else ""


def qualified(hop: str, sum_: str) -> str:
    """A sum of one hop's names with the hop before each of them."""
    return _NAME.sub(lambda found: f"{hop}.{found[0]}", sum_)

"""The claims of a scenario: what it says of its traffic, and how that is tested.

A quantity is a count over one run, such as ``client_sent``; a sum of quantities is written with
``+`` and ``-``, such as ``client_sent + retries``.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lab.topology import values
from lab.topology.problems import quote
from lab.topology.spec import ClaimSpec

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from lab.topology.pods import Assembly
    from lab.topology.reader import Item, Section

QUANTITIES = {
    "client_sent": "requests that the client sent",
    "client_succeeded": "requests that were answered with success",
    "client_failed": "requests that were not",
    "a_succeeded": "requests that service A answered with 200",
    "a_failed": "requests that service A answered with 500",
    "b_succeeded": "requests that service B answered with 200",
    "b_failed": "requests that service B answered with 500",
    "ingress_received": "requests that reached the sidecar from outside",
    "ingress_forwarded": "requests that it sent on to service A",
    "egress_received": "requests that reached the sidecar from service A",
    "attempts": "requests that it sent to service B, retries among them",
    "final": "final answers that it gave to service A",
    "final_failed": "final answers with 5xx",
    "retries": "retries",
    "retry_successes": "retries that succeeded",
    "retry_overflow": "retries that the circuit breaker suppressed",
    "retry_limit_exceeded": "requests that still failed after their last retry",
}
"""Every quantity a claim may name: the counts of :mod:`lab.measure.counters.ledger`."""

PREDICTIONS = {
    "successes": "requests of the client that succeed",
    "retries": "retries that the sidecar sends",
}
"""What theory can predict, from the parameters error-rate, retries and max-retries."""

SPREADABLE = ("a_succeeded", "a_failed", "b_succeeded", "b_failed")
"""What copies of a service count each for itself."""

_QUANTITY = r"[a-z_]+"
_TERM = re.compile(rf"([+-]?)\s*({_QUANTITY})")
_SUM = re.compile(rf"{_QUANTITY}(?:\s*[+-]\s*{_QUANTITY})*")
_KEYS = ("says", "observed", "equals", "predicted", "spread", "pod", "listens")


class Claims:
    """Collects the claims of all files of a scenario."""

    def __init__(self, assembly: Assembly) -> None:
        """``assembly`` knows the pods that claims may name."""
        self.found: list[ClaimSpec] = []
        self._names: set[str] = set()
        self._assembly = assembly

    def read(self, found: dict[str, Item]) -> None:
        """Read the top-level ``claims`` of one file."""
        for name, item in found.items():
            if fault := values.name(name):
                item.problem(f"{quote(name)} {fault}")
            if name in self._names:
                item.problem(f"{name!r} is the name of another claim")
            self._names.add(name)
            section = item.section(_KEYS, required=("says",))
            self._check_form(item, section)
            self.found.append(
                ClaimSpec(
                    name=name,
                    says=section.sentence("says"),
                    observed=_sum(section, "observed"),
                    equals=_sum(section, "equals"),
                    predicted=_prediction(section),
                    spread=_sum(section, "spread", SPREADABLE),
                    pod=self._pod(section),
                    listens=tuple(_ports(section)),
                )
            )

    def _check_form(self, item: Item, section: Section) -> None:
        given = frozenset(key for key in _KEYS[1:] if section.get(key))
        forms = ({"observed", "equals"}, {"observed", "predicted"}, {"spread"}, {"pod", "listens"})
        if given not in forms:
            item.problem(
                "needs observed and equals, observed and predicted, spread, or pod and listens"
            )

    def _pod(self, section: Section) -> str:
        item = section.get("pod")
        if item is None:
            return ""
        name = item.literal()
        if not any(pod.name == self._assembly.prefix + name for pod in self._assembly.pods):
            item.problem(f"there is no pod {quote(name)}")
        return self._assembly.prefix + name


def terms(text: str) -> Iterator[tuple[int, str]]:
    """The terms of a sum of quantities, each with its sign (1 or -1)."""
    for sign, name in _TERM.findall(text):
        yield (-1 if sign == "-" else 1), name


def _sum(section: Section, key: str, known: Collection[str] = QUANTITIES) -> str:
    item = section.get(key)
    if item is None:
        return ""
    text = item.literal()
    if not _SUM.fullmatch(text):
        item.problem(f"{quote(text)} is not a sum of quantities")
        return text
    for _, name in terms(text):
        if name not in QUANTITIES:
            item.problem(f"there is no quantity {name!r}{item.nearest(name, known)}")
        elif name not in known:
            item.problem(f"{name} has no spread: it is counted in one place")
    return text


def _prediction(section: Section) -> str:
    item = section.get("predicted")
    if item is None:
        return ""
    name = item.literal()
    if name not in PREDICTIONS:
        item.problem(f"{quote(name)} is not predicted{item.nearest(name, PREDICTIONS)}")
    return name


def _ports(section: Section) -> Iterator[int]:
    if section.get("listens"):
        for item in section.elements("listens"):
            yield item.integer(*values.PORTS)

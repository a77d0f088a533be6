"""What a scenario says of measuring: the path of a request, meters, claims and the model.

All of it refers to containers by the names that they have in the scenario, and to quantities by
their dotted names (:mod:`lab.metrics.quantities`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from lab import models
from lab.metrics.laws import CLIENT
from lab.metrics.quantities import Quantities
from lab.spec import claims
from lab.spec.expressions import sum_of
from lab.topology import values
from lab.topology.document import Mapping, Sequence
from lab.topology.problems import quote
from lab.topology.spec import MeterSpec, ModelSpec, prefix

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from lab.spec.claims import Claim
    from lab.spec.expressions import Number
    from lab.topology.reader import Item, Section
    from lab.topology.spec import LabSpec

KEYS = ("path", "meters", "claims", "model")

_METER = ("container", "port", "path", "metric", "labels")
_MOST_HOPS = 200


class Measuring:
    """Collects what all files say of measuring; of a path or a model the last one counts."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._path: Item | None = None
        self._model: Item | None = None
        self._meters: dict[str, Item] = {}
        self._claims: dict[str, Item] = {}

    def find(self, section: Section) -> None:
        """Take in one file's part; it is read when the rest of the lab is known."""
        self._path = section.get("path") or self._path
        self._model = section.get("model") or self._model
        for key, found in (("meters", self._meters), ("claims", self._claims)):
            for name, item in section.entries(key).items():
                if name in found:
                    item.problem(f"{name!r} is there already, at {found[name].place}")
                found.setdefault(name, item)

    def complete(self, spec: LabSpec) -> LabSpec:
        """Add all of it to a spec that has its pods and kinds, noting problems."""
        services = spec.services()
        edges = _Path(services, spec.kinds).read(self._path) if self._path else ()
        meters = {name: _meter(name, item, services) for name, item in self._meters.items()}
        spec = msgspec.structs.replace(
            spec,
            path=tuple(dict.fromkeys(edges)),
            meters=meters,
            model=_model(self._model) if self._model else None,
        )
        taken = Quantities(msgspec.structs.replace(spec, meters={}))
        for name, item in self._meters.items():
            if taken.knows(name):
                item.problem(f"{name!r} is a quantity already")
        quantities = Quantities(spec)
        if self._path:
            _check_hops(self._path, spec, quantities)
        pods = [pod.name for pod in spec.pods]
        found = (
            _claim(name, item, quantities, pods, prefix(spec.name))
            for name, item in self._claims.items()
        )
        return msgspec.structs.replace(spec, claims=tuple(claim for claim in found if claim))


class _Path:
    """Reads a path: a list of hops, of which the last may be a mapping of one to its branches."""

    def __init__(self, services: Collection[str], kinds: dict[str, str]) -> None:
        self._services = services
        self._kinds = kinds
        self._count = 0

    def read(self, item: Item) -> tuple[tuple[str, str], ...]:
        elements = item.elements()
        if not elements:
            return ()
        if elements[0].literal() != CLIENT:
            elements[0].problem(f"a path begins with {CLIENT}")
            return ()
        return tuple(self._after(CLIENT, elements[1:]))

    def _after(self, caller: str, elements: tuple[Item, ...]) -> Iterator[tuple[str, str]]:
        for index, element in enumerate(elements):
            self._count += 1
            if self._count > _MOST_HOPS:
                if self._count == _MOST_HOPS + 1:
                    element.problem(f"a path has at most {_MOST_HOPS} hops")
                return
            if isinstance(element.node, Mapping):
                if index < len(elements) - 1:
                    element.problem("branches end a path: nothing can follow them here")
                for name, branches in element.entries().items():
                    yield caller, self._hop(name, branches)
                    yield from self._branches(name, branches)
                return
            name = self._hop(element.literal(), element)
            yield caller, name
            caller = name

    def _branches(self, caller: str, item: Item) -> Iterator[tuple[str, str]]:
        for element in item.elements():
            nested = isinstance(element.node, Sequence)
            yield from self._after(caller, element.elements() if nested else (element,))

    def _hop(self, name: str, item: Item) -> str:
        if name == CLIENT:
            item.problem(f"nothing calls {CLIENT}: it begins a path")
            return name
        service = name if name in self._services else name.rpartition(".")[0]
        if service not in self._services:
            near = item.nearest(service or name, self._services)
            item.problem(f"there is no container {quote(service or name)}{near}")
        return name


def _check_hops(path: Item, spec: LabSpec, quantities: Quantities) -> None:
    """Note the hops of a path that containers of known kinds do not have."""
    for hop in dict.fromkeys(name for edge in spec.path for name in edge):
        service = quantities.service(hop)
        if service in spec.kinds and hop not in quantities.hops:
            has = quantities.kinds[service].hops
            names = ", ".join(f"{service}.{name}" if name else service for name in has)
            path.problem(f"{service} has no hop {quote(hop)}: {names or 'no request passes it'}")


def _meter(name: str, item: Item, services: Collection[str]) -> MeterSpec:
    if fault := values.quantity(name):
        item.problem(f"{quote(name)} {fault}")
    section = item.section(_METER, required=("container", "port", "metric"))
    container = section.literal("container")
    if container and container not in services:
        item.problem(f"there is no container {quote(container)}{item.nearest(container, services)}")
    return MeterSpec(
        container=container,
        port=section.integer("port", *values.PORTS),
        path=section.checked("path", values.url_path, "/metrics"),
        metric=section.checked("metric", values.metric),
        labels={key: label.text() for key, label in section.entries("labels").items()},
    )


def _claim(
    name: str, item: Item, quantities: Quantities, pods: Collection[str], start: str
) -> Claim | None:
    if fault := values.name(name):
        item.problem(f"{quote(name)} {fault}")
    known = ("says", *dict.fromkeys(key for each in claims.TYPES for key in each.KEYS))
    section = item.section(known, required=("says",))
    kind = claims.type_for(key for key in known[1:] if section.get(key))
    if kind is None:
        forms = " · ".join(" and ".join(each.KEYS) for each in claims.TYPES)
        item.problem(f"says how it is tested by one of: {forms}")
        return None
    says = section.sentence("says")
    if kind is claims.Listens:
        pod = section.get("pod") or item
        called = start + pod.literal()
        if called not in pods:
            pod.problem(f"there is no pod {quote(pod.literal())}{pod.nearest(called, pods)}")
        ports = tuple(port.integer(*values.PORTS) for port in section.elements("listens"))
        return claims.Listens(name=name, says=says, pod=called, listens=ports)
    (key,) = kind.KEYS
    text = section.get(key) or item
    return _of_quantities(kind, key, text, quantities, name=name, says=says)


def _of_quantities(
    kind: type[Claim], key: str, item: Item, quantities: Quantities, *, name: str, says: str
) -> Claim | None:
    """A claim that is written as an expression, once its quantities are known to exist."""
    text = item.text()
    try:
        claim = kind(name=name, says=says, **{key: text})  # type: ignore[arg-type] # its one key
    except ValueError as error:
        item.problem(f"{quote(text)} {error}")
        return None
    for quantity in claim.quantities():
        if not quantities.knows(quantity):
            near = item.nearest(quantity, quantities.words)
            item.problem(
                f"there is no quantity {quote(quantity)}{near}; "
                f"there are {', '.join(quantities.alike(quantity))}"
            )
            return None
    if isinstance(claim, claims.Evenly):
        counted_by = {source.service for source in quantities.meters(claim.sum).values()}
        if len(counted_by) != 1:
            item.problem(f"{quote(text)} is not counted by the replicas of one container")
    return claim


def _model(item: Item) -> ModelSpec | None:
    """The model: its kind and every parameter that is set, as numbers."""
    found = item.entries()
    kind = found.pop("kind", None)
    name = kind.literal() if kind else ""
    if name not in models.NAMES:
        near = item.nearest(name, models.NAMES)
        item.problem(f"kind {quote(name)} is not one of {', '.join(models.NAMES)}{near}")
        return None
    known = models.parameters(name)
    given: dict[str, float] = {}
    for key, value in found.items():
        if key not in known:
            value.problem(f"the model {name} has no such parameter{value.nearest(key, known)}")
        elif not value.omitted:
            low, high = known[key]
            number = value.converted(_number)
            if not low <= number <= high:
                value.problem(f"is out of range: {low} to {high}")
            given[key] = float(number)
    for key in models.required(name):
        if key not in found:
            item.problem(f"{key} is missing")
    return ModelSpec(kind=name, parameters=given)


def _number(text: str) -> Number:
    """A number with a unit; ValueError for anything else."""
    found = sum_of(text)
    value = found.value({}) if not found.names() else None
    if value is None:
        raise ValueError("is not a number such as 3, 20% or 100ms")
    return value

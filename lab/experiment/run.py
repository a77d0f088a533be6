"""One run: traffic between two snapshots of every counter, reconciled, recorded and judged."""

from __future__ import annotations

import os
import platform
import re
import secrets
import signal
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec

from lab import __version__, interruption
from lab.errors import AbsentError, LabError
from lab.images import contexts
from lab.interruption import Interrupted
from lab.measure import records
from lab.measure.records import Host, Image, Record
from lab.measure.traffic.pour import pour
from lab.metrics.graphs import FILE as TIMELINE
from lab.metrics.graphs import timeline
from lab.metrics.ledger import Client, reconcile
from lab.metrics.prometheus import Prometheus
from lab.metrics.quantities import Quantities
from lab.metrics.scrape import Delta, Scrape, Snapshot
from lab.metrics.snapshot import snapshot
from lab.spec.claims import Listens
from lab.topology.graphs import PROMETHEUS
from lab.verdicts.assess import assess

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AbstractContextManager

    from lab.converge.observed import Observed
    from lab.interruption import Held
    from lab.lifecycle import Lab
    from lab.measure.traffic.load import Order
    from lab.topology.spec import LabSpec

    Pouring = Callable[[Order], AbstractContextManager[Callable[[int, int], None]]]
    """Shows the progress of a load, which is told to what its context gives."""


class Purpose(msgspec.Struct, frozen=True, kw_only=True):
    """Why a run is made: its kind (``load``, ``compare`` ...) and the experiment it is part of."""

    kind: str = "load"
    experiment: str = ""


def present(lab: Lab, name: str) -> tuple[LabSpec, Observed]:
    """What a lab was made from, and what podman holds of it.

    Raises :class:`AbsentError` when there is no lab of that name to send traffic to.
    """
    observed = lab.engine.observe(name)
    spec = observed.recorded()
    if spec is None or not observed.my_pods():
        raise AbsentError(f"no lab named {name} is up", hint="start one: `lab up direct`")
    return spec, observed


def target(spec: LabSpec) -> str:
    """The URL that traffic is poured on. Raises :class:`AbsentError` when none is published."""
    for port in spec.ports():
        if port.name == spec.entry:
            return port.url
    raise AbsentError(f"{spec.scenario} publishes no port that traffic could go to")


def measure(
    lab: Lab, name: str, order: Order, tell: Callable[[int, int], None], purpose: Purpose
) -> Record:
    """Pour an order of traffic on a lab, reconcile what was counted, record and judge the run.

    ``order.url`` is filled in when it is empty. Where Prometheus does not answer the run goes
    on, and what it would have said is recorded as not measured. A signal ends the traffic early,
    and the run is recorded as far as it came; a second one waits for no more counters.
    """
    spec, observed = present(lab, name)
    if not order.url:
        order = msgspec.structs.replace(order, url=target(spec))
    began = datetime.now(UTC)
    quantities = Quantities(spec)
    before = _snapshot(spec, quantities, None)
    with interruption.held("the run was not recorded") as held:
        load = pour(order, tell, held)
        after = _snapshot(spec, quantities, before, held)
        containers, earlier = container_ids(observed), processes(observed)
        observed = lab.engine.observe(name)
        after = with_replaced(after, spec, earlier, processes(observed))
        load = msgspec.structs.replace(load, signal=held.first)
        delta = Delta(before, after, quantities.growing, quantities.start_times)
        client = Client(sent=load.sent, succeeded=load.succeeded, failed=load.errors)
        record = Record(
            id=f"{began:%Y%m%d-%H%M%S}-{_slug(spec.scenario)}-{secrets.token_hex(2)}",
            began=began,
            kind=purpose.kind,
            experiment=purpose.experiment,
            spec=spec,
            containers=containers,
            images=_images(lab, spec),
            host=_host(lab),
            load=load,
            before=before,
            after=after,
            ledger=reconcile(client, delta, quantities),
            skipped=_answers_before(quantities, delta),
            listening=_listening(lab, spec, observed),
        )
        # Measured data is safe before anything else is made of it.
        records.save(record, _configurations(spec) | _timeline(spec, quantities, before))
        records.save_verdicts(record.id, assess(record))
    if held.first is not None and load.signal is None:  # it came while the run was recorded
        raise Interrupted(held.first, f"run {record.id} is recorded")
    return record


def completed(record: Record) -> Record:
    """The record of a run that was not interrupted.

    Raises :class:`lab.interruption.Interrupted` for one that was, as a signal does outside of a
    load: so the experiment that the run is part of ends too.
    """
    if record.load.partial or record.load.signal:
        far = " as far as it came" if record.load.partial else ""
        number = record.load.signal or signal.SIGINT
        raise Interrupted(number, f"run {record.id} is recorded{far}")
    return record


def warm_up(order: Order, pouring: Pouring) -> None:
    """Pour traffic of which nothing is recorded.

    Raises :class:`lab.interruption.Interrupted` when a signal ended it.
    """
    with pouring(order) as tell:
        if number := pour(order, tell).signal:
            raise Interrupted(number, "nothing was recorded yet")


def container_ids(observed: Observed) -> dict[str, str]:
    """The ids of everything in the lab's pods, whoever made it, by name."""
    mine = {pod.id for pod in observed.my_pods()}
    return {c.name: c.id for c in observed.containers if c.pod in mine and not c.infra}


def processes(observed: Observed) -> dict[str, str]:
    """What tells apart the processes in the lab's pods: a container can be started anew."""
    pids = {c.name: c.pid for c in observed.containers}
    return {name: f"{id_} {pids[name]}" for name, id_ in container_ids(observed).items()}


def with_replaced(
    after: Snapshot, spec: LabSpec, earlier: Mapping[str, str], later: Mapping[str, str]
) -> Snapshot:
    """Mark what services say that have other :func:`processes` now than ``earlier``.

    Their counters alone do not tell, when the old ones were scraped before they had counted as
    much as the new ones at their first scrape.
    """
    new = {name for name, id_ in later.items() if id_ != earlier.get(name)}
    replaced = {service for service, names in spec.services().items() if new.intersection(names)}
    scrapes = (
        msgspec.structs.replace(scrape, restarted=scrape.restarted or scrape.service in replaced)
        for scrape in after.scrapes
    )
    return Snapshot(after.asked, tuple(scrapes))


def _snapshot(
    spec: LabSpec, quantities: Quantities, since: Snapshot | None, held: Held | None = None
) -> Snapshot:
    url = _prometheus(spec)
    problem = f"{spec.scenario} has no port named {PROMETHEUS}"
    if url:
        try:
            hurried = (lambda: held.hurried) if held else None
            return snapshot(Prometheus(url), quantities, since=since, hurried=hurried)
        except LabError as error:
            problem = error.message
    scrapes = (Scrape(service=each.service, problem=problem) for each in quantities.targets)
    return Snapshot(0.0, tuple(scrapes))


def _timeline(spec: LabSpec, quantities: Quantities, before: Snapshot) -> dict[str, str]:
    """The run's time line as a file; none where the run itself could not be measured."""
    url = _prometheus(spec)
    if not url or not before.asked:
        return {}
    try:
        found = timeline(Prometheus(url), quantities, before.asked)
    except LabError:
        return {}
    return {TIMELINE: msgspec.json.encode(found).decode()}


def _prometheus(spec: LabSpec) -> str:
    return next((port.url for port in spec.ports() if port.name == PROMETHEUS), "")


def _answers_before(quantities: Quantities, delta: Delta) -> int | None:
    """How many answers the last hop of the path had given before, where that is known."""
    last = quantities.last
    counts = [
        delta.begin(source.service, source.meter)
        for source in (quantities.sources.get(f"{last}.{name}") for name in ("succeeded", "failed"))
        if source
    ]
    known = [count for count in counts if count is not None]
    return round(sum(known)) if known and len(known) == len(counts) else None


def _listening(lab: Lab, spec: LabSpec, observed: Observed) -> dict[str, tuple[int, ...] | None]:
    """The ports open beyond loopback in every pod that a claim asks about."""
    pods = {claim.pod for claim in spec.claims if isinstance(claim, Listens)}
    return {pod: _listeners(lab, observed, pod) for pod in sorted(pods)}


def _listeners(lab: Lab, observed: Observed, pod_name: str) -> tuple[int, ...] | None:
    pod = observed.pod(pod_name)
    running = [c.pid for c in observed.members(pod) if c.pid] if pod else []
    found = lab.engine.listeners(running[0]) if running else None
    return None if found is None else tuple(sorted(found))


def _images(lab: Lab, spec: LabSpec) -> tuple[Image, ...]:
    used = dict.fromkeys(container.image for _, container in spec.containers())
    found = ((reference, lab.engine.images.inspect(reference)) for reference in used)
    return tuple(
        Image(reference=reference, id=stored.id, digest=stored.digest, labels=stored.labels)
        for reference, stored in found
        if stored
    )


def _host(lab: Lab) -> Host:
    return Host(
        machine=platform.machine(),
        kernel=platform.release(),
        processors=os.cpu_count() or 0,
        memory=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        python=platform.python_version(),
        lab=__version__,
        podman=lab.engine.version,
    )


def _configurations(spec: LabSpec) -> dict[str, str]:
    """The rendered configuration files of every image, as they were built in.

    Only as many and as much as a record takes, and none of a context that has gone since: a run
    is not lost for want of its configuration.
    """
    found: dict[str, str] = {}
    left = records.MOST_BYTES // 2
    for image in spec.images:
        try:
            files = contexts.configurations(image)
        except LabError:
            continue
        for path, content in files.items():
            left -= len(content.encode())
            if left > 0 and len(found) < records.MOST_FILES // 2:
                name = re.sub(r"[^\w.-]", "-", f"{image.name}-{path}", flags=re.ASCII)[-200:]
                found[name] = content
    return found


def _slug(scenario: str) -> str:
    """The scenario's name for an id: of a path, the file's name without its suffix."""
    name = scenario.rsplit("/", 1)[-1].removesuffix(".yaml").removesuffix(".yml")
    return "".join(c if c.isalnum() else "-" for c in name.lower())[:20] or "scenario"

"""From what is wanted and what is there to what has to be done. Pure.

The order of every plan: images, then the record of what was asked for, then removals, then the
network and volumes, then pods with their containers. Nothing that runs is touched before every
image is there, so that a build that fails leaves the lab as it was.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.converge import defects
from lab.converge.observed import INCOMPLETE, PAUSED, RUNNING, STARTABLE
from lab.converge.plan import Kind, Plan, RecordSpec
from lab.converge.sketch import Ids, Sketch
from lab.topology.spec import network_name, prefix

if TYPE_CHECKING:
    from lab.converge.observed import Observed, SeenPod
    from lab.topology.spec import LabSpec, PodSpec

HOLDS_DATA = "it holds the data of earlier runs"
MISSING = "it does not exist"


def diff(spec: LabSpec | None, observed: Observed, *, volumes: bool = False) -> Plan:
    """The plan that turns ``observed`` into ``spec``, or removes the lab when spec is None.

    ``volumes`` extends a removal to the lab's data volumes. Foreign resources are never part
    of a plan; :func:`lab.converge.conflicts.check` refuses the ones in the way.
    """
    sketch = Sketch(observed.lab, _not_needed_first(spec) if spec else ())
    for left in observed.abandoned():
        sketch.remove(Kind.CONTAINER, left.name, "its build was interrupted", (), target=left.id)
    if spec is None:
        _remove_all(sketch, observed, volumes=volumes)
    else:
        _converge(sketch, spec, observed)
    return sketch.plan()


def record_of(spec: LabSpec) -> RecordSpec:
    """The volume that remembers this spec; its name changes with the spec."""
    return RecordSpec(name=f"{prefix(spec.name)}lab-record-{spec.digest}", spec=spec.to_json())


def _converge(sketch: Sketch, spec: LabSpec, observed: Observed) -> None:
    images = _images(sketch, spec, observed)
    first = images + _record(sketch, spec, observed, images)
    doomed = _doomed_pods(spec, observed)
    removed = _remove_pods(sketch, observed, doomed, first)
    strays = _remove_strays(sketch, spec, observed, doomed, first)
    removed += strays.pop("", ())
    removed += _remove_half_made(sketch, observed, spec.names(), first)
    base = first + removed
    base += (
        _firewall(sketch, spec, observed, first)
        + _network(sketch, spec, observed, base)
        + _volumes(sketch, spec, observed, first)
        + _secrets(sketch, spec, observed, first)
    )
    for pod in spec.pods:
        seen = observed.pod(pod.name)
        if seen is None:
            sketch.new_pod(pod, MISSING, base)
        elif seen.id in doomed:
            sketch.new_pod(pod, doomed[seen.id], base)
        else:
            _old_pod(sketch, pod, seen, observed, base, strays.get(seen.id, ()))
    wanted = {secret.name for secret in spec.secrets}
    for secret in observed.my_secrets():
        if secret.name not in wanted:  # last: what has it could not be started again without it
            sketch.remove(Kind.SECRET, secret.name, "nothing uses it any more", sketch.removals())


def _not_needed_first(spec: LabSpec) -> frozenset[str]:
    """The pods without which service A can answer: Prometheus, which only watches."""
    needed = [pod for pod in spec.pods if any(port.name == spec.entry for port in pod.ports)]
    if not needed:
        return frozenset()
    others = {pod.address: pod for pod in spec.pods if pod not in needed}
    for pod in needed:  # grows while it is gone through
        called = [address for addresses in pod.hosts.values() for address in addresses]
        needed += [others.pop(address) for address in called if address in others]
    return frozenset(pod.name for pod in others.values())


def _images(sketch: Sketch, spec: LabSpec, observed: Observed) -> Ids:
    """Build the images that are missing; a base only when something is built on it."""
    used = {container.image for _, container in spec.containers()}
    missing = [i for i in spec.images if not observed.image_id(i.reference)]
    bases = {image.base for image in missing if image.reference in used}
    made: Ids = ()
    for image in spec.images:
        if image.reference not in used and image.name not in bases:
            continue
        if image in missing:
            needs = tuple(step for step in made if step == f"build image {image.base}")
            because = f"{image.reference} is not in podman's storage"
            made += (sketch.build(image, because, needs),)
        else:
            sketch.keep(Kind.IMAGE, image.name, "it is in podman's storage")
    return made


def _record(sketch: Sketch, spec: LabSpec, observed: Observed, needs: Ids) -> Ids:
    """Write the new record before the old ones go: there is one at any time."""
    wanted = record_of(spec)
    found = observed.records()
    made: Ids = ()
    if found and found[0].name == wanted.name:
        sketch.keep(Kind.RECORD, wanted.name, "the scenario did not change")
    else:
        if any(record.name == wanted.name for record in found):
            made += (sketch.remove(Kind.RECORD, wanted.name, "a newer one exists", needs),)
        because = f"it stores {spec.scenario}"
        made += (sketch.create(Kind.RECORD, wanted, because, needs + made),)
    for record in found:
        if record.name != wanted.name:
            sketch.remove(Kind.RECORD, record.name, f"{spec.scenario} replaces it", needs + made)
    return made


def _network_is_new(spec: LabSpec, observed: Observed) -> bool:
    seen = next((n for n in observed.networks if n.name == spec.network.name), None)
    return seen is None or seen.digest != spec.network.digest


def _doomed_pods(spec: LabSpec, observed: Observed) -> dict[str, str]:
    """The ids of our pods that cannot stay, and why."""
    wanted = {pod.name: pod for pod in spec.pods}
    network_is_new = _network_is_new(spec, observed)
    doomed: dict[str, str] = {}
    for pod in observed.my_pods():
        if pod.name not in wanted:
            doomed[pod.id] = f"{spec.scenario} has no such pod"
        elif network_is_new:
            doomed[pod.id] = "its network is recreated"
        elif defect := defects.of_pod(wanted[pod.name], pod, observed.members(pod)):
            doomed[pod.id] = defect
    return doomed


def _remove_pods(sketch: Sketch, observed: Observed, doomed: dict[str, str], needs: Ids) -> Ids:
    return tuple(
        sketch.remove(Kind.POD, pod.name, doomed[pod.id], needs, target=pod.id)
        for pod in observed.my_pods()
        if pod.id in doomed
    )


def _remove_strays(
    sketch: Sketch, spec: LabSpec, observed: Observed, doomed: dict[str, str], needs: Ids
) -> dict[str, Ids]:
    """Remove our containers that the scenario does not have, or has in another pod.

    The steps by the id of the pod that alone has to wait for them; under "" those for which
    everything waits, since a name is wanted elsewhere.
    """
    homes = {container.name: pod.name for pod, container in spec.containers()}
    pods = {pod.id: pod.name for pod in observed.my_pods()}
    removed: dict[str, Ids] = {}
    for container in observed.my_containers():
        home = homes.get(container.name)
        if container.pod in doomed or (home and pods.get(container.pod) == home):
            continue
        because = f"it is not in {home}" if home else f"{spec.scenario} has no such container"
        step = sketch.remove(Kind.CONTAINER, container.name, because, needs, target=container.id)
        waits = container.pod if container.pod in pods and not home else ""
        removed[waits] = (*removed.get(waits, ()), step)
    return removed


def _remove_half_made(sketch: Sketch, observed: Observed, names: frozenset[str], needs: Ids) -> Ids:
    """Remove what podman left when it was killed while it made one of our containers.

    Without labels only names tell whose it is: those of this spec and of what was recorded.
    """
    return tuple(
        sketch.remove(Kind.CONTAINER, left.name, "it was never finished", needs, target=left.id)
        for left in observed.half_made(names | observed.recorded_names())
    )


def _network(sketch: Sketch, spec: LabSpec, observed: Observed, needs: Ids) -> Ids:
    if not _network_is_new(spec, observed):
        sketch.keep(Kind.NETWORK, spec.network.name)
        return ()
    because = MISSING
    for network in observed.networks:
        if network.mine:
            because = "its subnet changed"
            needs += (sketch.remove(Kind.NETWORK, network.name, because, needs),)
    return (sketch.create(Kind.NETWORK, spec.network, because, needs),)


def _firewall(sketch: Sketch, spec: LabSpec, observed: Observed, needs: Ids) -> Ids:
    """Set the rules on the host before anything is on the network that they guard."""
    network = spec.network
    if observed.firewall is None:
        return ()
    if observed.firewall == network.subnet:
        sketch.keep(Kind.FIREWALL, network.name)
        return ()
    because = MISSING
    if observed.firewall:
        gone = observed.firewall == INCOMPLETE
        because = "some of its rules are gone" if gone else "the network's subnet changed"
    return (sketch.create(Kind.FIREWALL, network, because, needs),)


def _volumes(sketch: Sketch, spec: LabSpec, observed: Observed, needs: Ids) -> Ids:
    present = {volume.name for volume in observed.volumes}
    made: Ids = ()
    for volume in spec.volumes:
        if volume.name in present:
            sketch.keep(Kind.VOLUME, volume.name, HOLDS_DATA)
        else:
            made += (sketch.create(Kind.VOLUME, volume, MISSING, needs),)
    return made


def _secrets(sketch: Sketch, spec: LabSpec, observed: Observed, needs: Ids) -> Ids:
    present = {secret.name for secret in observed.my_secrets()}
    made: Ids = ()
    for secret in spec.secrets:
        if secret.name in present:
            sketch.keep(Kind.SECRET, secret.name, "its value is the same")
        else:
            made += (sketch.create(Kind.SECRET, secret, MISSING, needs),)
    return made


def _old_pod(
    sketch: Sketch, pod: PodSpec, seen: SeenPod, observed: Observed, needs: Ids, strays: Ids
) -> None:
    """A pod that stays: start it when it was stopped, then look at each container.

    What goes may listen where something new is to listen: the containers of a pod share its
    ports. So they are created while others go, and started when all that goes is gone.
    """
    sketch.keep(Kind.POD, pod.name)
    members = {member.name: member for member in observed.members(seen) if member.mine}
    infra = defects.infra_of(tuple(members.values()))
    stopped = infra is not None and infra.state != RUNNING
    if stopped:
        # This starts every container that is in the pod already.
        needs += (sketch.start(Kind.POD, seen, "it was stopped", needs + strays),)
    found = {
        wanted.name: defects.of_container(wanted, member, observed.image_id(wanted.image))
        for wanted in pod.containers
        if (member := members.get(wanted.name))
    }
    going = {
        name: sketch.remove(Kind.CONTAINER, name, defect, needs, target=members[name].id)
        for name, defect in found.items()
        if defect
    }
    gone = (*strays, *going.values())
    for wanted in pod.containers:
        name = wanted.name
        member = members.get(name)
        if member is None:
            sketch.new_container(pod.name, wanted, MISSING, needs, gone)
        elif name in going:
            sketch.new_container(pod.name, wanted, found[name], (*needs, going[name]), gone)
        elif defects.completed(wanted, member):
            sketch.keep(Kind.CONTAINER, name, "it has completed")
        elif member.state == PAUSED:
            sketch.resume(member, "it was paused", needs)
        elif member.state in STARTABLE and not stopped:
            sketch.start(Kind.CONTAINER, member, "it was stopped", needs + gone)
        else:
            sketch.keep(Kind.CONTAINER, name)


def _remove_all(sketch: Sketch, observed: Observed, *, volumes: bool) -> None:
    because = "the lab goes down"
    pods = {pod.id: because for pod in observed.my_pods()}
    removed = _remove_pods(sketch, observed, pods, ())
    for container in observed.my_containers():
        if container.pod not in pods:
            target = container.id
            step = sketch.remove(Kind.CONTAINER, container.name, because, (), target=target)
            removed += (step,)
    removed += _remove_half_made(sketch, observed, frozenset(), ())
    for network in observed.networks:
        if network.mine:
            removed += (sketch.remove(Kind.NETWORK, network.name, because, removed),)
    for secret in observed.my_secrets():
        removed += (sketch.remove(Kind.SECRET, secret.name, because, sketch.removals()),)
    if observed.firewall:
        name = network_name(observed.lab)
        removed += (sketch.remove(Kind.FIREWALL, name, because, removed),)
    for record in observed.records():
        # Last: while anything is left, status can still say what it belonged to.
        sketch.remove(Kind.RECORD, record.name, because, removed)
    _data(sketch, observed, removed, volumes=volumes)


def _data(sketch: Sketch, observed: Observed, removed: Ids, *, volumes: bool) -> None:
    """The volumes that a lab leaves when it goes down, unless they are to go as well."""
    for volume in observed.volumes:
        if volume.mine and not volume.spec and volumes:
            sketch.remove(Kind.VOLUME, volume.name, "--volumes was given", removed)
        elif volume.mine and not volume.spec:
            sketch.keep(Kind.VOLUME, volume.name, HOLDS_DATA)

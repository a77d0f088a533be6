"""The engine on podman: observing, executing steps, reading logs, over libpod's HTTP API.

Requests are sent as they are (:mod:`lab.engine.wire`, or podman-py's ``APIClient``) rather than
through podman-py's resource managers, which drop or rewrite parts of what is sent. Observing
uses list calls only: they take 4 ms each and, unlike inspect, never block while a pod is being
removed.
"""

from __future__ import annotations

import json
import os
from contextlib import nullcontext, suppress
from datetime import datetime
from functools import cached_property
from ipaddress import ip_network
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import unquote

import msgspec

from lab.converge.observed import (
    ABANDONED,
    DIGEST,
    HALF_MADE,
    LAB,
    RECORD,
    Observed,
    SeenContainer,
    SeenNetwork,
    SeenPod,
    SeenVolume,
)
from lab.converge.plan import Action, Kind, RecordSpec
from lab.engine import (
    early,
    firewall,
    host,
    leftovers,
    listeners,
    logs,
    payloads,
    routes,
    secrets,
    service,
    versions,
    working,
)
from lab.engine.errors import translated
from lab.engine.ownership import OWNER, owns, owns_container
from lab.engine.wire import UnixApi
from lab.errors import AddressTakenError, AlreadyThereError, EngineError
from lab.topology.spec import (
    ContainerSpec,
    NetworkSpec,
    PodSpec,
    SecretSpec,
    VolumeSpec,
    network_name,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractContextManager

    from podman.api import APIClient

    from lab.converge.plan import Step
    from lab.engine.builds import Images
    from lab.engine.logs import Line
    from lab.engine.wire import Answer, Api

LOG_FILES = frozenset({"k8s-file", "json-file"})
"""The log drivers of podman that write conmon's format; both names mean the same."""
S = TypeVar("S", SeenContainer, SeenNetwork, SeenPod, SeenVolume)

MOST_PORTS = 65535
FOUND = 200
NOT_FOUND = 404
CONFLICT = 409
FAILED = 500
TAKEN = "IPAM error: requested ip address"
"""How podman begins to say that a static address has a lease, be its holder dead or alive."""
EXISTS = frozenset(
    {
        "container already exists",
        "network already exists",
        "pod already exists",
        "secret name in use",
        "that name is already in use",
        "volume already exists",
    }
)
"""The causes that podman gives when it does not create something because it is there."""
LISTINGS = 5
"""How often to ask for a list: what somebody removes meanwhile makes all of it fail (4.3.1)."""
REMOVE_SECONDS = 5
"""Seconds between SIGTERM and SIGKILL when something is removed; lab's services need 0.1."""

COLLECTION = {
    Kind.POD: "/pods",
    Kind.CONTAINER: "/containers",
    Kind.NETWORK: "/networks",
    Kind.VOLUME: "/volumes",
    Kind.RECORD: "/volumes",
    Kind.IMAGE: "/images",
    Kind.SECRET: "/secrets",
}


def connect(url: str = "") -> PodmanEngine:
    """Find or start podman's service and make sure that it can be worked with.

    Raises :class:`EngineError` when it cannot be reached or is too old.
    """
    found = early.find(url)
    api = _open(found)
    try:
        version = _greet(api, found)
    except EngineError:
        api.close()
        raise
    return PodmanEngine(api, found, version)


def _open(found: service.Service) -> Api:
    """The quick way where there is one, else podman-py."""
    if found.url.startswith(service.UNIX):
        return UnixApi(unquote(found.url.removeprefix(service.UNIX)))
    return _client(found)


def _client(found: service.Service) -> APIClient:
    from podman.api import APIClient

    try:
        client = APIClient(base_url=found.url)
    except ValueError as error:
        msg = f"{found.origin} is not an address of a podman service: {found.url}"
        raise EngineError(
            msg, hint="use unix:///path, ssh://user@host/path or tcp://host:port"
        ) from error
    # Podman's own remote client asks no proxy for its service either.
    client.trust_env = False
    return client


def _greet(api: Api, found: service.Service) -> str:
    """Return the service's version; raise EngineError unless it is a podman that is new enough."""
    try:
        with translated("say hello"):
            answer = api.get("/_ping")
            answer.raise_for_status()
    except EngineError as error:
        msg = f"no podman service answers at {found.url} (from {found.origin})"
        raise EngineError(
            msg, hint="check the address, or leave it out: lab starts a service itself"
        ) from error
    version: str = answer.headers.get("libpod-api-version", "")
    versions.check(versions.parse(version))
    return version


class PodmanEngine:
    """An :class:`lab.engine.Engine` on a podman service; safe to use from several threads."""

    def __init__(self, api: Api, found: service.Service, version: str) -> None:
        """Work through a connection that has been checked by :func:`connect`."""
        self.api = api
        self.version = version
        self.service = found
        self.local = service.is_local(found, api.peer if isinstance(api, UnixApi) else 0)
        self._guards = firewall.trouble(found.url, local=self.local)
        self._pod_ids: dict[str, str] = {}
        """The ids of the pods that were observed or created, by name: containers carry them."""

    @cached_property
    def _limits(self) -> bool:
        """Whether memory and process limits can be set: not without root on cgroup v1."""
        if self.local:
            found = host.look()
            return not found.rootless or found.cgroups == "v2"
        with translated("ask for the limits of podman's host"):
            answer = self.api.get("/info")
            answer.raise_for_status()
            elsewhere = answer.json()["host"]
            rootless = elsewhere["security"]["rootless"]
            return not rootless or elsewhere["cgroupVersion"] == "v2"

    @cached_property
    def client(self) -> APIClient:
        """podman-py's client of the same service, for what is streamed."""
        return _client(self.service)

    @cached_property
    def images(self) -> Images:
        """The service's images."""
        from lab.engine.builds import Images

        return Images(self.client, capped=self._limits, local=self.local)

    def observe(self, lab: str) -> Observed:
        """List what podman holds, with this lab's own marked.

        No images: podman takes longer to list all that a user has than for all else together.
        """
        guarded = firewall.looking(network_name(lab)) if self._guards == "" else nullcontext()
        with guarded as rules, translated("look at what is there"):
            networks = tuple(_network(lab, item) for item in self._list("/networks/json"))
            subnets = tuple(subnet for network in networks for subnet in network.subnets)
            pods = self._list("/pods/json")
            infra = frozenset(pod.get("InfraId") or "" for pod in pods)
            seen = tuple(_pod(lab, item) for item in pods)
            self._pod_ids |= {pod.name: pod.id for pod in seen if pod.mine}
            others = frozenset(pod.id for pod in seen if not pod.mine)
            return Observed(
                lab=lab,
                pods=seen,
                containers=tuple(
                    _container(lab, item, infra, others)
                    for item in self._list("/containers/json", all="true", external="true")
                    # Other programs' containers in podman's storage; Buildah's call themselves so.
                    if item.get("State") != HALF_MADE
                    or item.get("Command") == [HALF_MADE]
                    or _abandoned(item)
                ),
                networks=networks,
                volumes=tuple(_volume(lab, item) for item in self._list("/volumes/json")),
                secrets=tuple(secrets.find(self.api, lab, self._list("/secrets/json"))),
                subnets_in_use=(*subnets, *(routes.in_use() if self.local else ())),
                firewall=rules() if rules else None,
                exposed=self._guards or "",
            )

    def containers_of(self, lab: str) -> tuple[SeenContainer, ...]:
        """List those that have the lab's label and are its own."""
        with translated("look at what runs"):
            wanted = json.dumps({"label": [f"{LAB}={lab}"]})
            found = self._list("/containers/json", all="true", filters=wanted)
            infra = frozenset(item["Id"] for item in found if item.get("IsInfra"))
            listed = (_container(lab, item, infra, frozenset()) for item in found)
            return tuple(container for container in listed if container.mine)

    def image_id(self, reference: str) -> str:
        """Ask podman, which knows what a short name stands for."""
        with translated(f"look for image {reference}"):
            answer = self.api.get(f"/images/{reference}/json")
            if answer.status_code == NOT_FOUND:
                return ""
            answer.raise_for_status()
            found: str = answer.json()["Id"]
            return found

    def execute(self, step: Step) -> None:
        """Carry out a create, start, resume or remove."""
        with translated(step.id):
            match step.action:
                case Action.CREATE:
                    self._create(step)
                case Action.START:
                    self._post(f"{COLLECTION[step.kind]}/{step.target}/start")
                case Action.RESUME:
                    self._post(f"{COLLECTION[step.kind]}/{step.target}/unpause")
                case Action.REMOVE:
                    self._remove(step)
                case Action.BUILD:
                    msg = "images are built by lab.images"
                    raise AssertionError(msg)

    def create_secret(self, step: Step, value: str) -> None:
        """Send the value in the body of a request, which podman writes down nowhere."""
        from lab.converge.secrets import fingerprint

        assert isinstance(step.subject, SecretSpec), step.id  # noqa: S101 - as the plan has it
        with translated(step.id):
            params = payloads.secret(step.lab, step.subject, fingerprint(value))
            self._post("/secrets/create", value.encode(), params)

    def logs(
        self,
        container: str,
        *,
        tail: int | None = None,
        since: datetime | None = None,
        follow: bool = False,
    ) -> Iterator[Line]:
        """Yield a container's standard output and error, line by line."""
        with translated(f"read the log of {container}"):
            entries = self._stored(container, tail, follow=follow)
            if entries is None:
                entries = logs.frames(self._log(container, tail, since, follow=follow))
            begin = since.timestamp() * logs.SECOND if since else 0
            yield from logs.whole(each for each in entries if each.time >= begin)

    def _stored(self, container: str, tail: int | None, *, follow: bool) -> Iterator[Line] | None:
        """A log from the file in which podman keeps it, where it is on this machine."""
        if not self.local:
            return None
        answer = self.api.get(f"/containers/{container}/json")
        if answer.status_code != FOUND:
            return None
        found = answer.json()["HostConfig"]["LogConfig"]
        path: str = found["Path"]
        if found["Type"] not in LOG_FILES or not os.access(path, os.R_OK):
            return None
        wait = logs.Bell(self._log(container, 0, None, follow=True)).wait if follow else None
        return logs.stored(path, tail=tail, wait=wait)

    def _log(
        self, container: str, tail: int | None, since: datetime | None, *, follow: bool
    ) -> Iterator[bytes]:
        """A log as podman sends it; what is followed is only answered once there is a line."""
        params = {"stdout": "true", "stderr": "true", "timestamps": "true"}
        params["follow"] = str(follow).lower()
        if tail is not None:
            params["tail"] = str(tail)
        if since is not None:
            params["since"] = since.isoformat()
        answer = self.client.get(f"/containers/{container}/logs", params=params, stream=True)
        answer.raise_for_status()
        yield from answer.iter_content(chunk_size=None)

    def listeners(self, pid: int) -> frozenset[int] | None:
        """Ask this host's kernel; a service elsewhere has its processes there."""
        if not self.local:
            return None
        return listeners.beyond_loopback(pid)

    def detour(self, network: NetworkSpec) -> str:
        """Ask this host's kernel, which has a route to the networks of its own root's podman."""
        if not self.local or self._guards is None:
            return ""
        source = routes.source(network.subnet.partition("/")[0])
        if source == network.gateway:
            return ""
        way = "nowhere" if source == routes.NOWHERE else f"elsewhere, from {source}"
        return (
            f"this machine sends what is for {network.subnet} {way}: a routing rule, such as a "
            "VPN's, goes before the lab's network (see `ip rule`)"
        )

    def lock(self, lab: str, waiting: Callable[[str], None]) -> AbstractContextManager[None]:
        """Hold a lock on this machine: what is on others is not kept out."""
        return service.lab_lock(lab, waiting)

    def retire(self) -> None:
        """Stop the private service, unless a lab is left or another process uses it.

        Podman has its settings read again whenever a container ends, so they have to stay as
        long as there is one.
        """
        if not self.service.private:
            return
        with suppress(EngineError):  # it is gone already
            # Of pods, since containers have the labels of their images.
            if not self._list("/pods/json", filters=json.dumps({"label": [OWNER]})):
                self.api.close()
                service.stop_private()

    def _list(self, path: str, **params: str) -> list[dict[str, Any]]:
        with translated(f"list {path.split('/')[1]}"):
            for _ in range(LISTINGS):
                answer = self.api.get(path, params=params)
                if answer.status_code != FAILED:
                    break
            answer.raise_for_status()
            return answer.json() or []

    def _post(
        self,
        path: str,
        body: Mapping[str, Any] | bytes | None = None,
        params: Mapping[str, str] | None = None,
    ) -> Answer:
        data = body if body is None or isinstance(body, bytes) else json.dumps(body)
        answer = self.api.post(path, params=params, data=data)
        if found := _existing(answer):
            raise AlreadyThereError(found)
        if answer.status_code == CONFLICT:
            # A pod's start collects one message for each container instead of a cause.
            errors = answer.json().get("Errs") or [answer.json().get("cause", answer.text)]
            said = "; ".join(dict.fromkeys(_plain(error) for error in errors))
            raise (AddressTakenError if TAKEN in said else EngineError)(said)
        answer.raise_for_status()
        return answer

    def _create(self, step: Step) -> None:
        lab = step.lab
        match step.subject:
            case NetworkSpec() as spec if step.kind is Kind.FIREWALL:
                firewall.create(spec)
            case NetworkSpec() as spec:
                self._post(
                    "/networks/create", payloads.network(lab, spec, isolate=self._guards != "")
                )
            case RecordSpec() as spec:
                self._create_record(lab, spec)
            case VolumeSpec() as spec:
                self._post("/volumes/create", payloads.volume(lab, spec))
            case PodSpec() as spec:
                self._create_pod(step, spec)
            case ContainerSpec() as spec:
                body = payloads.container(lab, self._pod_id(step.pod), spec, limits=self._limits)
                self._post("/containers/create", body)
            case _:
                raise AssertionError(step.id)

    def _create_record(self, lab: str, spec: RecordSpec) -> None:
        """All else depends on the record: on a full disk nothing is removed either."""
        made = self._post("/volumes/create", payloads.record(lab, spec)).json()
        if self.local and (lack := host.lack_of_room(made["Mountpoint"])):
            self.api.delete(f"/volumes/{spec.name}")
            raise EngineError(lack)

    def _create_pod(self, step: Step, spec: PodSpec) -> None:
        try:
            answer = self._post("/pods/create", payloads.pod(step.lab, spec))
            self._pod_ids[spec.name] = answer.json()["Id"]
        except EngineError:
            # A conflict: the pod that has this name was made by somebody else in the meantime.
            raise
        except Exception:
            # A pod whose network is missing is refused, but an empty one stays behind (4.3.1).
            self.api.delete(f"/pods/{spec.name}", params={"force": "true"})
            raise

    def _pod_id(self, name: str) -> str:
        if name not in self._pod_ids:
            answer = self.api.get(f"/pods/{name}/json")
            answer.raise_for_status()
            self._pod_ids[name] = answer.json()["Id"]
        return self._pod_ids[name]

    def _remove(self, step: Step) -> None:
        if step.kind is Kind.FIREWALL:
            firewall.remove(step.target)
            return
        if step.kind is Kind.NETWORK:
            self._remove_network(step.target)
            return
        params = {}
        if step.kind in {Kind.POD, Kind.CONTAINER}:
            # By force a volume would take foreign containers that use it along.
            # With their anonymous volumes; `v` is the word of Docker's API, which this one ignores.
            params = {"force": "true", "timeout": str(REMOVE_SECONDS), "volumes": "true"}
        path = f"{COLLECTION[step.kind]}/{step.target}"
        if working.abandoned(step.name):
            working.clear(step.name, step.target)
            self._forget(working.base(step.name))
        if step.kind is Kind.POD:
            # Its removal would stop one container after the other. What cannot be stopped so, as
            # nothing can in a pod of which a container has ended, is still left to the removal.
            # Not so in a pod that stays: containers that end at the same time each rewrite its
            # hosts file, under a lock that does not hold between processes (4.3.1).
            self.api.post(f"{path}/stop")
        answer = self.api.delete(path, params=params)
        if params and answer.status_code == FAILED:
            # What a killed podman had mounted is busy at the first try, and given up after it.
            answer = self.api.delete(path, params=params)
        if answer.status_code != NOT_FOUND:
            answer.raise_for_status()

    def _forget(self, base: str) -> None:
        """Take the names away that a process which is gone gave to what its builds stood on."""
        wanted = json.dumps({"reference": [f"{working.REPOSITORY}{base}"]})
        for image in self._list("/images/json", filters=wanted):
            for name in image.get("RepoTags") or ():
                if name.startswith(f"{working.REPOSITORY}{base}:"):
                    with working.naming():
                        self.api.delete(f"/images/{name}")

    def _remove_network(self, name: str) -> None:
        """Remove a network that nothing is on, and what podman forgot of it."""
        forgotten = [
            network["network_interface"]
            for network in self._list("/networks/json")
            if network["name"] == name
            and leftovers.is_bridge(network.get("network_interface") or "")
        ]
        answer = self.api.delete(f"{COLLECTION[Kind.NETWORK]}/{name}")
        if answer.status_code != NOT_FOUND:
            answer.raise_for_status()
        if self.local:
            # As long as the bridge was there, podman gave its name to no other network.
            for bridge in forgotten:
                leftovers.remove_bridge(bridge)
            if forgotten:
                leftovers.remove_forwarding(name)
            leftovers.remove_chain(name)


def _existing(answer: Answer) -> str:
    """Podman's words when it was to create what is there already, else ""."""
    if answer.status_code in {CONFLICT, FAILED}:
        with suppress(AttributeError, LookupError, TypeError, ValueError):  # of another shape
            said = answer.json()
            if said["cause"] in EXISTS:
                return str(said["message"])
    return ""


def _plain(error: str) -> str:
    """The part of a wrapped Go error that names the cause."""
    return error.strip().removesuffix(".")


def _seen(kind: type[S], **fields: Any) -> S:  # noqa: ANN401 - as podman answered
    """Make what was seen of its parts; ValueError when podman gave one another type."""
    return msgspec.convert(fields, kind)


def _pod(lab: str, item: Mapping[str, Any]) -> SeenPod:
    labels = item.get("Labels") or {}
    return _seen(
        SeenPod,
        id=item["Id"],
        name=item["Name"],
        state=item.get("Status", ""),
        digest=labels.get(DIGEST, ""),
        mine=owns(lab, labels, item["Name"]),
    )


def _container(
    lab: str, item: Mapping[str, Any], infra: frozenset[str], others: frozenset[str]
) -> SeenContainer:
    """A container; ``infra`` are those that a pod goes by, ``others`` the pods of nobody's lab.

    Removing a pod makes it forget its infra container before that is gone: when podman is
    killed in between, both are left, and do not belong together any more.
    """
    labels = item.get("Labels") or {}
    published = tuple(
        (port.get("host_ip") or "", port["host_port"] + i)
        for port in item.get("Ports") or ()
        for i in range(_span(port))
    )
    return _seen(
        SeenContainer,
        id=item["Id"],
        name=(item.get("Names") or [""])[0],
        state=ABANDONED if _abandoned(item) else (item.get("State") or "").lower(),
        pod=item.get("Pod") or "",
        image=item.get("Image") or "",
        image_id=item.get("ImageID") or "",
        digest=labels.get(DIGEST, ""),
        mine=owns_container(lab, item, labels, others),
        networks=tuple(item.get("Networks") or ()),
        infra=item["Id"] in infra,
        pid=item.get("Pid") or 0,
        exit_code=item.get("ExitCode") or 0,
        published=published,
    )


def _abandoned(item: Mapping[str, Any]) -> bool:
    """Whether podman worked in it on a build of lab's whose process is gone."""
    return item.get("State") == HALF_MADE and any(map(working.abandoned, item.get("Names") or ()))


def _span(port: Mapping[str, Any]) -> int:
    """How many ports in a row are published; ValueError for more than there are."""
    found: int = port.get("range") or 1
    if found > MOST_PORTS:
        raise ValueError(f"a range of {found} ports")
    return found


def _network(lab: str, item: Mapping[str, Any]) -> SeenNetwork:
    labels = item.get("labels") or {}
    return _seen(
        SeenNetwork,
        name=item["name"],
        subnets=tuple(
            str(ip_network(str(subnet["subnet"]), strict=False))
            for subnet in item.get("subnets") or ()
        ),
        digest=labels.get(DIGEST, ""),
        mine=owns(lab, labels, item["name"]),
    )


def _volume(lab: str, item: Mapping[str, Any]) -> SeenVolume:
    labels = item.get("Labels") or {}
    return _seen(
        SeenVolume,
        name=item["Name"],
        mine=owns(lab, labels, item["Name"]),
        spec=labels.get(RECORD, ""),
        created=datetime.fromisoformat(item["CreatedAt"]),
    )

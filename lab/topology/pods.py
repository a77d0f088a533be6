"""From the ``pods`` and ``volumes`` of scenario files to the parts of a spec.

Keys have Compose's names where Compose has one. :class:`Assembly` sees every file, so it also
notes what involves several items: names used twice, pods and volumes that do not exist. A pod
with ``replicas`` becomes that many pods alike, each numbered; a file can put further containers
into a pod of one that it includes.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from lab import kinds
from lab.metrics.laws import CLIENT
from lab.topology import hosts, values
from lab.topology.containers import (
    build,
    environment,
    mount_fault,
    one_or_more,
    secrets,
    words,
)
from lab.topology.document import Mapping, size
from lab.topology.problems import quote
from lab.topology.reader import Item, Section
from lab.topology.spec import (
    ContainerSpec,
    ImageSpec,
    MountSpec,
    PodSpec,
    PortSpec,
    VolumeSpec,
    prefix,
)

if TYPE_CHECKING:
    from collections.abc import Collection

    from lab.topology.document import Node
    from lab.topology.hosts import Hosts

_LOOPBACK = "127.0.0.1"
_ANY = "0.0.0.0"  # noqa: S104 - compared, not bound
_SCRATCH = ("/tmp", "/run")  # noqa: S108 - mount points inside a container
_SHELL = ("replicas", "extra_hosts", "ports")
_POD = (*_SHELL, "containers")
_ADDRESS = ("host_ip", "published")
_PORT = ("name", *_ADDRESS, "target", "ready")
_CONTAINER = (
    "build",
    "image",
    "kind",
    "command",
    "environment",
    "user",
    "cap_add",
    "volumes",
    "secrets",
    "tmpfs",
    "read_only",
    "mem_limit",
    "pids_limit",
    "stop_grace_period",
    "completes",
)
_DEFAULTS = ContainerSpec(name="", image="")

REPLICA = "replica"
"""What stands for the number of a copy in the values of a pod's containers; else it is not set."""


class _Draft(msgspec.Struct, frozen=True):
    """A pod that has been found, to be read when all are known.

    ``replicas`` is 0 where the scenario has no such key: a single pod under its plain name.
    ``members`` are the containers by file, each with where that file's build contexts are.
    """

    name: str
    item: Item
    section: Section
    replicas: int
    members: list[tuple[Item, Path | None]]

    @property
    def numbers(self) -> tuple[int, ...]:
        """The number of each copy; 0 for a pod that is no copy."""
        return tuple(range(1, self.replicas + 1)) or (0,)


class Assembly:
    """Collects the parts of one lab from all files of a scenario, in their order."""

    def __init__(
        self,
        lab: str,
        given: Collection[str] = (),
        *,
        local: bool = False,
        allow_root: bool = False,
    ) -> None:
        """``lab`` is the lab's name, which begins the names of what podman will hold.

        A port is published beyond loopback only when its address is that of a parameter which
        the command line gave, as one of ``given``, and never when the lab is ``local``. Unless
        ``allow_root``, a container must not ask for root as its user.
        """
        self._allow_root = allow_root
        self.prefix = prefix(lab)
        self._given = given
        self._local = local
        self._lab = lab
        self.pods: list[PodSpec] = []
        self.volumes: list[VolumeSpec] = []
        self._images: dict[str, ImageSpec] = {}
        self._references: list[tuple[str, Item]] = []
        self._names: dict[str, Item] = {}
        self._volume_items: dict[str, Item] = {}
        self._drafts: dict[str, _Draft] = {}
        self._copies: dict[str, tuple[str, ...]] = {}
        self.addresses: dict[str, dict[str, str]] = {}
        self._port_items: dict[str, Item] = {}
        self._published: dict[int, dict[str, Item]] = {}
        self._mounted: list[tuple[str, Item]] = []
        self._entry: Item | None = None
        self.kinds: dict[str, str] = {}
        self._count = 0
        self._names_resolved = 0

    @property
    def images(self) -> tuple[ImageSpec, ...]:
        """Every image that a container uses, once."""
        return tuple(self._images.values())

    @property
    def copies(self) -> dict[str, tuple[str, ...]]:
        """Podman's names of every pod, by its name in the scenario."""
        return self._copies

    @property
    def entry(self) -> str:
        """The port that traffic is poured on: the one named, else the last pod's first."""
        if self._entry:
            return self._entry.literal()
        return next((port.name for pod in reversed(self.pods) for port in pod.ports), "")

    def read_entry(self, found: Item | None) -> None:
        """Read the top-level ``entry`` of one file; a later file's counts."""
        self._entry = found or self._entry

    def read_volumes(self, found: dict[str, Item]) -> None:
        """Read the top-level ``volumes`` of one file."""
        for name, item in found.items():
            if not item.null and item.entries():
                item.problem("takes no settings: write only its name and a colon")
            if self._claim(name, item, self._volume_items, "volume"):
                self.volumes.append(VolumeSpec(name=self._volume(name)))

    def find_pods(self, found: dict[str, Item], directory: Path | None) -> None:
        """Take in the top-level ``pods`` of one file, for :meth:`read_pods`.

        ``directory`` is where the build contexts of a user's file are; None for shipped files.
        """
        for name, item in found.items():
            section = item.section(_POD)
            members = section.get("containers")
            here = [(members, directory)] if members else []
            if earlier := self._drafts.get(name):
                if any(section.get(key) for key in _SHELL):
                    item.problem(f"is there already, at {earlier.item.place}: add only containers")
                earlier.members.extend(here)
                continue
            replicas = section.integer("replicas", *values.REPLICAS)
            self._drafts[name] = draft = _Draft(name, item, section, replicas, here)
            self._count += len(draft.numbers)
            if self._count > values.MOST_PODS:
                item.problem(f"makes more than {values.MOST_PODS} pods, copies included")
                return
            names = tuple(_numbered(name, number) for number in draft.numbers)
            if all(
                self._claim(each, item, self._names, "pod or container", values.MAX_NAME)
                for each in names
            ):
                copies = tuple(self.prefix + each for each in names)
                self._copies |= {name: copies}
                self._copies |= {each: (copy,) for each, copy in zip(names, copies, strict=True)}

    def read_pods(self) -> None:
        """Read every pod that was found: a pod may name another of any file.

        Not one of them when there are more copies than a lab can have: a few lines can ask for
        any number of them.
        """
        if self._fits():
            for draft in self._drafts.values():
                self._read_pod(draft)

    def _fits(self) -> bool:
        """Whether all pods with their copies are what a lab can hold; counted, not made."""
        if self._count > values.MOST_PODS:
            return False
        containers = values_ = 0
        for draft in self._drafts.values():
            copies = len(draft.numbers)
            containers += copies * sum(len(_children(item.node)) for item, _ in draft.members)
            values_ += copies * (
                size(draft.item.node) + sum(size(m.node) for m, _ in draft.members)
            )
            for count, most, what in (
                (containers, values.MOST_CONTAINERS, "containers"),
                (values_, values.MOST_VALUES, "keys and values"),
            ):
                if count > most:
                    draft.item.problem(f"makes more than {most} {what}, copies included")
                    return False
        return True

    def _read_pod(self, draft: _Draft) -> None:
        section = draft.section
        found = hosts.read(section.entries("extra_hosts"), self._copies, self.prefix)
        self._names_resolved += len(draft.numbers) * found.count
        if self._names_resolved > values.MOST_NAMES:
            draft.item.problem(
                f"resolves more than {values.MOST_NAMES} names, with all pods before it"
            )
            return
        ports = tuple(self._port(port) for port in section.elements("ports"))
        if (listed := section.get("ports")) and ports and draft.replicas > 1:
            listed.problem("only one of the replicas could be published")
        if not draft.members and isinstance(draft.item.node, Mapping):
            draft.item.problem("containers is missing")
        for members, _ in draft.members:
            if members.empty:
                members.problem("a pod needs a container")
        problems = draft.item.scope.problems
        for number in draft.numbers:
            known = len(problems)
            self.pods.append(
                PodSpec(
                    name=self.prefix + _numbered(draft.name, number),
                    replica=number,
                    hosts=found.targets,
                    ports=ports,
                    containers=self._containers(draft, number, found),
                )
            )
            if len(problems) > known:
                return  # the other copies would only say the same

    def _containers(self, draft: _Draft, number: int, found: Hosts) -> tuple[ContainerSpec, ...]:
        """The containers of one copy, in which ``${replica}`` stands for its number."""
        mine = {REPLICA: number or None}
        return tuple(
            self._container(name, number, item, directory, found)
            for listed, directory in draft.members
            for name, item in listed.with_values(mine).entries().items()
        )

    def check(self) -> None:
        """Note what only shows once every pod was read."""
        if self._entry and (entry := self._entry.literal()) not in self._port_items:
            near = self._entry.nearest(entry, self._port_items)
            self._entry.problem(f"{quote(entry)} is not the name of a port{near}")
        for volume, item in self._mounted:
            if volume not in self._volume_items:
                near = item.nearest(volume, self._volume_items)
                item.problem(f"volume {quote(volume)} is not declared under volumes{near}")
        for reference, item in self._references:
            if reference in self._names:
                item.problem(
                    f"{reference!r} is the name of a pod or container here, not of an image"
                )

    def _claim(
        self,
        name: str,
        item: Item,
        taken: dict[str, Item],
        kind: str,
        longest: int = values.LONGEST,
    ) -> bool:
        if fault := values.name(name, longest) or values.name(self.prefix + name, longest):
            item.problem(f"{quote(name)} {fault}")
            return False
        if name in taken:
            item.problem(f"{name!r} is the name of another {kind}, at {taken[name].place}")
            return False
        taken[name] = item
        return True

    def _port(self, item: Item) -> PortSpec:
        section = item.section(_PORT, required=("name", "published", "target"))
        port = PortSpec(
            name=section.checked("name", values.name),
            host_ip=self._host_ip(section.get("host_ip")),
            published=section.integer("published", *values.PORTS),
            target=section.integer("target", *values.PORTS),
            ready=section.checked("ready", values.url_path),
        )
        if port.name:
            self._claim(port.name, section.get("name") or item, self._port_items, "port")
            found = {key: at.parameter for key in _ADDRESS if (at := section.get(key))}
            self.addresses[port.name] = {key: name for key, name in found.items() if name}
        if port.published:
            self._publish(port, section.get("published") or item)
        return port

    def _host_ip(self, item: Item | None) -> str:
        address = item.checked(values.address) if item else _LOOPBACK
        if not item or not address or values.loopback(address):
            return address
        if not self._local and item.parameter not in self._given:
            how = "write a parameter here, and give it with --set"
            if item.parameter:
                how = f"--set {item.parameter}={address} does"
            item.problem(
                f"{address} is open to other machines, which only the command line may ask for: "
                f"{how}"
            )
        return _LOOPBACK if self._local else address

    def _publish(self, port: PortSpec, item: Item) -> None:
        others = self._published.setdefault(port.published, {})
        for address, other in others.items():
            if address == port.host_ip or _ANY in {address, port.host_ip}:
                item.problem(f"port {port.published} is published twice, first at {other.place}")
                return
        others[port.host_ip] = item

    def _container(
        self, name: str, number: int, item: Item, directory: Path | None, found: Hosts
    ) -> ContainerSpec:
        self._claim(_numbered(name, number), item, self._names, "pod or container")
        section = item.section(_CONTAINER)
        image = self._image(name, item, section, directory, found)
        if kind := _kind(section, image):
            self.kinds[name] = kind
            if name == CLIENT:
                item.problem(f"{CLIENT} is whoever sends requests: what counts needs another name")
        built = image.build is not None
        read_only = section.boolean("read_only", default=built)
        mounts = tuple(self._mount(value) for value in section.elements("volumes"))
        tmpfs = tuple(
            values.normal(v.checked(values.target)) for v in one_or_more(section, "tmpfs")
        )
        files = secrets(section)
        below = [values.SECRETS] if files else []
        targets = [mount.target for mount in mounts] + list(tmpfs) + below
        if repeated := next((t for t, times in Counter(targets).items() if t and times > 1), ""):
            item.problem(f"mounts {quote(repeated)} twice")
        scratch = tuple(path for path in _SCRATCH if read_only and path not in targets)
        return ContainerSpec(
            name=self.prefix + _numbered(name, number),
            image=image.name,
            command=tuple(word.text() for word in words(section, "command")),
            environment=environment(section),
            user=section.checked("user", values.user if self._allow_root else values.plain_user),
            mounts=mounts,
            secrets=files,
            tmpfs=scratch + tmpfs,
            read_only=read_only,
            drop_capabilities=built,
            cap_add=tuple(
                value.checked(values.capability).upper().removeprefix("CAP_")
                for value in section.elements("cap_add")
            ),
            memory=section.converted("mem_limit", values.size, _DEFAULTS.memory),
            pids=section.integer("pids_limit", *values.PIDS, _DEFAULTS.pids),
            stop_timeout=section.converted(
                "stop_grace_period", values.duration, _DEFAULTS.stop_timeout
            ),
            completes=section.boolean("completes", default=False),
        )

    def _image(
        self, name: str, item: Item, section: Section, directory: Path | None, found: Hosts
    ) -> ImageSpec:
        recipe, reference = section.get("build"), section.get("image")
        if recipe and reference:
            item.problem("has both build and image: one of them")
        if recipe:
            if fault := values.built(name):
                item.problem(f"{quote(name)} {fault}")
            made = build(recipe, directory, found.singles)
            image = ImageSpec(name=name, reference="", build=made)
            if self._images.setdefault(name, image) != image:
                recipe.problem(f"the replicas have one image: ${{{REPLICA}}} cannot be in it")
            return image
        if reference is None:
            if isinstance(item.node, Mapping):
                item.problem("needs an image, or a build to make one")
            return ImageSpec(name="", reference="")
        text = reference.checked(values.image)
        self._references.append((text, reference))
        return self._images.setdefault(text, ImageSpec(name=text, reference=text))

    def _mount(self, item: Item) -> MountSpec:
        text = item.checked(mount_fault)
        volume, target, mode = (*text.split(":"), "", "")[:3]
        if volume:
            self._mounted.append((volume, item))
        return MountSpec(
            volume=self._volume(volume), target=values.normal(target), read_only=mode == "ro"
        )

    def _volume(self, name: str) -> str:
        """A volume's name in podman: always with the lab's, as volumes outlive it."""
        return f"{self._lab}-{name}"


def _kind(section: Section, image: ImageSpec) -> str:
    """The kind of a container: what it says itself, else that of lab's own context."""
    item = section.get("kind")
    if item is None:
        return kinds.CONTEXTS.get(image.build.context, "") if image.build else ""
    kind = item.literal()
    if kind and kind not in kinds.NAMES:
        near = item.nearest(kind, kinds.NAMES)
        item.problem(f"{quote(kind)} is not one of the kinds {', '.join(kinds.NAMES)}{near}")
        return ""
    return kind


def _children(node: Node) -> tuple[object, ...]:
    return node.pairs if isinstance(node, Mapping) else ()


def _numbered(name: str, number: int) -> str:
    """The name of a copy; 0 is the number of what is no copy."""
    return f"{name}-{number}" if number else name

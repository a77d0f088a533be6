"""A lab as the podman commands that one would type by hand. Pure."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

from lab.topology.values import SECRETS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from lab.topology.spec import ContainerSpec, ImageSpec, LabSpec, PodSpec

_WIDTH = 96
_MIB = 1024**2
_SPACES = re.compile(r"\s+", re.ASCII)

Words = tuple[str, ...]
"""Words that stay on one line, such as an option and its value."""
Groups = tuple[Words, ...]
"""A command."""


def render(spec: LabSpec, *, quote: Callable[[str], str] = shlex.quote) -> str:
    """The shell commands that make ``spec``, in an order that works; ``quote`` is for each word.

    The spec has to be placed (:func:`lab.topology.place.place`), since podman takes addresses
    and not the names of pods. Images are called by their reference once they have one, else by
    their name.
    """
    return "\n".join(
        line if isinstance(line, str) else _command(line, quote) for line in _lines(spec)
    )


def _lines(spec: LabSpec) -> Iterator[str | Groups]:
    yield _comment(spec.summary or spec.scenario)
    yield _comment("lab itself also labels what it creates, to know it again, and as root sets")
    yield _comment("firewall rules that keep packets from elsewhere out of the network.")
    yield ""
    yield _comment("Images; lab builds from a copy of the context, to which it adds what the build")
    yield _comment("must not fetch (Python packages) and in which it fills in the *.tmpl files")
    for image in spec.images:
        yield from _image(spec, image)
    yield ""
    yield _comment("A network of the lab's own; names come from --add-host, so it has no DNS")
    yield _network(spec)
    for volume in spec.volumes:
        yield (("podman", "volume", "create", volume.name),)
    for secret in spec.secrets:
        yield (("podman", "secret", "create", secret.parameter, "FILE"),)
    for pod in spec.pods:
        yield ""
        yield _comment(pod.name)
        yield _pod(spec, pod)
        for container in pod.containers:
            yield _container(spec, pod, container)


def _image(spec: LabSpec, image: ImageSpec) -> Iterator[str | Groups]:
    reference = image.reference or image.name
    if image.build is None:
        if image.source == "packages":
            yield _comment(f"{reference}: a root of Debian packages, made by lab build")
        elif image.source:
            yield (("podman", "pull", reference),)
        else:
            yield _comment(f"{reference}: pulled by podman run unless it is there")
        return
    context = image.build.context
    base = _reference(spec, image.base) if image.base else image.build.base
    arguments = {"BASE": base, **image.build.args}
    yield (
        ("podman", "build"),
        ("--tag", reference),
        *(("--build-arg", f"{name}={value}") for name, value in arguments.items()),
        ("--file", f"{context}/Containerfile"),
        (context,),
    )


def _network(spec: LabSpec) -> Groups:
    network = spec.network
    return (
        ("podman", "network", "create"),
        ("--disable-dns",),
        ("--opt", "isolate=true"),
        *_option("--subnet", network.subnet),
        *_option("--gateway", network.gateway),
        (network.name,),
    )


def _pod(spec: LabSpec, pod: PodSpec) -> Groups:
    return (
        ("podman", "pod", "create"),
        ("--name", pod.name),
        ("--network", spec.network.name),
        *_option("--ip", pod.address),
        *_option("--mac-address", pod.hardware_address if pod.address else ""),
        *(
            ("--add-host", f"{name}:{address}")
            for name, addresses in pod.hosts.items()
            for address in addresses
        ),
        *(("--publish", f"{p.host_ip}:{p.published}:{p.target}") for p in pod.ports),
        # Lets a process without any capability listen on port 80 of its own pod.
        ("--sysctl", "net.ipv4.ip_unprivileged_port_start=0"),
        ("--security-opt", "no-new-privileges"),
    )


def _container(spec: LabSpec, pod: PodSpec, container: ContainerSpec) -> Groups:
    return (
        ("podman", "run", "--detach"),
        ("--name", container.name),
        ("--pod", pod.name),
        *_option("--user", container.user),
        *(("--env", f"{name}={value}") for name, value in container.environment.items()),
        *(
            ("--volume", f"{m.volume}:{m.target}{':ro' if m.read_only else ''}")
            for m in container.mounts
        ),
        *(
            ("--secret", f"{parameter},target={file},mode=0444")
            for file, parameter in container.secrets.items()
        ),
        *((("--read-only",),) if container.read_only else ()),
        *(("--tmpfs", path) for path in container.tmpfs),
        *((("--tmpfs", SECRETS),) if container.secrets else ()),
        *(("--cap-drop", each) for each in container.cap_drop),
        *(("--cap-add", each) for each in container.cap_add),
        ("--security-opt", "no-new-privileges"),
        ("--memory", _size(container.memory)),
        ("--pids-limit", str(container.pids)),
        ("--stop-timeout", str(container.stop_timeout)),
        ("--log-driver", "k8s-file"),
        ("--log-opt", "max-size=10m"),
        ("--no-healthcheck",),
        (_reference(spec, container.image), *container.command),
    )


def _reference(spec: LabSpec, image: str) -> str:
    """The full reference of an image given by its name, else what was given."""
    found = (known.reference for known in spec.images if known.name == image)
    return next(found, "") or image


def _option(name: str, value: str) -> tuple[Words, ...]:
    return ((name, value),) if value else ()


def _size(count: int) -> str:
    return f"{count // _MIB}m" if count % _MIB == 0 else f"{count}b"


def _comment(text: str) -> str:
    return f"# {_SPACES.sub(' ', text.strip())}"


def _command(groups: Groups, quote: Callable[[str], str]) -> str:
    """One command, quoted for the shell and broken between groups where it gets long."""
    return " \\\n    ".join(_fill(" ".join(map(quote, group)) for group in groups))


def _fill(parts: Iterable[str]) -> Iterator[str]:
    line = ""
    for part in parts:
        if line and len(line) + 1 + len(part) > _WIDTH:
            yield line
            line = part
        else:
            line = f"{line} {part}" if line else part
    yield line

"""What lab needs of a machine, examined: each finding with a remedy when it is not right."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from lab.engine import firewall, host, runtime, service, versions
from lab.engine.podman import connect
from lab.errors import EngineError
from lab.images.recipes import REGISTRY, base_image

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab.engine.host import Host
    from lab.engine.podman import PodmanEngine

GOOD, WARNING, BAD = "good", "warning", "bad"


class Finding(msgspec.Struct, frozen=True):
    """One thing examined: ``state`` is good, warning (lab copes) or bad (lab cannot work)."""

    name: str
    state: str
    text: str
    remedy: str = ""


_ELSEWHERE = Finding("host", GOOD, "not examined: podman is on another machine")


def examine(url: str = "") -> tuple[Finding, ...]:
    """Examine this machine and the podman service that lab would use; changes nothing.

    A private service may be started; it ends by itself when idle.
    """
    named = url or os.environ.get("CONTAINER_HOST", "")
    try:
        engine = connect(url)
    except EngineError as error:
        local = not named or named.startswith(service.UNIX)
        text = ": ".join((error.message, *error.details[-1:]))
        answers = [Finding("service", BAD, text, error.hint)]
    else:
        local = engine.local
        where = f"{engine.service.url} ({engine.service.origin})"
        answers = [Finding("service", GOOD, where), _firewall(engine), _registry(engine)]
    return (*(host_findings() if local else [_ELSEWHERE]), *answers, _mmdebstrap())


def host_findings() -> Iterator[Finding]:
    """This machine, on which podman runs."""
    found = host.look()
    yield from (_podman(), _cgroups(found), _limits(found), _systemd(found))
    if found.rootless:
        yield from _rootless()
    if trouble := runtime.trouble():
        text = f"XDG_RUNTIME_DIR {trouble}: lab uses {runtime.own()}"
        yield Finding("sockets", WARNING, text)


def _podman() -> Finding:
    try:
        installed = service.version()
        versions.check(installed)
    except EngineError as error:
        return Finding("podman", BAD, error.message, error.hint)
    text = ".".join(map(str, installed))
    if holes := versions.holes(installed):
        return Finding(
            "podman",
            WARNING,
            f"{text}: builds reach the host ({', '.join(holes)}) unless your distribution has"
            " repaired it; lab refuses what uses these, other builds do not",
            "upgrade podman to 5.3.2 or newer",
        )
    return Finding("podman", GOOD, text)


def _cgroups(found: Host) -> Finding:
    runtimes = ", ".join(found.runtimes) or "no OCI runtime"
    text = f"{found.cgroups}, {runtimes}"
    if not found.runtimes:
        return Finding("cgroups", BAD, text, "install crun or runc")
    if found.cgroups == "hybrid":
        if "runc" not in found.runtimes:
            return Finding("cgroups", BAD, f"{text}: crun refuses this", "install runc")
        return Finding("cgroups", WARNING, f"{text}: lab's own service uses runc")
    if found.rootless and found.cgroups != "v2":
        return Finding("cgroups", WARNING, f"{text}: no memory or process limits without root")
    return Finding("cgroups", GOOD, text)


def _limits(found: Host) -> Finding:
    if found.rootless or found.may_raise_limits:
        return Finding("limits", GOOD, "podman's defaults can be used")
    return Finding("limits", WARNING, "no CAP_SYS_RESOURCE: lab's own service lowers the limits")


def _systemd(found: Host) -> Finding:
    if found.systemd:
        return Finding("systemd", GOOD, "running")
    return Finding("systemd", WARNING, "not running: no podman socket, lab starts its own service")


def _rootless() -> Iterator[Finding]:
    for device, what in (("/dev/net/tun", "networks"), ("/dev/fuse", "fuse-overlayfs")):
        if not _usable(Path(device)):
            yield Finding(
                device.rsplit("/", 1)[1],
                BAD if device == "/dev/net/tun" else WARNING,
                f"{device} cannot be used, which rootless {what} need",
                f"as root: chmod 666 {device}",
            )
    if not shutil.which("newuidmap"):
        yield Finding("newuidmap", BAD, "not installed", "install uidmap (Fedora: shadow-utils)")


def _usable(device: Path) -> bool:
    try:
        with device.open("rb"):
            return True
    except FileNotFoundError:
        return False
    except PermissionError:
        return False
    except OSError:
        # It was opened as far as permissions go; the driver wanted something else.
        return True


def _firewall(engine: PodmanEngine) -> Finding:
    trouble = firewall.trouble(engine.service.url, local=engine.local)
    if trouble is None:
        return Finding("firewall", GOOD, "needs no rules: rootless networks are apart")
    if trouble:
        remedy = "" if firewall.tools() else "apt install nftables, dnf install nftables"
        text = f"{trouble}: who can route to this machine reaches the pods"
        return Finding("firewall", WARNING, text, remedy)
    return Finding(
        "firewall", GOOD, " or ".join(firewall.tools()).replace(firewall.IPTABLES, "iptables")
    )


def _registry(engine: PodmanEngine) -> Finding:
    trouble = engine.images.registry_trouble(base_image("python", REGISTRY).reference)
    if trouble:
        return Finding("registry", WARNING, trouble, "lab builds from packages instead")
    return Finding("registry", GOOD, "answers")


def _mmdebstrap() -> Finding:
    if shutil.which("mmdebstrap"):
        return Finding("mmdebstrap", GOOD, "installed")
    text = "not installed: images can only come from a registry"
    return Finding("mmdebstrap", WARNING, text, "apt install mmdebstrap, dnf install mmdebstrap")

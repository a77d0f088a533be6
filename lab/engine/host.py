"""What this host denies to containers, and the settings that podman then needs.

Restricted hosts are common: small virtual machines, CI sandboxes, containers in containers.
Podman's defaults fail on them at the first container; a private containers.conf, used only by
the service that lab starts, is enough to make them work.
"""

from __future__ import annotations

import os
import resource
import shutil
from pathlib import Path
from typing import Any

import msgspec

from lab import files
from lab.engine import versions

CAP_SYS_RESOURCE = 24
"""Bit of CAP_SYS_RESOURCE in capability masks (linux/capability.h)."""
MODEST_LIMIT = 10_000
"""Open files and processes per container where limits cannot be raised."""
ROOM = 8 << 20
"""Bytes that must be free where podman keeps its files: more than its notes on any lab."""
DEPENDED_ON = {
    "base_hosts_file": "none",
    "cgroups": "enabled",
    "env_host": False,
    "init": False,
    "ipcns": "shareable",
    "log_driver": "k8s-file",
    "log_size_max": -1,
    "netns": "private",
    "no_hosts": False,
    "pidns": "private",
    "pids_limit": 2048,
    "read_only": False,
    "umask": "0022",
    "userns": "",
    "utsns": "private",
}
"""What labs depend on, under ``[containers]``: podman's own defaults, but for the host's names.
Those could be the names that a lab gives to its pods."""
LISTS: dict[str, tuple[str, ...]] = {
    "annotations": (),
    "default_sysctls": (),
    "default_ulimits": (),
    "devices": (),
    "env": ("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",),
    "mounts": (),
    "volumes": (),
}
"""The lists among them."""
HELPERS = (
    *("/usr/local/libexec/podman", "/usr/local/lib/podman"),
    *("/usr/libexec/podman", "/usr/lib/podman"),
)
"""Where podman looks for programs that work for it (containers.conf(5))."""
CGROUP_ROOT = Path("/sys/fs/cgroup")


class Host(msgspec.Struct, frozen=True, kw_only=True):
    """The facts about a host on which podman's settings depend."""

    rootless: bool
    cgroups: str
    """``v2``, ``v1``, ``hybrid`` (v1 beside a v2 hierarchy that holds controllers) or ``none``."""
    may_raise_limits: bool
    systemd: bool
    runtimes: tuple[str, ...]
    """The OCI runtimes that are installed, podman's preference first."""
    netavark: bool = True
    """Whether podman's own program for networks is installed; old ones also have CNI's."""


def lack_of_room(place: str) -> str:
    """Why nothing can be written to the file system of a directory; empty when something can."""
    try:
        found = os.statvfs(place)
    except OSError:  # it is somebody else's, who finds out
        return ""
    free = found.f_bavail * found.f_frsize
    if free < ROOM:
        return f"no space left on device: {free // 1024} KiB are free at {place}"
    if found.f_files and not found.f_favail:
        return f"no space left on device: no inodes are free at {place}"
    return ""


def look() -> Host:
    """Find out about this host; reads files only and takes well under a millisecond."""
    return Host(
        rootless=os.geteuid() != 0,
        cgroups=_cgroups(),
        may_raise_limits=bool(_effective_capabilities() >> CAP_SYS_RESOURCE & 1),
        systemd=Path("/run/systemd/system").is_dir(),
        runtimes=tuple(name for name in ("crun", "runc") if shutil.which(name)),
        netavark=any((Path(place) / "netavark").exists() for place in HELPERS),
    )


def required(installed: tuple[int, ...], host: Host) -> dict[str, Any]:
    """The containers.conf tables of a service that labs can rely on, whatever the user's are.

    What is a matter of policy stays the user's: capabilities, profiles, runtimes, DNS servers.
    """
    alone: list[Any] = [{"append": False}] if installed >= versions.APPEND_SINCE else []
    lists = {name: [*entries, *alone] for name, entries in LISTS.items()}
    tables: dict[str, Any] = {
        "containers": {**DEPENDED_ON, **lists},
        "engine": {"infra_command": "", "infra_image": "", "remote": False},
    }
    if not host.systemd:
        tables["engine"]["cgroup_manager"] = "cgroupfs"
    if host.netavark:
        tables["network"] = {"network_backend": "netavark"}
    _lay(tables, overrides(host))
    return tables


def overrides(host: Host) -> dict[str, Any]:
    """The containers.conf tables that this host needs; empty on an ordinary one."""
    tables: dict[str, Any] = {}
    if host.cgroups == "hybrid" and "runc" in host.runtimes:
        # With crun every start fails: "cgroups in hybrid mode not supported".
        tables["engine"] = {"runtime": "runc"}
    if not host.rootless and not host.may_raise_limits:
        # With podman's own every start fails: "error setting rlimit type 7".
        tables["containers"] = {
            "default_ulimits": [
                f"nofile={_limit(resource.RLIMIT_NOFILE)}:{_limit(resource.RLIMIT_NOFILE)}",
                f"nproc={_limit(resource.RLIMIT_NPROC)}:{_limit(resource.RLIMIT_NPROC)}",
            ]
        }
    return tables


def merged(paths: list[Path], tables: dict[str, Any]) -> dict[str, Any]:
    """The given containers.conf files laid over each other, and ``tables`` over them.

    Podman before 4.5 knows no CONTAINERS_CONF_OVERRIDE: there, a private file replaces the
    host's own, so it has to repeat them. Unreadable or broken files are passed over, as their
    settings could not have held either.
    """
    import tomllib

    result: dict[str, Any] = {}
    for path in paths:
        try:
            found = tomllib.loads(files.read(path, files.MIB, links=True).decode())
        except (OSError, ValueError):
            continue
        _lay(result, found)
    _lay(result, tables)
    return result


def _lay(below: dict[str, Any], above: dict[str, Any]) -> None:
    for key, value in above.items():
        if isinstance(value, dict) and isinstance(below.get(key), dict):
            _lay(below[key], value)
        else:
            below[key] = value


def _cgroups() -> str:
    if (CGROUP_ROOT / "cgroup.controllers").exists():
        return "v2"
    if not CGROUP_ROOT.is_dir() or not any(CGROUP_ROOT.iterdir()):
        return "none"
    unified = CGROUP_ROOT / "unified" / "cgroup.controllers"
    return "hybrid" if unified.exists() and unified.read_text().strip() else "v1"


def _effective_capabilities() -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("CapEff:"):
            return int(line.split()[1], 16)
    return 0


def _limit(kind: int) -> int:
    hard = resource.getrlimit(kind)[1]
    return MODEST_LIMIT if hard == resource.RLIM_INFINITY else min(MODEST_LIMIT, hard)

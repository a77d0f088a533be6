"""The working containers of lab's builds: how they are told from others, limited and ended.

Podman names the container in which it works on a build after the image that the build stands
on, and gives it no labels. So lab has every build stand on a name of its own, which tells the
process that builds: a container of that name is lab's, and is abandoned once that process is
gone. Podman goes on with a build whose client is gone, so what a build runs has to be killed.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import signal
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from lab.engine import host, locks, runtime

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

PROCESSES = Path("/proc")
"""The process table, proc(5)."""
REPOSITORY = "localhost/lab/"
CLEAR_SECONDS = 5.0
"""How long a build that was killed may take to go."""
MAX_PROCESSES = 1024
"""How many processes a build may have at a time, where that can be limited."""

_NAME = re.compile(r"building-([0-9a-f]{8})-(\d+)-(\d+)-working-container(-\d+)?")
_GROUP = "lab-"
"""How the control groups of builds begin."""
_RUNTIME = b"buildah-oci-runtime"
"""How the process of podman that waits for a RUN calls itself."""
_SHORT_ID = 12
"""How much of its container's id is the host name in a build."""


class Limits(msgspec.Struct, frozen=True):
    """What one build may use: bytes, processors and seconds.

    ``memory`` and ``processors`` hold where podman can set limits, ``file`` is for each file it
    writes, ``disk`` for what podman's disk loses meanwhile, ``image`` for what comes out.
    """

    memory: int = 2 << 30
    processors: float = 2.0
    file: int = 2 << 30
    disk: int = 6 << 30
    image: int = 4 << 30
    seconds: float = 900.0


def name() -> str:
    """Return what the builds of this process stand on, below :data:`REPOSITORY`."""
    return f"building-{_here()}-{os.getpid()}-{_began(os.getpid())}"


def naming() -> AbstractContextManager[None]:
    """Hold the lock under which images get and lose names.

    Podman 4.3.1 reads the names of an image and writes them anew: two at once lose some.
    """
    return locks.alone(runtime.own() / "names.lock")


def base(container: str) -> str:
    """Return the name that a working container's build stands on."""
    return container.rpartition("-working-container")[0]


def mine(container: str) -> bool:
    """Whether a container of that name works on a build of this process."""
    return _NAME.fullmatch(container) is not None and base(container) == name()


def abandoned(container: str) -> bool:
    """Whether a container of that name works on a build of lab's whose process is gone.

    A build of another host's, or of another container's, is never taken for one.
    """
    found = _NAME.fullmatch(container)
    if not found or found[1] != _here():
        return False
    return found[3] != _began(int(found[2]))


def kill(identity: str) -> None:
    """Kill what runs in a working container of that id: podman's build then fails and ends."""
    for entry in PROCESSES.iterdir():
        # What is not there any more, or is not ours, raises; so does what is not as podman has it.
        with suppress(OSError, ValueError, LookupError, TypeError):
            if not entry.name.isdecimal() or entry.stat().st_uid != os.geteuid():
                continue
            if not (entry / "cmdline").read_bytes().startswith(_RUNTIME):
                continue
            bundle = entry / "cwd"
            if (
                json.loads((bundle / "config.json").read_bytes())["hostname"]
                != (identity[:_SHORT_ID])
            ):
                continue
            first = int((bundle / "pid").read_text())
            if _stat(first)[1] == entry.name:
                os.kill(first, signal.SIGKILL)  # the rest of its namespace goes with it


@contextmanager
def limited(number: int) -> Iterator[str]:
    """Give a control group for a build to run below, with few processes; "" without root.

    Root is exempt from what ``ulimit -u`` says, and podman's builds have no other limit.
    """
    _remove_abandoned_groups()
    own = f"{_GROUP}{name()}-{number}"
    pids = host.CGROUP_ROOT if host.look().cgroups == "v2" else host.CGROUP_ROOT / "pids"
    made = pids / own
    try:
        made.mkdir()
        (made / "pids.max").write_text(str(MAX_PROCESSES))
    except OSError:
        made = Path()
    try:
        yield f"/{own}/build" if made.name else ""
    finally:
        remove_groups(own)


def remove_groups(named: str) -> bool:
    """Remove the control groups of that name, by which builds were limited, where they are empty.

    A ``*`` in it stands for anything. Answers whether none is left.
    """
    found = (*host.CGROUP_ROOT.glob(named), *host.CGROUP_ROOT.glob(f"*/{named}"))
    for left in found:
        for group in (left / "build", left):
            with suppress(OSError):
                group.rmdir()
    return not any(left.exists() for left in found)


def clear(container: str, identity: str) -> None:
    """End what an abandoned build runs, and remove what it was limited by."""
    named = f"{_GROUP}{base(container)}-*"
    deadline = time.monotonic() + CLEAR_SECONDS
    kill(identity)
    for listed in _listings(named):
        # Without podman, whose process waited for it, what it ran is an orphan.
        with suppress(OSError):  # they went meanwhile
            for process in listed.read_text().split():
                os.kill(int(process), signal.SIGKILL)
    while not remove_groups(named) and time.monotonic() < deadline:
        time.sleep(0.02)  # what was killed is still going


def _listings(named: str) -> Iterator[Path]:
    """The lists of processes in control groups of that name."""
    for pattern in (f"{named}/build/cgroup.procs", f"*/{named}/build/cgroup.procs"):
        yield from host.CGROUP_ROOT.glob(pattern)


def _remove_abandoned_groups() -> None:
    """Remove what builds were limited by whose process, and what they ran, are gone."""
    for pattern in (f"{_GROUP}building-*", f"*/{_GROUP}building-*"):
        for left in host.CGROUP_ROOT.glob(pattern):
            own = left.name.removeprefix(_GROUP).rpartition("-")[0]
            if abandoned(f"{own}-working-container"):
                remove_groups(left.name)


def empty_image(name: str) -> bytes:
    """Return an image without files as podman loads it: what a root is built on."""
    import hashlib
    import io
    import tarfile

    from lab.images.platform import architecture

    system = {"architecture": architecture(), "os": "linux", "created": "1970-01-01T00:00:00Z"}
    nothing = {"config": {}, "history": [], "rootfs": {"type": "layers", "diff_ids": []}}
    configuration = json.dumps(system | nothing).encode()
    file = f"{hashlib.sha256(configuration).hexdigest()}.json"
    manifest = json.dumps([{"Config": file, "RepoTags": [name], "Layers": []}]).encode()
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for path, content in ((file, configuration), ("manifest.json", manifest)):
            entry = tarfile.TarInfo(path)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def _here() -> str:
    """This host and its process table, as eight digits."""
    namespace = (PROCESSES / "self" / "ns" / "pid").readlink()
    return hashlib.sha256(f"{os.uname().nodename} {namespace}".encode()).hexdigest()[:8]


def _began(process: int) -> str:
    """When a process began, in ticks since the host did; "" when there is none."""
    try:
        return _stat(process)[19]
    except OSError:
        return ""


def _stat(process: int) -> list[str]:
    """The fields of /proc/PID/stat after the name of the program, which may hold anything."""
    text = (PROCESSES / str(process) / "stat").read_text(errors="replace")
    return text.rpartition(")")[2].split()

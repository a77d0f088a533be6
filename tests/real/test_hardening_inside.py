"""What holds inside the lab's running containers, and around lab itself, as the kernel has it."""

import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.engine import host, listeners, service
from tests.real import processes
from tests.real.accounts import clean_environment
from tests.real.conftest import Labs
from tests.real.engine import Podman
from tests.real.labs import Lab

pytestmark = pytest.mark.real

CONTAINERS = ("service-a", "service-a-envoy", "service-b", "envoy-prom")
MEMORY = 512 * 1024 * 1024
PROCESSES = 256
KERNEL_FILE_SYSTEMS = {"proc", "sysfs", "cgroup", "cgroup2", "devpts", "mqueue"}
FROM_PODMAN = {"/etc/hosts", "/etc/hostname", "/etc/resolv.conf", "/run/.containerenv", "/dev/shm"}  # noqa: S108 - compared with
DATA = {"envoy-prom": {"/prometheus"}}
TMPFS_MOST = 16 * 1024 * 1024


def pid(podman: Podman, container: str) -> int:
    found: int = podman.inspect(container)["State"]["Pid"]
    return found


def mounts(podman: Podman, container: str) -> Iterator[tuple[str, str, set[str]]]:
    """Target, type and options of a container's mounts (proc(5), mountinfo)."""
    for line in Path(f"/proc/{pid(podman, container)}/mountinfo").read_text().splitlines():
        before, _, after = line.partition(" - ")
        words = before.split()
        yield words[4], after.split()[0], set(words[5].split(","))


def cgroup_file(process: int, controller: str, name: str) -> Path:
    """A file of a process's cgroup, in version 1 or 2 of the hierarchy (cgroups(7))."""
    for line in Path(f"/proc/{process}/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        if controller in controllers.split(","):
            return Path("/sys/fs/cgroup") / controller / path.lstrip("/") / name
    (path,) = (
        line.split(":", 2)[2]
        for line in Path(f"/proc/{process}/cgroup").read_text().splitlines()
        if line.startswith("0::")
    )
    return Path("/sys/fs/cgroup") / path.lstrip("/") / name


@pytest.mark.parametrize("short", CONTAINERS)
def test_nothing_of_the_host_is_mounted(shared_lab: Lab, podman: Podman, short: str) -> None:
    foreign = {
        target
        for target, kind, _ in mounts(podman, shared_lab.container(short))
        if target != "/" and kind not in {*KERNEL_FILE_SYSTEMS, "tmpfs"}
    }
    assert foreign <= FROM_PODMAN | DATA.get(short, set())


@pytest.mark.parametrize("short", CONTAINERS)
def test_what_can_be_written_is_small_and_runs_no_programs(
    shared_lab: Lab, podman: Podman, short: str
) -> None:
    container = shared_lab.container(short)
    for target, kind, options in mounts(podman, container):
        inside = Path(f"/proc/{pid(podman, container)}/root{target}")
        if kind != "tmpfs" or "ro" in options or not os.path.isdir(inside):  # noqa: PTH112 - of another root
            continue
        if target.startswith(("/dev", "/proc", "/sys")) or target in FROM_PODMAN:
            continue
        assert {"nosuid", "nodev", "noexec"} <= options, target
        found = os.statvfs(inside)
        assert found.f_blocks * found.f_frsize <= TMPFS_MOST, target


@pytest.mark.parametrize("short", CONTAINERS)
def test_the_kernel_limits_memory_and_processes(
    shared_lab: Lab, podman: Podman, short: str
) -> None:
    process = pid(podman, shared_lab.container(short))
    if host.look().cgroups == "v2":
        memory, processes = "memory.max", "pids.max"
    else:
        memory, processes = "memory.limit_in_bytes", "pids.max"
    assert int(cgroup_file(process, "memory", memory).read_text()) == MEMORY
    assert int(cgroup_file(process, "pids", processes).read_text()) == PROCESSES


@pytest.fixture
def private() -> Path:
    """The socket of the service that lab starts; a user's own podman is the user's matter."""
    found = service.find()
    assert found.private, f"lab uses {found.origin}: stop it to try lab's own"
    return Path(found.url.removeprefix("unix://"))


def test_the_private_service_is_reached_by_its_owner_alone(private: Path) -> None:
    assert stat.S_IMODE(private.parent.stat().st_mode) == 0o700
    assert stat.S_IMODE(private.stat().st_mode) == 0o600


def test_the_private_service_listens_on_no_tcp_port(private: Path) -> None:
    found = processes.with_word(f"unix://{private}")
    assert found
    for process in found:
        own = set(processes.handles(process))
        assert any(handle.startswith("socket:") for handle in own)
        tables = [Path(f"/proc/{process}/net/{name}") for name in ("tcp", "tcp6")]
        rows = [line.split() for table in tables for line in table.read_text().splitlines()[1:]]
        listening = {f"socket:[{row[9]}]" for row in rows if row[3] == listeners.LISTEN}
        assert not own & listening


def test_a_whole_cycle_leaves_files_only_where_they_belong(labs: Labs, tmp_path: Path) -> None:
    home, cwd, temporary = (tmp_path / name for name in ("home", "cwd", "tmp"))
    for directory in (home, cwd, temporary):
        directory.mkdir()
    environment = clean_environment(HOME=str(home), TMPDIR=str(temporary), XDG_STATE_HOME="")
    lab = labs("tidy")
    for words in (
        lab.up_arguments("direct"),
        ("load", "--name", lab.name, "-n", "20"),
        ("status", "--name", lab.name),
        ("down", "--name", lab.name, "--volumes"),
    ):
        done = lab.account.run(
            lab.account.python, "-m", "lab", *words, environment=environment, cwd=cwd
        )
        assert done.returncode == 0, done.stderr
    assert list(cwd.iterdir()) == []
    assert list(temporary.iterdir()) == []
    written = {path.relative_to(home).parts[:3] for path in home.rglob("*") if path.is_file()}
    assert written == {(".local", "state", "lab")}
    assert json.loads(lab("status", "-o", "json", status=3).out)["state"] == "absent"

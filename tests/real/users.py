"""A user without privileges, made by root for rootless tests and removed without a trace."""

import os
import pwd
import shutil
import signal
import stat
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from lab.engine import runtime
from lab.images import cache
from tests.real.accounts import Account
from tests.real.waiting import until

DEVICES = (Path("/dev/net/tun"), Path("/dev/fuse"))
"""What rootless podman needs for networks and for its storage."""
SUBORDINATE_IDS = 65536


@contextmanager
def temporary_account(python: str, environment: dict[str, str]) -> Iterator[Account]:
    """Yield a user that can run rootless podman.

    That is the current user unless it is root, who makes one for the time of the test.
    """
    if os.geteuid() != 0:
        yield Account(python, environment=environment)
        return
    name = f"labtest{os.getpid()}"
    with ExitStack() as stack:
        for device in DEVICES:
            stack.enter_context(_usable_by_all(device))
        _run("useradd", "--create-home", "--shell", "/bin/sh", name)
        stack.callback(_remove, name)
        _give_subordinate_ids(name)
        home = Path(pwd.getpwnam(name).pw_dir)
        runtime = home / "runtime"
        runtime.mkdir(mode=0o700)
        _share_downloads(home)
        _run("chown", "-R", f"{name}:{name}", str(home))
        home.chmod(0o700)
        account = Account(
            python,
            name,
            {
                "HOME": str(home),
                "LANG": environment.get("LANG", "C.UTF-8"),
                "LOGNAME": name,
                "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                "USER": name,
                "XDG_RUNTIME_DIR": str(runtime),
                **{key: value for key, value in environment.items() if key.startswith("PIP_")},
            },
            home,
        )
        yield account


def _run(*command: str) -> None:
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr}"


@contextmanager
def _usable_by_all(device: Path) -> Iterator[None]:
    if not device.exists():
        yield
        return
    before = stat.S_IMODE(device.stat().st_mode)
    device.chmod(0o666)
    try:
        yield
    finally:
        device.chmod(before)


def _give_subordinate_ids(name: str) -> None:
    """Give the user ranges that no other has, unless useradd did (it does on most systems)."""
    for kind in ("uid", "gid"):
        lines = [line.split(":") for line in Path(f"/etc/sub{kind}").read_text().splitlines()]
        if any(line[0] == name for line in lines):
            continue
        first = max([100_000, *(int(line[1]) + int(line[2]) for line in lines)])
        last = first + SUBORDINATE_IDS - 1
        _run("usermod", f"--add-sub{kind}s", f"{first}-{last}", name)


def _share_downloads(home: Path) -> None:
    """Copy what lab has downloaded already, so that only its building is repeated."""
    wheels = cache.directory() / "wheels"
    if wheels.is_dir():
        shutil.copytree(wheels, home / ".cache" / "lab" / "wheels")


def _remove(name: str) -> None:
    """End what the user still runs, then remove it with its files and subordinate ids."""
    found = pwd.getpwnam(name)
    owned = {found.pw_uid, *_subordinate(name)}
    until(f"no process of {name} is left", lambda: _end(owned))
    _run("userdel", name)
    shutil.rmtree(found.pw_dir)
    shutil.rmtree(runtime.TEMPORARY / f"lab-{found.pw_uid}", ignore_errors=True)


def _subordinate(name: str) -> range:
    for line in Path("/etc/subuid").read_text().splitlines():
        owner, first, count = line.split(":")
        if owner == name:
            return range(int(first), int(first) + int(count))
    return range(0)


def _end(owned: set[int]) -> bool:
    """Kill every process of these users; whether there was none."""
    pids = [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]
    found = [pid for pid in pids if _owner(pid) in owned]
    for pid in found:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    return not found


def _owner(pid: int) -> int | None:
    """The real user id of a process (proc(5)); None when it has ended."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return next(int(line.split()[1]) for line in lines if line.startswith("Uid:"))

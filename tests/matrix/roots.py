"""Roots of Debian releases, each with a podman and a Python of its own, and how to work in one.

They are made once, below lab's cache directory, and used in namespaces: nothing of what runs
or is mounted in a root outlives the command, or shows on the host.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lab.images import cache

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

HERE = Path(__file__).parent
PROJECT = HERE.parents[1]
LOCK = "requirements/dev.txt"

PACKAGES = (
    *("podman", "crun", "runc", "netavark", "aardvark-dns", "nftables", "iptables", "catatonit"),
    *("iproute2", "passt", "slirp4netns", "uidmap", "fuse-overlayfs"),
    *("ca-certificates", "mmdebstrap", "python3", "python3-venv"),
)
USER = "lab"
"""The user without privileges in every root."""
INSIDE = "/project"
"""Where the project is seen inside a root, read-only."""
PYTHON = "/opt/lab/bin/python"

# How the host reaches Debian's archive: its name servers, certificates and settings of apt.
_HOST_SETTINGS = ("/etc/resolv.conf", "/etc/hosts", "/etc/ssl/certs", "/etc/apt/apt.conf.d")
_NOT_COPIED = (".git", ".venv", ".hypothesis", "__pycache__", "*_cache", "dist")


@dataclass(frozen=True)
class Root:
    """The root of one Debian release, and the state of the project that is seen in it."""

    suite: str
    project: Path

    @property
    def directory(self) -> Path:
        """Where it is on the host."""
        return home() / self.suite

    @property
    def python(self) -> str:
        """Its Python's version, as in 3.13."""
        return (self.directory / "usr/bin/python3").readlink().name.removeprefix("python")

    def prepare(self) -> None:
        """Make what is missing of it: packages, the user, the locked Python packages."""
        cache.once(self.directory, self._install)
        if not (self.directory / "home" / USER).exists():
            self.run("useradd", "--create-home", USER, offline=True)
            ids = "100000-165535"
            self.run("usermod", "--add-subuids", ids, "--add-subgids", ids, USER, offline=True)
        stamp = self.directory / "opt" / "lab" / "locked"
        locked = hashlib.sha256((self.project / LOCK).read_bytes()).hexdigest()
        if not stamp.exists() or stamp.read_text() != locked:
            self._install_locked(locked)
            stamp.write_text(locked)

    def run(
        self, *command: str, offline: bool, sources: Iterable[str] = (), user: str = "root"
    ) -> subprocess.CompletedProcess[str]:
        """Run a command to its end in namespaces of its own, and return what it said.

        Args:
            command: The words of the command.
            offline: Whether its network is one of its own, without a way out.
            sources: What to show it of the host, as FROM:TO.
            user: Who runs it.
        """
        new = ("--mount", "--pid", "--ipc", "--uts", *(("--net",) if offline else ()))
        settings = (f"{path}:{path}" for path in _HOST_SETTINGS if Path(path).exists())
        shown = (f"{self.project}:{INSIDE}", *sources, *(() if offline else settings))
        home_ = "/root" if user == "root" else f"/home/{user}"
        environment = {
            "HOME": home_,
            "LANG": "C.UTF-8",
            "PATH": "/opt/lab/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "HYPOTHESIS_STORAGE_DIRECTORY": "/tmp/hypothesis",  # noqa: S108 - of this run alone
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONPATH": INSIDE,
        }
        become = () if user == "root" else ("runuser", "--preserve-environment", "-u", user, "--")
        return subprocess.run(
            (
                *("unshare", *new, "--fork", "--kill-child"),
                *(str(HERE / "enter.sh"), str(self.directory), *shown, "--"),
                *(*become, *command),
            ),
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )

    def _install(self, target: Path) -> None:
        _check(
            "mmdebstrap", "--quiet", "--variant=minbase", f"--include={','.join(PACKAGES)}",
            # A mirror may be a snapshot, and sid's lists expire after a week.
            '--aptopt=Acquire::Check-Valid-Until "false"',
            self.suite, str(target),
        )  # fmt: skip
        # Whoever copies a root must not read from devices; sessions have their own.
        for device in (target / "dev").glob("*"):
            if device.is_char_device():
                device.unlink()

    def _install_locked(self, locked: str) -> None:
        """Install the development lock, fetched by the host's pip, into a new environment."""

        def fetch(target: Path) -> None:
            _check(
                sys.executable, "-m", "pip", "download", "--quiet", "--require-hashes",
                "--only-binary=:all:", "--no-deps", "--implementation", "cp",
                "--python-version", self.python, "--dest", str(target),
                "-r", str(self.project / LOCK),
            )  # fmt: skip

        wheels = cache.once(home() / "wheels" / f"{self.python}-{locked[:16]}", fetch)
        for command in (
            ("/usr/bin/python3", "-m", "venv", "--clear", "/opt/lab"),
            (
                *(PYTHON, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps"),
                *("--find-links", "/wheels", "--require-hashes"),
                *("-r", f"{INSIDE}/{LOCK}"),
            ),
        ):
            done = self.run(*command, offline=True, sources=(f"{wheels}:/wheels",))
            assert done.returncode == 0, done.stdout


def home() -> Path:
    """The directory of all roots, beside lab's own cache, which is for downloads alone."""
    return cache.directory().with_name("lab-matrix")


@contextmanager
def snapshot() -> Iterator[Path]:
    """A copy of the project as it is now, so that edits during a run do not mix versions."""
    home().mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="project-", dir=home()) as name:
        directory = Path(name) / "project"
        shutil.copytree(PROJECT, directory, ignore=shutil.ignore_patterns(*_NOT_COPIED))
        Path(name).chmod(0o755)
        yield directory


def _check(*command: str) -> None:
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    assert done.returncode == 0, f"{command[0]} failed:\n{done.stdout}"

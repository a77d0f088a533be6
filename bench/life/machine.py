"""What the figures depend on besides the code: the machine, and the versions of programs."""

from __future__ import annotations

import os
import platform
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import msgspec

SERVICE = b"/app/service.py"
"""The word by which the processes of services A and B are known."""


class Machine(msgspec.Struct, frozen=True, kw_only=True):
    """Where and with what was measured; ``load`` is the load average before the first run."""

    processor: str
    processors: int
    memory: str
    system: str
    kernel: str
    python: str
    podman: str
    podman_compose: str
    runtime: str
    revision: str
    load: float
    date: str


class Made(msgspec.Struct, frozen=True):
    """How, when, of which revision and on how busy a machine something was measured."""

    command: str
    date: str
    revision: str
    load: float

    def __str__(self) -> str:
        """In one sentence."""
        return (
            f"Made by `{self.command}` on {self.date}, revision {self.revision}, load average "
            f"{self.load:.1f} before."
        )


def made(command: str) -> Made:
    """What is to be said of a measurement that begins now."""
    return Made(
        command, _now(), _said("git", "describe", "--always", "--dirty"), os.getloadavg()[0]
    )


def look(podman_compose: str, runtime: str) -> Machine:
    """Describe this machine; ``podman_compose`` is the program's path."""
    return Machine(
        processor=_field("/proc/cpuinfo", "model name"),
        processors=os.cpu_count() or 1,
        memory=f"{int(_field('/proc/meminfo', 'MemTotal').split()[0]) / 1024**2:.1f} GiB",
        system=platform.freedesktop_os_release()["PRETTY_NAME"],
        kernel=platform.release(),
        python=platform.python_version(),
        podman=_said("podman", "--version").split()[-1],
        podman_compose=_said(podman_compose, "--version").splitlines()[0].split()[-1],
        runtime=_said(runtime, "--version").splitlines()[0].split()[-1],
        revision=_said("git", "describe", "--always", "--dirty"),
        load=os.getloadavg()[0],
        date=_now(),
    )


def busy() -> float:
    """Seconds that all processors together have worked since the machine started (proc(5))."""
    user, nice, system, _idle, _iowait, irq, soft = map(
        int, Path("/proc/stat").read_text().split(maxsplit=8)[1:8]
    )
    return (user + nice + system + irq + soft) / os.sysconf("SC_CLK_TCK")


def spent(word: bytes, variable: bytes = b"") -> float:
    """Seconds that the processes which run now spent computing (proc(5)).

    Counted are those with a word on their command line and, if given, a variable (``NAME=``):
    only root can tell the variables of a container's processes.
    """
    ticks = 0
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it ended
            if word not in (process / "cmdline").read_bytes().split(b"\0"):
                continue
            if variable and b"\0" + variable not in b"\0" + (process / "environ").read_bytes():
                continue
            fields = (process / "stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def _now() -> str:
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime())


def _field(path: str, name: str) -> str:
    for line in Path(path).read_text().splitlines():
        key, _, value = line.partition(":")
        if key.strip() == name:
            return value.strip()
    return "unknown"


def _said(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return done.stdout.strip()

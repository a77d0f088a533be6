"""Looking at this machine's processes, by id."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

PATIENCE = 10.0
SIGTERM_BIT = 1 << (signal.SIGTERM - 1)


def commands() -> Iterator[tuple[int, list[str]]]:
    """Every process that can be looked at, with its command line."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            with suppress(OSError):
                words = (entry / "cmdline").read_bytes().split(b"\0")[:-1]
                yield int(entry.name), [os.fsdecode(word) for word in words]


def with_word(word: str) -> list[int]:
    """The processes that have a word on their command line."""
    return [process for process, words in commands() if word in words]


def of(directory: Path, spared: Iterable[str]) -> list[str]:
    """What runs from a directory: it is on the command line, or below it lies the process's root.

    ``spared`` are words that excuse: ids of containers, and of processes.
    """
    excuses = set(spared)
    found = []
    for process, words in commands():
        if str(process) in excuses or excuses & set(words):
            continue
        if any(str(directory) in word for word in words) or _root_is_below(process, directory):
            found.append(f"process {process} {' '.join(words)[:120]}")
    return found


def handles(process: int) -> Iterator[str]:
    """What each open file of a process refers to, as proc(5) has it: ``socket:[inode]``."""
    for handle in Path(f"/proc/{process}/fd").iterdir():
        with suppress(FileNotFoundError):  # it was closed
            yield str(handle.readlink())


def handles_signals(process: int) -> bool:
    """Whether a process has a handler for SIGTERM: from then on its own code decides."""
    with suppress(OSError):
        for line in Path(f"/proc/{process}/status").read_text().splitlines():
            if line.startswith("SigCgt:"):
                return bool(int(line.split()[1], 16) & SIGTERM_BIT)
    return False


def end(processes: Iterable[int]) -> None:
    """End processes, and wait until they are gone."""
    for process in processes:
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGTERM)
        deadline = time.monotonic() + PATIENCE
        while Path(f"/proc/{process}").exists() and time.monotonic() < deadline:
            time.sleep(0.01)


def wait_for_end_of(directory: Path) -> None:
    """Wait until nothing runs from a directory any more."""
    deadline = time.monotonic() + PATIENCE
    while of(directory, ()) and time.monotonic() < deadline:
        time.sleep(0.05)


def _root_is_below(process: int, directory: Path) -> bool:
    with suppress(OSError):
        for line in Path(f"/proc/{process}/mountinfo").read_text().splitlines():
            if line.split()[4] == "/":
                return str(directory) in line
    return False

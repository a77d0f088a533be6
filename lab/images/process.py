"""Run a program of the host, with its output shown live and kept for the error."""

from __future__ import annotations

import resource
import shlex
import signal
import subprocess
import threading
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING

from lab.errors import StepError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path
    from typing import IO

LAST_LINES = 12
"""How many lines of a failed program's output an error shows."""
END_SECONDS = 5.0
"""How long an interrupted program may take to clear up before it is killed."""
RUN_SECONDS = 1800.0
"""How long a program may take: a mirror that sends a byte a minute is given up."""
MAX_FILE = 2 << 30
"""How large a file may become that a program writes."""

_running: set[subprocess.Popen[bytes]] = set()


def end_all() -> None:
    """Interrupt every program that :func:`run` waits for in other threads: they fail there."""
    for process in tuple(_running):
        process.send_signal(signal.SIGINT)  # pip and mmdebstrap remove their temporary files


def run(
    command: Sequence[str],
    emit: Callable[[str], None],
    *,
    doing: str,
    hint: Callable[[str], str],
    output: IO[bytes] | None = None,
    environment: Mapping[str, str] | None = None,
    directory: Path | None = None,
) -> None:
    """Run a command to its end; every line it says goes to ``emit``.

    With ``output`` its standard output is written there instead; with ``environment`` it has
    these variables and no others, and it runs in ``directory`` when that is given. Raises
    ``StepError`` when it cannot be started or fails: ``doing`` says what it was for ("fetching
    wheels"), ``hint`` is given what the command said and answers what to do about it.
    """
    last: deque[str] = deque(maxlen=LAST_LINES)
    shown = f"command: {shlex.join(command)}"
    try:
        process = subprocess.Popen(  # noqa: S603 - fixed programs, no shell
            command,
            stdin=subprocess.DEVNULL,
            stdout=output or subprocess.PIPE,
            stderr=subprocess.PIPE if output else subprocess.STDOUT,
            env=environment,
            cwd=directory,
        )
    except OSError as error:
        raise StepError(
            f"{doing} failed: {command[0]} cannot be started ({error.strerror})",
            hint=hint(""),
            details=(shown,),
        ) from error
    with process:
        lines = process.stderr if output else process.stdout
        _running.add(process)
        late = threading.Timer(RUN_SECONDS, process.kill)
        late.daemon = True
        late.start()
        try:
            with suppress(OSError):  # it ended
                resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (MAX_FILE, MAX_FILE))
            for raw in lines or ():
                line = raw.decode(errors="replace").rstrip()
                if line:
                    last.append(line)
                    emit(line)
        except BaseException:
            _end(process)  # an interrupt must not wait for a download
            raise
        finally:
            late.cancel()
            _running.discard(process)
    if process.returncode != 0:
        raise StepError(
            f"{doing} failed with exit status {process.returncode}",
            hint=hint("\n".join(last)),
            details=(shown, *last),
        )


def _end(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGINT)
    try:
        process.wait(END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()

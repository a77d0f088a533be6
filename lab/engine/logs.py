"""Containers' logs: the wire format of libpod's API, conmon's files, and whole lines of both.

The API tells times in whole seconds (4.3.1), too coarse to merge several logs. Where podman's
service is on this machine the files that it reads are read instead: they have nanoseconds. When
such a log is followed, podman's own stream tells when to look again.
"""

from __future__ import annotations

import os
import re
import threading
from collections import deque
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

HEADER = 8
"""Bytes before each frame: the stream's number, three zeros, the length as a 32-bit big-endian
integer (Docker Engine API, "Attach to a container", stream format)."""
LONGEST = 1 << 20
"""Bytes of a line that are held until it ends; a longer one is given in pieces."""
SECOND = 10**9
PATIENCE = 1.0
"""Seconds after which a file is looked at again unasked: its stream may have begun late."""

_STAMP = rb"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d) "
_LINES = re.compile(rb"[^\n]*\n|[^\n]+")
_TIMED = re.compile(_STAMP)
_STORED = re.compile(_STAMP + rb"(stdout|stderr) ([FP]) ")
"""Before each entry of a file; ``P`` is one that does not end its line."""


class Line(NamedTuple):
    """A line of a log with its end, or a piece of one that is without.

    ``time`` is in nanoseconds since 1970, and the same for all pieces of a line; ``stream`` is 1
    for standard output and 2 for standard error.
    """

    time: int
    stream: int
    text: bytes


def frames(chunks: Iterable[bytes]) -> Iterator[Line]:
    """Take a multiplexed stream with times apart; an entry without one has that before it."""
    buffer = bytearray()
    time = 0
    for chunk in chunks:
        buffer += chunk
        begin = 0
        while len(buffer) - begin >= HEADER:
            end = begin + HEADER + int.from_bytes(buffer[begin + 4 : begin + HEADER], "big")
            if len(buffer) < end:
                break
            stream, payload = buffer[begin], bytes(buffer[begin + HEADER : end])
            if found := _TIMED.match(payload):
                time, payload = _time(found), payload[found.end() :]
            for text in _LINES.findall(payload):
                yield Line(time, stream, text)
            begin = end
        del buffer[:begin]


def stored(
    path: str, *, tail: int | None = None, wait: Callable[[], bool] | None = None
) -> Iterator[Line]:
    """The entries of one of conmon's files as they are now, and with ``wait`` those that follow.

    ``wait`` returns when there may be more, and False once there will be none. Raises ``OSError``.
    """
    file: BinaryIO = open(path, "rb")  # noqa: PTH123, SIM115 - replaced below, and closed
    try:
        left = os.fstat(file.fileno()).st_size
        if tail is not None:
            begin = _tail(file, tail)
            file.seek(begin)
            left -= begin
        entry, more = b"", wait is not None
        while True:
            for part in file:
                entry += part
                left -= len(part)
                if entry.endswith(b"\n"):
                    if found := _STORED.match(entry):
                        stream = 1 if found[4] == b"stdout" else 2
                        text = entry[found.end() : None if found[5] == b"F" else -1]
                        yield Line(_time(found), stream, text)
                    entry = b""
                if wait is None and left <= 0:
                    break
            if wait is not None and (newer := _replaced(file, path)):
                file.close()
                file, entry = newer, b""
            elif wait is None or not more:
                return
            else:
                more = wait()
    finally:
        file.close()


def _tail(file: BinaryIO, lines: int) -> int:
    """Where the last lines begin."""
    at = 0
    ends = deque([0], maxlen=min(lines, SECOND) + 1)
    for entry in file:
        at += len(entry)
        if entry.split(b" ", 3)[2:3] == [b"F"]:
            ends.append(at)
    return ends[0]


def _replaced(file: BinaryIO, path: str) -> BinaryIO | None:
    """The file that has taken the place of one that grew too large."""
    try:
        if os.path.samestat(os.fstat(file.fileno()), os.stat(path)):  # noqa: PTH116
            return None
        return open(path, "rb")  # noqa: PTH123 - closed by the caller
    except OSError:
        return None  # the container is gone


class Bell:
    """Rings when podman's stream of a log says something, until it ends."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        """Begin to listen; nothing else ends a thread that waits for a line, on Ctrl-C."""
        self._chunks = chunks
        self._rung = threading.Event()
        self._ended = False
        self._error: Exception | None = None
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        try:
            for _ in self._chunks:
                self._rung.set()
        except Exception as error:  # noqa: BLE001 - raised again by who waits
            self._error = error
        self._ended = True
        self._rung.set()

    def wait(self) -> bool:
        """Wait for the next; False when there will be none. Raises what ended the stream."""
        self._rung.wait(PATIENCE)
        self._rung.clear()
        if self._error:
            raise self._error
        return not self._ended


def whole(entries: Iterable[Line]) -> Iterator[Line]:
    """Put the pieces of each line together, those of the two streams apart from each other."""
    held: dict[int, tuple[int, bytearray]] = {}
    for entry in entries:
        if entry.stream not in held:
            if entry.text.endswith(b"\n"):
                yield entry
                continue
            held[entry.stream] = (entry.time, bytearray())
        time, text = held[entry.stream]
        text += entry.text
        if text.endswith(b"\n"):
            del held[entry.stream]
        elif len(text) >= LONGEST:
            held[entry.stream] = (time, bytearray())
        else:
            continue
        yield Line(time, entry.stream, bytes(text))
    for stream, (time, text) in held.items():
        if text:
            yield Line(time, stream, bytes(text))


def _time(found: re.Match[bytes]) -> int:
    return _seconds(found[1], found[3]) * SECOND + int((found[2] or b"").ljust(9, b"0"))


@lru_cache(maxsize=8)
def _seconds(second: bytes, zone: bytes) -> int:
    return int(datetime.fromisoformat((second + zone).decode()).timestamp())

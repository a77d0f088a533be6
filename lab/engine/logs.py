"""The wire format of container logs: frames of standard output and error, mixed."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

HEADER = 8
"""Bytes before each frame: the stream's number, three zeros, the length as a 32-bit big-endian
integer (Docker Engine API, "Attach to a container", stream format)."""


def frames(chunks: Iterable[bytes]) -> Iterator[str]:
    """Decode a multiplexed stream into whole lines without their ends."""
    buffer = bytearray()
    line = bytearray()
    for chunk in chunks:
        buffer += chunk
        while len(buffer) >= HEADER:
            end = HEADER + int.from_bytes(buffer[4:HEADER], "big")
            if len(buffer) < end:
                break
            line += buffer[HEADER:end]
            del buffer[:end]
            while (newline := line.find(b"\n")) >= 0:
                yield line[:newline].decode(errors="replace")
                del line[: newline + 1]
    if line:
        yield line.decode(errors="replace")

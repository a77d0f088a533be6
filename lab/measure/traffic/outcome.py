"""What can become of a request that has no answer, and how answers are told apart."""

from __future__ import annotations

import base64
import errno
import socket
from enum import StrEnum

CLASS_LENGTH = 24
"""Answers that agree in this many characters are counted together, as in `uniq -w 24`."""


class ErrorKind(StrEnum):
    """Why a request got no answer."""

    REFUSED = "refused"
    RESET = "reset"
    """The connection ended before the answer was complete."""
    TIMEOUT = "timeout"
    DNS = "dns"
    """The host name has no address."""
    UNREACHABLE = "unreachable"
    MALFORMED = "malformed"
    """What came is not HTTP."""
    UNANSWERED = "unanswered"
    """The load was interrupted while the answer was awaited."""
    UNSENT = "not sent"
    """This machine had no file, port or memory left to send it, or did not let it out."""
    OTHER = "other"


_BY_ERRNO = {
    errno.ECONNREFUSED: ErrorKind.REFUSED,
    errno.ECONNRESET: ErrorKind.RESET,
    errno.ECONNABORTED: ErrorKind.RESET,
    errno.EPIPE: ErrorKind.RESET,
    errno.ETIMEDOUT: ErrorKind.TIMEOUT,
    errno.EHOSTUNREACH: ErrorKind.UNREACHABLE,
    errno.ENETUNREACH: ErrorKind.UNREACHABLE,
} | dict.fromkeys(
    (
        errno.EMFILE,
        errno.ENFILE,
        errno.ENOBUFS,
        errno.ENOMEM,
        errno.EADDRNOTAVAIL,
        errno.EADDRINUSE,
        errno.EAGAIN,
        errno.EACCES,
        errno.EPERM,
    ),
    ErrorKind.UNSENT,
)
_UNASKED = {socket.EAI_MEMORY, socket.EAI_SYSTEM}
"""Errors of looking a name up that are not about the name."""


def kind_of(error: Exception) -> ErrorKind:
    """The kind of an error that connecting or reading ended with."""
    if isinstance(error, TimeoutError):
        return ErrorKind.TIMEOUT
    if isinstance(error, socket.gaierror):
        return ErrorKind.UNSENT if error.errno in _UNASKED else ErrorKind.DNS
    number = error.errno if isinstance(error, OSError) else None
    return _BY_ERRNO.get(number or 0, ErrorKind.OTHER)


def class_of(body: bytes) -> bytes:
    """The first characters of a body's first line, which stand for answers of its kind."""
    head = body[:CLASS_LENGTH]
    if not head.isascii():
        head = body.decode(errors="replace")[:CLASS_LENGTH].encode()
    return head.partition(b"\n")[0].rstrip()


def pack(successes: bytes | bytearray) -> str:
    """A byte per request, 1 or 0, as a bit per request in base64; the first bit is the first."""
    if not successes:
        return ""
    size = -(-len(successes) // 8)
    digits = bytes(successes).translate(_DIGITS).ljust(size * 8, b"0")
    return base64.b64encode(int(digits, 2).to_bytes(size)).decode()


def packed(count: int) -> int:
    """How long the text is that :func:`pack` makes of ``count`` requests."""
    size = -(-count // 8)
    return -(-size // 3) * 4


def unpack(text: str, count: int) -> bytes:
    """What :func:`pack` was given, ``count`` bytes of 1 or 0.

    Raises:
        ValueError: not base64, or not as many requests as ``count`` says.
    """
    packed = base64.b64decode(text, validate=True)
    if len(packed) != -(-count // 8):
        raise ValueError(f"{len(packed)} bytes do not hold {count} outcomes")
    return bytes(packed[i // 8] >> (7 - i % 8) & 1 for i in range(count))


_DIGITS = bytes.maketrans(b"\x00\x01", b"01")

"""The gate in front of both standard streams.

Whoever writes, text that came from elsewhere cannot steer a terminal: characters that would are
named in letters, and everything printable stays. A file that cannot be written to, or not in its
encoding, ends nothing: the work goes on, and the command says at its end that its output was lost.
"""

from __future__ import annotations

import codecs
import errno
import io
import os
import re
import select
import sys
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

PLAIN = dict(zip(map(ord, "·•—…✓✗━─│┌┐└┘├┤┬┴┼→←“”"), '-*-~+x--|+++++++++><""', strict=True))
PLAIN |= dict.fromkeys((0x2010, 0x2011, 0x2013, 0x2212), "-")  # more dashes
PLAIN |= {0xD7: "x", 0x2018: "'", 0x2019: "'"}
"""What stands for a character that the stream's encoding lacks, as wide as it."""
FALLBACK = "lab.plain"
"""The name of that way out among Python's error handlers."""
_STDERR = 2
_BYTES = range(0xDC80, 0xDD00)
"""How ``surrogateescape`` writes bytes that are no text."""
_BRAILLE = range(0x2801, 0x2900)


STEERING = "\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u206f\ud800-\udfff"
"""C0 without tab and newline, C1, what changes the direction of text (the property Bidi_Control),
Unicode's line ends, and what is no character."""
_UNSAFE = re.compile(f"[{STEERING}]")


def named(found: re.Match[str]) -> str:
    r"""A character in letters: ``\x1b``, ``\u202e``; a byte that is no text by its number."""
    code = ord(found[0])
    if code in _BYTES:
        code -= 0xDC00
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"  # noqa: PLR2004 - two digits


def visible(text: str) -> str:
    """Text of any number of lines, with what would steer a terminal written in letters."""
    return _UNSAFE.sub(named, text)


def _plain(error: UnicodeError) -> tuple[str | bytes, int]:
    """Replace one character that an encoding lacks (:func:`codecs.register_error`)."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    found = error.object[error.start]
    after = error.start + 1
    if ord(found) in _BYTES:
        return bytes((ord(found) - 0xDC00,)), after
    if ord(found) in _BRAILLE:
        return "*", after
    replaced = found.translate(PLAIN)
    return replaced if replaced.isascii() else found.encode("ascii", "backslashreplace"), after


codecs.register_error(FALLBACK, _plain)


class _Tolerant(io.FileIO):
    """A file that takes whatever is written, also when nothing can be written to it."""

    lost: OSError | None = None

    def write(self, data: ReadableBuffer, /) -> int:
        """Write, and wait where the file is one that does not; keep the first error."""
        while self.lost is None:
            try:
                written = super().write(data)
            except OSError as error:
                self.lost = error
                break
            if written is not None:
                return written
            select.select((), (self,), ())
        return memoryview(data).nbytes

    def look(self) -> None:
        """Find out whether a pipe's reader has left, also when there is nothing to write."""
        poll = select.poll()
        poll.register(self, 0)
        if self.lost is None and any(event & select.POLLERR for _, event in poll.poll(0)):
            self.lost = BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))


class Stream(io.TextIOWrapper):
    """A standard stream on which only :class:`Paper` can style, move a cursor, or write bytes."""

    def write(self, text: str, /) -> int:
        """Write what anything else has to say, argument parser and tracebacks included."""
        self.styled(visible(text) if self.isatty() else text)
        return len(text)

    def styled(self, text: str) -> None:
        """Write text whose control sequences are lab's own."""
        super().write(text)

    @property
    def lost(self) -> OSError | None:
        """Why what was written did not arrive, if so."""
        return self._raw.lost

    @property
    def reader_left(self) -> bool:
        """Whether nobody will read what is written from now on."""
        self._raw.look()
        return self.lost is not None

    @property
    def _raw(self) -> _Tolerant:
        found: _Tolerant = self.buffer.raw  # type: ignore[attr-defined] # a BufferedWriter's
        return found


def begin() -> None:
    """Put the gate in front of both streams; one that is closed becomes one that refuses.

    Otherwise the next file that is opened, a socket or a record, would be standard output.
    """
    for number, way in enumerate((os.O_RDONLY, os.O_RDONLY, os.O_WRONLY)):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, way), True)  # noqa: FBT003 - positional only
    sys.stdout, sys.stderr = _gate(sys.stdout, 1), _gate(sys.stderr, 2)


def _gate(before: TextIO | None, number: int) -> Stream:
    if before is not None:
        before.flush()
    return Stream(
        io.BufferedWriter(_Tolerant(number, "wb", closefd=False)),
        encoding=getattr(before, "encoding", None) or "utf-8",
        errors=FALLBACK,
        newline="\n",
        # Progress is read as it comes, and so is what PYTHONUNBUFFERED asks for.
        line_buffering=number == _STDERR
        or getattr(before, "line_buffering", False)
        or getattr(before, "write_through", False),
        write_through=True,  # to the buffer, which data is written to as well
    )

"""What is printed: every line that lab writes to a terminal, a file or a pipe passes here.

Lines with a little markup are written without Rich, whose import takes as long as all of a
``lab status`` besides; what moves, wraps or is drawn still goes to Rich, through
:attr:`Paper.rich`. Text from elsewhere is made harmless on the way (:mod:`lab.streams`).
"""

from __future__ import annotations

import errno
import os
import re
import shlex
import shutil
import sys
from functools import cached_property
from typing import TYPE_CHECKING, Any, TextIO

from lab.errors import ExitStatus
from lab.streams import STEERING, Stream, named, visible

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import Console, ConsoleOptions, RenderableType
    from rich.segment import Segment

CODES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "cyan": "36"}
CODES |= {"magenta": "35", "blue": "34", "/": "0"}
"""What a terminal takes for each word of a tag (ECMA-48, SGR); ``/`` ends all."""
WIDE = 1000
"""Columns where there is no terminal to fit: a file or a pipe must not lose what is cut off."""

LEAST = 20
"""Columns in which words are put below each other, be the terminal ever so narrow."""

_UNSAFE_IN_LINE = re.compile(f"[\n{STEERING}]")
_UNTYPED = re.compile(f"[\\\\'\t\n{STEERING}]")
_UNSAFE_IN_JSON = re.compile("[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u206f]")
_BEYOND_ASCII = re.compile("[^\x00-\x7e]")
_WORD = "|".join(CODES)
_TAG = re.compile(rf"(\\?)\[((?:{_WORD})(?: (?:{_WORD}))*)\]")


def clean(text: str) -> str:
    """One line of text, with what would steer a terminal or end the line written in letters."""
    return _UNSAFE_IN_LINE.sub(named, text)


def typed(word: str) -> str:
    r"""A word quoted for a shell that it is pasted into, where a control character is a key.

    What would steer the terminal is written as ``$'\033'``, which bash, zsh and ksh know.
    """
    if not _UNSAFE_IN_LINE.search(word) and "\t" not in word:
        return shlex.quote(word)

    def octal(found: re.Match[str]) -> str:
        if found[0] in "\\'":
            return f"\\{found[0]}"
        return "".join(f"\\{byte:03o}" for byte in found[0].encode(errors="surrogateescape"))

    return f"$'{_UNTYPED.sub(octal, word)}'"


def escape(text: str) -> str:
    """Text in which nothing is a tag, for :meth:`Paper.print`."""
    return _TAG.sub(r"\\\g<0>", text)


def _as_json(found: re.Match[str]) -> str:
    units = found[0].encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))


def finish(status: int) -> int:
    """Write out what waits, and return the exit status: what was lost is a failure.

    A reader that went away, as ``head`` does, is told nothing and gives the status that a shell
    gives for it.
    """
    lost = out.lost
    if lost is None:
        return status
    if lost.errno == errno.EPIPE:
        return status or ExitStatus.PIPE
    err.print(f"[bold red]error:[/] the output could not be written: {lost.strerror}")
    err.print("[bold]hint:[/] all else that the command does is done; only its output is lost")
    return status or ExitStatus.FAILED


class Paper:
    """One of the two standard streams, looked up anew for each line."""

    def __init__(self, name: str) -> None:
        """``name`` is ``stdout`` or ``stderr``."""
        self._name = name

    @property
    def file(self) -> TextIO:
        """The stream itself."""
        found: TextIO = getattr(sys, self._name)
        return found

    @property
    def is_terminal(self) -> bool:
        """Whether somebody looks at it now."""
        return self.file.isatty()

    @property
    def moves(self) -> bool:
        """Whether it is a terminal on which a cursor can be moved."""
        return self.is_terminal and os.environ.get("TERM") not in {"dumb", "unknown"}

    @property
    def styled(self) -> bool:
        """Whether words may be bold or coloured here: on a terminal, or by ``FORCE_COLOR``."""
        return self.moves or bool(os.environ.get("FORCE_COLOR"))

    @property
    def colours(self) -> bool:
        """Whether they may be coloured: not when ``NO_COLOR`` says so (no-color.org)."""
        return self.styled and not os.environ.get("NO_COLOR")

    @property
    def unicode(self) -> bool:
        """Whether every character can be written."""
        return (self.file.encoding or "utf-8").lower().startswith("utf")

    @property
    def tells_apart(self) -> bool:
        """Whether lines of one drawing may differ by their colour alone."""
        return self.colours and self.unicode

    @property
    def width(self) -> int:
        """How many columns a line may have."""
        return shutil.get_terminal_size().columns if self.is_terminal else WIDE

    @property
    def lost(self) -> OSError | None:
        """Why what was written did not arrive, if so."""
        file = self.file
        file.flush()
        return file.lost if isinstance(file, Stream) else None

    def unread(self) -> bool:
        """Whether what is written now is lost: who writes without end asks this."""
        file = self.file
        file.flush()
        return isinstance(file, Stream) and file.reader_left

    @cached_property
    def rich(self) -> Console:
        """Rich's console on the same stream."""
        return _console(self)

    def write(self, text: str) -> None:
        """Write text whose control sequences are lab's own, and no others."""
        file = self.file
        (file.styled if isinstance(file, Stream) else file.write)(text)

    def print(self, text: str, *, style: str = "", markup: bool = True) -> None:
        """Write a line; with ``markup``, words like ``[bold]these[/]`` get what their tag says.

        Its text may come from anywhere: what would steer a terminal is written in letters.
        """
        text = clean(text)
        line = self.marked(text) if markup else text
        self.write(f"{self._code(style)}{line}{self._code('/')}\n" if style else f"{line}\n")

    def prose(self, text: str, *, head: str = "", style: str = "") -> None:
        """Write a sentence; on a terminal it is broken between words, behind ``head``."""
        import textwrap

        lines = [text]
        if self.is_terminal:
            room = max(LEAST, self.width - len(head))
            lines = textwrap.wrap(clean(text), room, break_long_words=False, break_on_hyphens=False)
        for line in lines or [""]:
            self.print(f"{head}{line}", style=style, markup=False)
            head = " " * len(head)

    def marked(self, text: str) -> str:
        """Text with its tags replaced by what this stream takes for them."""

        def tag(found: re.Match[str]) -> str:
            return found[0][1:] if found[1] else self._code(found[2])

        return _TAG.sub(tag, text)

    def _code(self, words: str) -> str:
        if not self.styled:
            return ""
        codes = [CODES[word] for word in words.split()]
        wanted = [each for each in codes if self.colours or each < "3"]  # the rest is no colour
        return f"\x1b[{';'.join(wanted)}m" if wanted else ""

    def draw(self, shown: RenderableType) -> None:
        """Have Rich write something of its own, a table or coloured source text."""
        self.rich.print(shown)

    def json(self, text: str) -> None:
        """Write JSON of the same value, without what steers a terminal or the stream lacks."""
        unsafe = _UNSAFE_IN_JSON if self.unicode else _BEYOND_ASCII
        self.write(unsafe.sub(_as_json, text) + "\n")

    def data(self, text: bytes, head: str = "") -> None:
        """Write data: to a file or pipe byte for byte, to a terminal made visible.

        ``head`` is lab's own, and comes from :meth:`marked`.
        """
        file = self.file
        if self.is_terminal or not hasattr(file, "buffer"):
            self.write(head + visible(text.decode(errors="surrogateescape")))
            return
        if not isinstance(file, Stream):
            file.flush()  # what waits goes first; a Stream lets nothing wait
        file.buffer.write(head.encode() + text)


def _console(paper: Paper) -> Console:
    """Rich on a stream: it may style and move, and what it shows is made visible as all else."""
    from rich.console import Console
    from rich.segment import Segment

    class Gated(Console):
        """A console whose text cannot steer a terminal, whoever made it."""

        def render(
            self, renderable: RenderableType, options: ConsoleOptions | None = None
        ) -> Iterable[Segment]:
            """Render, with the text made visible; Rich's own controls are apart from it."""
            for text, style, control in super().render(renderable, options):
                yield Segment(text if control else visible(text), style, control)

    class File:
        """The stream as Rich sees it, looked up anew as it may be replaced."""

        @property
        def rich_proxied_file(self) -> File:
            """What Rich writes to while it is live and what is said passes through it."""
            return self

        def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever a stream has
            """Everything but writing is the stream's."""
            return getattr(paper.file, name)

        def write(self, text: str) -> int:
            """Write what Rich made."""
            file = getattr(paper.file, "rich_proxied_file", paper.file)
            (file.styled if isinstance(file, Stream) else file.write)(text)
            return len(text)

    return Gated(
        file=File(),  # type: ignore[arg-type] # all of a stream that Rich uses
        highlight=False,
        soft_wrap=True,
        width=None if paper.is_terminal else WIDE,
        force_terminal=paper.styled,
        no_color=not paper.colours,
    )


out = Paper("stdout")
err = Paper("stderr")

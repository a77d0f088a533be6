"""Where results and notes are written: lines with a little markup, without Rich.

Importing Rich takes as long as all of a ``lab status`` besides, and most of what lab prints are
lines in which some words are bold or coloured. Those are written here, with the few of Rich's tags
that they need. What moves, wraps or is drawn still goes to Rich, through :attr:`Paper.rich`.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from functools import cached_property
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

CODES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "/": "0"}
"""What a terminal takes for each word of a tag (ECMA-48, SGR); ``/`` ends all."""
WIDE = 1000
"""Columns where there is no terminal to fit: a file or a pipe must not lose what is cut off."""

_WORD = "|".join(CODES)
_TAG = re.compile(rf"(\\?)\[((?:{_WORD})(?: (?:{_WORD}))*)\]")


def clean(text: str) -> str:
    """One line of text without control characters, which a terminal would obey."""
    return "".join(c if c == "\t" or c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def escape(text: str) -> str:
    """Text in which nothing is a tag, for :meth:`Paper.print`."""
    return _TAG.sub(r"\\\g<0>", text)


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
    def width(self) -> int:
        """How many columns a line may have."""
        return shutil.get_terminal_size().columns if self.is_terminal else WIDE

    @cached_property
    def rich(self) -> Console:
        """Rich's console on the same stream."""
        from rich.console import Console

        width = None if self.is_terminal else WIDE
        return Console(stderr=self._name == "stderr", highlight=False, soft_wrap=True, width=width)

    def print(self, text: str, *, style: str = "", markup: bool = True) -> None:
        """Write a line; with ``markup``, words like ``[bold]these[/]`` get what their tag says.

        Its text may come from anywhere: control characters are replaced.
        """
        styled = self.is_terminal and os.environ.get("TERM") != "dumb"

        def code(words: str) -> str:
            plain = "NO_COLOR" in os.environ  # no-color.org: bold and dim are no colours
            codes = [CODES[word] for word in words.split()]
            wanted = [each for each in codes if not plain or each < "3"]
            return f"\x1b[{';'.join(wanted)}m" if styled and wanted else ""

        def tag(found: re.Match[str]) -> str:
            return found[0][1:] if found[1] else code(found[2])

        text = clean(text)
        line = _TAG.sub(tag, text) if markup else text
        self.file.write(f"{code(style)}{line}{code('/')}\n" if style else f"{line}\n")

    def draw(self, shown: RenderableType) -> None:
        """Have Rich write something of its own, a table or coloured source text."""
        self.rich.print(shown)


out = Paper("stdout")
err = Paper("stderr")

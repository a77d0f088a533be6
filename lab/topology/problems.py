"""What is wrong with a scenario: collected, counted and told, however much of it there is."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from lab.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

_MAX_SHOWN = 20
_MAX_KEPT = 1000
_MAX_SAID = 500
MAX_QUOTED = 60
_MAX_GUESSED = 500
_MAX_TEXT = 128 * 1024
"""Characters of one text with its parameters filled in: the kernel takes no longer variable."""
_MAX_TEXTS = 4 * 1024 * 1024
"""Characters of all of them in a scenario, those of copies included."""


def quote(value: object) -> str:
    """A value for a message: on one line, in quotes, cut when it is long."""
    return repr(cut(str(value), MAX_QUOTED))


def cut(text: str, length: int) -> str:
    """A text up to a length, with dots for the rest."""
    return text if len(text) <= length else f"{text[:length]}..."


def nearest(word: str, known: Iterable[str]) -> str:
    """``; did you mean 'x'?`` when a known word is close, else nothing.

    No effort is made for what nobody can have meant: a long word, or one of very many.
    """
    from difflib import get_close_matches

    likely = (each for each in islice(known, _MAX_GUESSED) if len(each) <= MAX_QUOTED)
    found = get_close_matches(word, likely, n=1) if len(word) <= MAX_QUOTED else []
    return f"; did you mean {found[0]!r}?" if found else ""


class Problems:
    """Everything wrong with a scenario: one line each, ``file:line: path: what``."""

    def __init__(self) -> None:
        """Begin with none."""
        self._found: dict[str, list[tuple[int, str]]] = {}
        self._count = 0
        self._texts = 0

    def __len__(self) -> int:
        """How many there are."""
        return self._count

    @property
    def crowded(self) -> bool:
        """Whether there are more than are shown, so that no effort is due to the next."""
        return len(self) >= _MAX_SHOWN

    def add(self, file: str, line: int, path: str, text: str) -> None:
        """Note a problem; ``path`` may be empty when it concerns the whole file."""
        where = f"{file}:{line}: {path}: " if path else f"{file}:{line}: "
        self._count += 1
        if self._count <= _MAX_KEPT:
            self._found.setdefault(file, []).append((line, where + cut(text, _MAX_SAID)))

    def nearest(self, word: str, known: Iterable[str]) -> str:
        """Like :func:`nearest`, and nothing when there are problems enough."""
        return "" if self.crowded else nearest(word, known)

    def excess(self, length: int) -> str:
        """Why a scenario cannot have a text of so many characters besides all others, or ""."""
        self._texts += length
        if length > _MAX_TEXT:
            return f"is longer than {_MAX_TEXT // 1024} KiB with its parameters filled in"
        if self._texts > _MAX_TEXTS:
            return f"makes all texts together longer than {_MAX_TEXTS // 1024**2} MiB"
        return ""

    def raise_if_any(self, file: str) -> None:
        """Raise what :meth:`error` returns if anything was noted."""
        if len(self):
            raise self.error(file)

    def error(self, file: str) -> UsageError:
        """A UsageError about the scenario ``file`` that lists the problems by file and line."""
        lines = [text for found in self._found.values() for _, text in sorted(found)]
        count = "a problem" if len(self) == 1 else f"{len(self)} problems"
        details = lines[:_MAX_SHOWN]
        if len(self) > _MAX_SHOWN:
            details.append(f"... and {len(self) - _MAX_SHOWN} more")
        return UsageError(
            f"{file} has {count}",
            details=tuple(details),
            hint="docs/scenarios.md lists every key; `lab show direct` is an example.",
        )

"""Typed access to a scenario's YAML that collects every problem instead of stopping at one.

An accessor that finds something wrong notes it with its line and returns a harmless stand-in,
so that reading goes on; what was built is only used when no problem was noted.
"""

from __future__ import annotations

import re
from itertools import islice
from typing import TYPE_CHECKING, TypeVar

import msgspec

from lab.errors import UsageError
from lab.topology.document import Mapping, Node, Scalar, Sequence

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable
    from collections.abc import Mapping as Values
    from collections.abc import Set as AbstractSet

    ParameterValues = Values[str, int | str | None]
    Names = AbstractSet[str]

N = TypeVar("N", bound=float)

_MAX_SHOWN = 20
_MAX_KEPT = 1000
_MAX_SAID = 500
_MAX_QUOTED = 60
_MAX_KEY = 100
_MAX_GUESSED = 500
_MAX_TEXT = 128 * 1024
"""Characters of one text with its parameters filled in: the kernel takes no longer variable."""
_MAX_TEXTS = 4 * 1024 * 1024
"""Characters of all of them in a scenario, those of copies included."""
_MAX_DIGITS = 18
_NULL = {"", "~", "null", "Null", "NULL"}
_INTEGER = re.compile(r"-?(0|[1-9][0-9]*)")
_REFERENCE = re.compile(r"\$\{([a-z][a-z0-9-]*)\}")
_DOLLAR = re.compile(rf"\$\$|{_REFERENCE.pattern}|\$")
# YAML escapes can write them, but neither a process' environment nor JSON can carry them.
_IMPOSSIBLE = re.compile("[\0\ud800-\udfff]")


def quote(value: object) -> str:
    """A value for a message: on one line, in quotes, cut when it is long."""
    return repr(_cut(str(value), _MAX_QUOTED))


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[:length]}..."


def nearest(word: str, known: Iterable[str]) -> str:
    """``; did you mean 'x'?`` when a known word is close, else nothing.

    No effort is made for what nobody can have meant: a long word, or one of very many.
    """
    from difflib import get_close_matches

    likely = (each for each in islice(known, _MAX_GUESSED) if len(each) <= _MAX_QUOTED)
    found = get_close_matches(word, likely, n=1) if len(word) <= _MAX_QUOTED else []
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
            self._found.setdefault(file, []).append((line, where + _cut(text, _MAX_SAID)))

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


class Scope(msgspec.Struct, frozen=True):
    """What the items of one file share: its name, the problems, the parameters' values.

    ``secrets`` names the parameters that are secret.
    """

    file: str
    problems: Problems
    values: ParameterValues = {}
    secrets: Names = frozenset()


class Item(msgspec.Struct, frozen=True):
    """A node with its place in the file: ``path`` is like ``pods.web-pod.ports[0]``."""

    node: Node
    line: int
    path: str
    scope: Scope

    @staticmethod
    def root(node: Node, scope: Scope) -> Item:
        """The whole document."""
        return Item(node, 1, "", scope)

    def problem(self, text: str) -> None:
        """Note that this item is wrong; ``text`` continues "pods.web-pod: ..."."""
        self.scope.problems.add(self.scope.file, self.line, self.path, text)

    def nearest(self, word: str, known: Iterable[str]) -> str:
        """What a problem of this item adds about a word; see :func:`nearest`."""
        return self.scope.problems.nearest(word, known)

    def with_text(self, text: str) -> Item:
        """An item in the same place that holds only a part of the text."""
        node = Scalar(self.node.line, text, plain=False)
        return msgspec.structs.replace(self, node=node)

    def with_values(self, values: ParameterValues) -> Item:
        """The same item with further values to fill in."""
        scope = msgspec.structs.replace(self.scope, values={**self.scope.values, **values})
        return msgspec.structs.replace(self, scope=scope)

    @property
    def place(self) -> str:
        """Where the item stands, for the message of another problem."""
        return f"{self.scope.file}:{self.line}"

    @property
    def null(self) -> bool:
        """Whether nothing is written as the value."""
        return isinstance(self.node, Scalar) and self.node.plain and self.node.text in _NULL

    @property
    def empty(self) -> bool:
        """Whether the value is a mapping without entries."""
        return isinstance(self.node, Mapping) and not self.node.pairs

    @property
    def parameter(self) -> str:
        """The name of the parameter that is the whole value, "" when there is none."""
        found = _REFERENCE.fullmatch(self.node.text) if isinstance(self.node, Scalar) else None
        return found[1] if found else ""

    @property
    def omitted(self) -> bool:
        """Whether the whole value is one parameter that is not set: the key counts as absent."""
        name = self.parameter
        if name in self.scope.secrets:
            return False  # it may not stand there at all
        return bool(name) and self.scope.values.get(name, "") is None

    def entries(self) -> dict[str, Item]:
        """The entries of a mapping, in order."""
        if not isinstance(self.node, Mapping):
            self.problem("has to be a mapping (key: value)")
            return {}
        found: dict[str, Item] = {}
        for key, value in self.node.pairs:
            name = _cut(key.text, _MAX_KEY)
            path = f"{self.path}.{name}" if self.path else name
            if _IMPOSSIBLE.search(key.text) or not key.text.isprintable():
                self.problem(f"has the impossible key {key.text[:_MAX_QUOTED]!a}")
                continue
            item = Item(value, key.line, path, self.scope)
            if key.text in found:
                item.problem(f"is there twice, first on line {found[key.text].line}")
            else:
                found[key.text] = item
        return found

    def elements(self) -> tuple[Item, ...]:
        """The elements of a list."""
        if not isinstance(self.node, Sequence):
            self.problem("has to be a list")
            return ()
        return tuple(
            Item(node, node.line, f"{self.path}[{index}]", self.scope)
            for index, node in enumerate(self.node.items)
        )

    def literal(self) -> str:
        """The text as written, without filling in parameters."""
        if not isinstance(self.node, Scalar) or self.null:
            self.problem("has to be a single value" if not self.null else "has no value")
            return ""
        if _IMPOSSIBLE.search(self.node.text):
            self.problem("has a character that no text may have")
            return ""
        return self.node.text

    def sentence(self) -> str:
        """A line for people to read: line breaks become spaces, parameters are not filled in."""
        line = " ".join(self.literal().split())
        if line.isprintable():
            return line
        self.problem("has characters that cannot be shown")
        return ""

    def text(self) -> str:
        """The text with ``${parameter}`` filled in and ``$$`` as a dollar sign."""
        literal = self.literal()
        if "$" not in literal:
            return literal if self.affords(len(literal)) else ""

        def replace(found: re.Match[str]) -> str:
            name = found[1]
            if found[0] == "$$":
                return "$"
            if name is None:
                self.problem("a $ begins ${parameter}; write $$ for a dollar sign")
            elif name not in self.scope.values:
                self.problem(
                    f"there is no parameter {name!r}{self.nearest(name, self.scope.values)}"
                )
            elif name in self.scope.secrets:
                self.problem(
                    f"parameter {name!r} is secret, and only a file can hold it: "
                    f"secrets: [{name}] mounts /run/secrets/{name}"
                )
            elif self.scope.values[name] is None:
                self.problem(f"parameter {name!r} has no value to put into a longer text")
            else:
                return str(self.scope.values[name])
            return ""

        values = self.scope.values
        added = sum(len(str(values.get(name) or "")) for name in _REFERENCE.findall(literal))
        return _DOLLAR.sub(replace, literal) if self.affords(len(literal) + added) else ""

    def affords(self, length: int) -> bool:
        """Whether a text of that length fits; to be asked before it is made."""
        excess = self.scope.problems.excess(length)
        if excess:
            self.problem(excess)
        return not excess

    def checked(self, check: Callable[[str], str]) -> str:
        """The text when ``check`` finds no fault; see :mod:`lab.topology.values`."""
        before = len(self.scope.problems)
        text = self.text()
        if len(self.scope.problems) == before and (fault := check(text)):
            self.problem(f"{quote(text)} {fault}")
            return ""
        return text

    def converted(self, convert: Callable[[str], N]) -> N | int:
        """The text as ``convert`` reads it; its ValueError is the problem."""
        before = len(self.scope.problems)
        text = self.text()
        if len(self.scope.problems) > before:
            return 0
        try:
            return convert(text)
        except ValueError as error:
            self.problem(f"{quote(text)} {error}")
            return 0

    def integer(self, minimum: int, maximum: int) -> int:
        """A whole number within the range."""
        return self.converted(lambda text: whole(text, minimum, maximum))

    def boolean(self) -> bool:
        """Either true or false."""
        text = self.checked(
            lambda text: "" if text in {"true", "false"} else "is neither true nor false"
        )
        return text == "true"

    def section(self, known: Collection[str], required: Collection[str] = ()) -> Section:
        """The entries of a mapping with a fixed set of keys."""
        found = self.entries()
        for key, item in found.items():
            if key not in known:
                near = self.nearest(key, known)
                item.problem(f"is not a key that lab knows{near}")
        if isinstance(self.node, Mapping):
            for key in required:
                if key not in found:
                    self.problem(f"{key} is missing")
        return Section(found)


class Section:
    """A mapping whose keys are known: each accessor gives the value or its default."""

    def __init__(self, found: dict[str, Item]) -> None:
        """Keep the entries by their keys."""
        self._found = found

    def get(self, key: str) -> Item | None:
        """The item under a key, unless it is absent or its parameter is not set."""
        item = self._found.get(key)
        return None if item is None or item.omitted else item

    def sentence(self, key: str) -> str:
        """A line for people, empty when the key is absent."""
        item = self.get(key)
        return "" if item is None else item.sentence()

    def literal(self, key: str, default: str = "") -> str:
        """A text in which parameters are not filled in."""
        item = self.get(key)
        return default if item is None else item.literal()

    def checked(self, key: str, check: Callable[[str], str], default: str = "") -> str:
        """A text that has to pass a check."""
        item = self.get(key)
        return default if item is None else item.checked(check)

    def converted(self, key: str, convert: Callable[[str], int], default: int = 0) -> int:
        """A number written in a form of its own, such as 512m."""
        item = self.get(key)
        return default if item is None else item.converted(convert)

    def integer(self, key: str, minimum: int, maximum: int, default: int = 0) -> int:
        """A whole number within the range."""
        item = self.get(key)
        return default if item is None else item.integer(minimum, maximum)

    def boolean(self, key: str, *, default: bool) -> bool:
        """Either true or false."""
        item = self.get(key)
        return default if item is None else item.boolean()

    def entries(self, key: str) -> dict[str, Item]:
        """The entries of a mapping, none when the key is absent."""
        item = self.get(key)
        return {} if item is None else item.entries()

    def elements(self, key: str) -> tuple[Item, ...]:
        """The elements of a list, none when the key is absent."""
        item = self.get(key)
        return () if item is None else item.elements()


def whole(text: str, minimum: int | None, maximum: int | None) -> int:
    """A whole number within a range whose ends may be open; ValueError says what is wrong."""
    if not _INTEGER.fullmatch(text):
        raise ValueError("is not a whole number")
    low = -(10**_MAX_DIGITS) if minimum is None else minimum
    high = 10**_MAX_DIGITS if maximum is None else maximum
    # Checked by length first: Python refuses to convert thousands of digits.
    number = int(text) if len(text) <= _MAX_DIGITS + 1 else None
    if number is None or not low <= number <= high:
        raise ValueError(f"is out of range: {span(minimum, maximum)}")
    return number


def span(minimum: int | None, maximum: int | None) -> str:
    """A range in words: "0 to 100", "at least 1", "at most 9"."""
    if minimum is not None and maximum is not None:
        return f"{minimum} to {maximum}"
    if minimum is not None:
        return f"at least {minimum}"
    return f"at most {maximum}" if maximum is not None else f"at most {_MAX_DIGITS} digits"

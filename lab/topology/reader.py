"""Typed access to a scenario's YAML that collects every problem instead of stopping at one.

An accessor that finds something wrong notes it with its line and returns a harmless stand-in,
so that reading goes on; what was built is only used when no problem was noted.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypeVar

import msgspec

from lab.topology.document import Mapping, Node, Scalar, Sequence
from lab.topology.problems import MAX_QUOTED, Problems, cut, quote

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable
    from collections.abc import Mapping as Values
    from collections.abc import Set as AbstractSet

    ParameterValues = Values[str, int | str | None]
    Names = AbstractSet[str]

N = TypeVar("N", bound=float)

_MAX_KEY = 100
_MAX_DIGITS = 18
_NULL = {"", "~", "null", "Null", "NULL"}
_INTEGER = re.compile(r"-?(0|[1-9][0-9]*)")
_REFERENCE = re.compile(r"\$\{([a-z][a-z0-9-]*)\}")
_DOLLAR = re.compile(rf"\$\$|{_REFERENCE.pattern}|\$")
# YAML escapes can write them, but neither a process' environment nor JSON can carry them.
_IMPOSSIBLE = re.compile("[\0\ud800-\udfff]")


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
            name = cut(key.text, _MAX_KEY)
            path = f"{self.path}.{name}" if self.path else name
            if _IMPOSSIBLE.search(key.text) or not key.text.isprintable():
                self.problem(f"has the impossible key {key.text[:MAX_QUOTED]!a}")
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

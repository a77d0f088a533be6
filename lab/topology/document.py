"""YAML text to a tree of nodes that know their lines.

Scenarios need mappings, lists and plain values, so that is all that is accepted: no anchors
and aliases (ten lines of them unfold to gigabytes), no tags, one document a file.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator

    import yaml

MAX_BYTES = 256 * 1024
"""How large a file of a scenario may be; whoever reads it checks."""
MAX_DEPTH = 32

# All but what YAML 1.2 calls printable (production 1).
_UNPRINTABLE = "[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"


class Scalar(msgspec.Struct, frozen=True):
    """A single value as written; ``plain`` means without quotes."""

    line: int
    text: str
    plain: bool


class Sequence(msgspec.Struct, frozen=True):
    """A list."""

    line: int
    items: tuple[Node, ...]


class Mapping(msgspec.Struct, frozen=True):
    """Keys and values in their order; a key may come twice."""

    line: int
    pairs: tuple[tuple[Scalar, Node], ...]


Node = Scalar | Sequence | Mapping


def size(node: Node) -> int:
    """How many keys and values a node has, itself included."""
    if isinstance(node, Mapping):
        return 1 + sum(1 + size(value) for _, value in node.pairs)
    return 1 + sum(map(size, node.items)) if isinstance(node, Sequence) else 1


class DocumentError(Exception):
    """The text is not one YAML document of the accepted kind; ``line`` counts from 1."""

    def __init__(self, line: int, text: str) -> None:
        """Keep the line beside the clause that says what is wrong."""
        super().__init__(text)
        self.line = line
        self.text = text


def parse(data: bytes) -> Node:
    """Read one document. Raises :class:`DocumentError`."""
    import yaml

    text = _decode(data)
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        return _build(yaml.parse(text, Loader=loader))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        clause = ", ".join(part for part in (error.context, error.problem) if part)
        raise DocumentError(mark.line + 1 if mark else 1, f"not valid YAML: {clause}") from error
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        # PyYAML without libyaml hands escapes beyond Unicode to chr() as they are.
        raise DocumentError(1, f"not valid YAML: {error}") from error


def _decode(data: bytes) -> str:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise DocumentError(line, "not UTF-8 text") from error
    # What Python calls printable is less than that. Compiling the pattern takes 4 ms.
    plain = all(line.isprintable() for line in text.split("\n"))
    if not plain and (found := re.search(_UNPRINTABLE, text)):
        line = text.count("\n", 0, found.start()) + 1
        raise DocumentError(line, f"has the control character {found[0]!r}")
    return text


class _Open:
    """A list or mapping whose end has not come yet."""

    def __init__(self, line: int, *, mapping: bool) -> None:
        self.line = line
        self.mapping = mapping
        self.children: list[Node] = []

    def close(self) -> Node:
        if not self.mapping:
            return Sequence(self.line, tuple(self.children))
        pairs = []
        for key, value in zip(self.children[::2], self.children[1::2], strict=True):
            if not isinstance(key, Scalar):
                raise DocumentError(key.line, "a key has to be plain text")
            pairs.append((key, value))
        return Mapping(self.line, tuple(pairs))


def _build(events: Iterator[yaml.Event]) -> Node:
    # From events rather than yaml.compose(): aliases are still visible in them, and no depth of
    # nesting exhausts the stack.
    import yaml

    root = _Open(1, mapping=False)
    stack = [root]
    for event in events:
        line = event.start_mark.line + 1 if event.start_mark else 1
        if isinstance(event, yaml.NodeEvent):
            _refuse_extras(event, line)
        if isinstance(event, yaml.DocumentStartEvent) and root.children:
            raise DocumentError(line, "a second document begins here: one a file")
        if isinstance(event, yaml.ScalarEvent):
            stack[-1].children.append(Scalar(line, event.value, event.style in {None, ""}))
        elif isinstance(event, yaml.CollectionStartEvent):
            if len(stack) > MAX_DEPTH:
                raise DocumentError(line, f"nested deeper than {MAX_DEPTH} levels")
            stack.append(_Open(line, mapping=isinstance(event, yaml.MappingStartEvent)))
        elif isinstance(event, yaml.CollectionEndEvent):
            node = stack.pop().close()
            stack[-1].children.append(node)
    if not root.children:
        raise DocumentError(1, "empty")
    return root.children[0]


def _refuse_extras(event: yaml.NodeEvent, line: int) -> None:
    if event.anchor is not None:
        raise DocumentError(line, "anchors (&) and aliases (*) are not supported")
    if getattr(event, "tag", None) is not None:
        raise DocumentError(line, "tags (!) are not supported")

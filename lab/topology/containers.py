"""The parts of a container that concern nothing outside it: build, environment, mounts."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING

from lab import kinds
from lab.topology import scraping, values
from lab.topology.document import Mapping, Scalar
from lab.topology.problems import nearest, quote
from lab.topology.spec import BuildSpec

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Mapping as Names
    from pathlib import Path

    from lab.topology.reader import Item, Section

CONTAINERFILE = "Containerfile"
BASE = "BASE"
"""The build argument that lab itself gives: the reference of the base."""

_BUILD = ("context", "base", "args")
_TARGETS = ("each", "port")


def mount_fault(text: str) -> str:
    """What is wrong with a mount, as a clause; see :mod:`lab.topology.values`."""
    volume, _, rest = text.partition(":")
    target, colon, mode = rest.partition(":")
    if values.name(volume, values.LONGEST):
        return "is not VOLUME:/PATH with a volume declared under volumes"
    if colon and mode not in {"ro", "rw"}:
        return "ends in something else than :ro or :rw"
    return f"mounts at a place that {fault}" if (fault := values.target(target)) else ""


def words(section: Section, key: str) -> tuple[Item, ...]:
    """The words of a list, or of a text in a shell's way of writing."""
    item = section.get(key)
    if item is None or not isinstance(item.node, Scalar):
        return section.elements(key)
    try:
        # Split before parameters are filled in: what is in one stays one word.
        return tuple(item.with_text(word) for word in shlex.split(item.literal()))
    except ValueError as error:
        item.problem(f"cannot be split into words: {str(error).lower()}")
        return ()


def one_or_more(section: Section, key: str) -> tuple[Item, ...]:
    """The elements of a list, or the one value that stands in its place."""
    item = section.get(key)
    if item is None or not isinstance(item.node, Scalar) or item.null:
        return section.elements(key)
    return (item,)


def build(item: Item, directory: Path | None, names: Names[str, tuple[str, ...]]) -> BuildSpec:
    """How to build an image; ``directory`` is the scenario file's, None for shipped files.

    ``names`` has the host names of the pod, each with those that stand for a single address.
    """
    section = item.section(_BUILD, required=("context", "base"))
    base = section.checked("base", _base_fault)
    context = section.get("context")
    return BuildSpec(
        context=_context(context, directory) if context else "",
        base=base,
        args=_arguments(section.entries("args"), names),
    )


def _base_fault(text: str) -> str:
    if text in kinds.BASES:
        return ""
    return f"is not one of the bases {', '.join(kinds.BASES)}{nearest(text, kinds.BASES)}"


def _context(item: Item, directory: Path | None) -> str:
    """A shipped context by its bare name, or a directory beside the scenario file."""
    text = item.checked(values.anything)
    if text in kinds.CONTEXTS or not text:
        return text
    if directory is None or "/" not in text:
        near = item.nearest(text, kinds.CONTEXTS)
        item.problem(f"{quote(text)} is no context of lab's; a directory is written ./NAME{near}")
        return ""
    home = directory.resolve()
    try:
        path = (home / text).resolve()
        found = (path / CONTAINERFILE).is_file()
    except (OSError, RuntimeError) as error:
        item.problem(f"{quote(text)} cannot be read: {error}")
        return ""
    if not path.is_relative_to(home):
        item.problem(f"{quote(text)} is outside the scenario's directory")
    elif not found:
        item.problem(f"{quote(text)} is not a directory with a {CONTAINERFILE}")
    return str(path)


def _arguments(found: dict[str, Item], names: Names[str, tuple[str, ...]]) -> dict[str, str]:
    """Build arguments: texts, or lists of the targets behind a host name."""
    lists = {name: item for name, item in found.items() if isinstance(item.node, Mapping)}
    texts = _variables(
        {name: item for name, item in found.items() if name not in lists}, values.argument
    )
    listed = {name: _targets(item, names) for name, item in lists.items()}
    if BASE in found:
        found[BASE].problem(f"{BASE} stands for the base")
    return {
        name: listed[name] if name in lists else texts[name]
        for name in found
        if name in texts or name in lists
    }


def _targets(item: Item, names: Names[str, tuple[str, ...]]) -> str:
    """HOST:PORT for each copy behind a host name, as a JSON list; or all that is scraped."""
    if {key.text for key, _ in item.node.pairs} == {"scrape"}:  # type: ignore[union-attr]
        scrape = item.section(("scrape",)).literal("scrape")
        if scrape != "all":
            item.problem("scrape is written {scrape: all}")
        return scraping.ALL
    section = item.section(_TARGETS, required=_TARGETS)
    host = section.literal("each")
    if host and host not in names:
        near = item.nearest(host, names)
        item.problem(f"{quote(host)} is not one of the pod's extra_hosts{near}")
    port = section.integer("port", *values.PORTS)
    found = names.get(host, ())
    length = sum(map(len, found)) + len(found) * len(f'":{port}", ')
    return json.dumps([f"{name}:{port}" for name in found]) if item.affords(length) else ""


def _variables(found: dict[str, Item], check: Callable[[str], str]) -> dict[str, str]:
    for name, item in found.items():
        if fault := check(name):
            item.problem(f"{quote(name)} {fault}")
    return {name: item.text() for name, item in found.items() if not item.omitted}


def secrets(section: Section) -> dict[str, str]:
    """The secrets that are mounted: the file of each, and its parameter, both of one name."""
    found: dict[str, str] = {}
    for item in section.elements("secrets"):
        name = item.literal()
        known = item.scope.secrets
        if name and name not in known:
            item.problem(
                f"{quote(name)} is not a parameter with secret: true{nearest(name, known)}"
            )
        elif item.scope.values.get(name) is not None:
            found[name] = name
    return found


def environment(section: Section) -> dict[str, str]:
    """The environment, from a mapping or a list of NAME=VALUE."""
    item = section.get("environment")
    if item is None:
        return {}
    if isinstance(item.node, Mapping):
        return _variables(item.entries(), values.variable)
    found: dict[str, Item] = {}
    for element in item.elements():
        name, equals, value = element.literal().partition("=")
        if not equals:
            element.problem("is not NAME=VALUE")
        elif name in found:
            element.problem(f"{quote(name)} is there twice")
        else:
            # The value alone, so that an unset parameter leaves the variable out here as well.
            found[name] = element.with_text(value)
    return _variables(found, values.variable)

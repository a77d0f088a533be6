"""Scenarios: YAML files, shipped with lab or the user's own, that become a spec.

Nothing here but reading files touches the world: addresses are chosen by
:mod:`lab.topology.place` and image references by :mod:`lab.images`, later.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from lab import files
from lab.errors import UsageError
from lab.topology import scraping
from lab.topology.document import MAX_BYTES, DocumentError, Mapping, parse
from lab.topology.measuring import KEYS as MEASURING
from lab.topology.measuring import Measuring
from lab.topology.parameters import defaults, fill, is_default, read, redeclare
from lab.topology.pods import REPLICA, Assembly
from lab.topology.problems import Problems, nearest, quote
from lab.topology.reader import Item, Scope, Section
from lab.topology.spec import (
    DEFAULT_NAME,
    LabSpec,
    NetworkSpec,
    SecretSpec,
    check_name,
    network_name,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from collections.abc import Mapping as Values

    from lab.topology.document import Node
    from lab.topology.parameters import Parameter
    from lab.topology.spec import PodSpec

SHIPPED = Path(__file__).parent / "scenarios"
_SUFFIXES = (".yaml", ".yml")
_READABLE = "check the path, and whether you may read it"
_KEYS = (
    "summary",
    "baseline",
    "include",
    "entry",
    "parameters",
    "volumes",
    "pods",
    "scrape",
    *MEASURING,
)
_MOST_FILES = 16


class Shipped(msgspec.Struct, frozen=True):
    """A scenario that comes with lab."""

    name: str
    summary: str


class _File(msgspec.Struct, frozen=True):
    """One file of a scenario; ``label`` is its name in messages."""

    label: str
    path: Path
    shipped: bool
    text: str
    section: Section


def names() -> tuple[Shipped, ...]:
    """The scenarios that come with lab, by name; files only meant for include are left out."""
    found = []
    for path in sorted(SHIPPED.glob("[!_]*.yaml")):
        root = Item.root(parse(path.read_bytes()), Scope(path.name, Problems()))
        found.append(Shipped(path.stem, root.section(_KEYS).sentence("summary")))
    return tuple(found)


def text(ref: str) -> str:
    """The YAML of a scenario as it is written, followed by what it includes.

    Raises UsageError when there is no such scenario or it cannot be read.
    """
    problems = Problems()
    opened = _open(ref, Scope("", problems))
    problems.raise_if_any(_locate(ref)[1])
    parts = [f"# {f.label}\n{f.text}" for f in reversed(opened)]
    return "\n".join(parts)


def parameters(ref: str) -> tuple[Parameter, ...]:
    """The parameters that a scenario and what it includes declare. Raises like :func:`load`."""
    problems = Problems()
    declared = _declared(_open(ref, Scope("", problems)))
    problems.raise_if_any(_locate(ref)[1])
    return declared


def load(
    ref: str,
    *,
    name: str = DEFAULT_NAME,
    given: Values[str, str | int],
    secrets: Collection[str] = (),
    local: bool = False,
    allow_root: bool = False,
) -> LabSpec:
    """Read a scenario and fill in its parameters.

    ``ref`` is the name of a shipped scenario or the path of a file (with a ``/`` in it, or
    ending in .yaml or .yml), ``name`` is the lab's, ``given`` maps parameters to values of the
    command line: only these can publish a port beyond loopback, and not even they when the lab
    is to be ``local``. ``secrets`` names the secrets that are given in another way. In
    the spec the network has no subnet, pods have no address, a host that stands for a pod
    holds the pod's name, and an image to build has no reference. Unless ``allow_root``, a
    container with ``user: 0`` is a problem.

    Raises UsageError: for a bad ``name`` or ``ref``, for everything wrong in the files (each
    problem with its line), and for parameters that are unknown or out of range.
    """
    check_name(name)
    path, label, shipped = _locate(ref)
    problems = Problems()
    # Filled in below, between reading what is declared and reading what uses it.
    values: dict[str, int | str | None] = {REPLICA: None}
    hidden: set[str] = set()
    opened = _open(ref, Scope("", problems, values, hidden))
    declared = _declared(opened)
    hidden.update(parameter.name for parameter in declared if parameter.secret)
    values.update(defaults(declared))
    refusal = None
    filled: dict[str, int | str | None] = {}
    try:
        filled = fill(declared, given, secrets, scenario=label)
        values.update(filled)
    except UsageError as error:
        # The files' problems come first: a declaration may be what is wrong.
        refusal = error
    summary = opened[-1].section.sentence("summary")
    assembly = Assembly(name, given, local=local, allow_root=allow_root)
    for file in opened:
        assembly.read_volumes(file.section.entries("volumes"))
    if (pods := opened[-1].section.get("pods")) and pods.empty:
        pods.problem("a scenario needs a pod")
    for file in opened:
        home = None if file.shipped else file.path.parent
        assembly.find_pods(file.section.entries("pods"), home)
        assembly.read_entry(file.section.get("entry"))
    assembly.read_pods()
    assembly.check()
    behind = {each for found in assembly.addresses.values() for each in found.values()}
    spec = LabSpec(
        name=name,
        scenario=ref if shipped else str(path.resolve()),
        summary=summary,
        baseline=_baseline(opened),
        parameters=filled,
        entry=assembly.entry,
        addresses=assembly.addresses,
        chosen=tuple(sorted(behind.intersection(given))),
        network=NetworkSpec(name=network_name(name)),
        volumes=tuple(assembly.volumes),
        secrets=_mounted(assembly.pods),
        images=assembly.images,
        pods=tuple(assembly.pods),
        kinds=assembly.kinds,
    )
    measuring = Measuring()
    further: list[scraping.Job] = []
    for file in opened:
        measuring.find(file.section)
        further += scraping.read(file.section.entries("scrape"), assembly.copies)
    spec = scraping.fill(measuring.complete(spec), further)
    problems.raise_if_any(label)
    if refusal:
        raise refusal
    return spec


def _mounted(pods: Iterable[PodSpec]) -> tuple[SecretSpec, ...]:
    """Every secret that a container mounts, once."""
    mounted = (c.secrets.values() for pod in pods for c in pod.containers)
    parameters = dict.fromkeys(name for names in mounted for name in names)
    return tuple(SecretSpec(name="", parameter=parameter) for parameter in parameters)


def _baseline(opened: list[_File]) -> str:
    """The scenario to compare with, as a spec calls it: the last file that names one counts."""
    for file in reversed(opened):
        item = file.section.get("baseline")
        ref = item.literal() if item else ""
        if item and ref:
            if _is_path(ref):
                return str((file.path.parent / ref).resolve())
            try:
                _locate(ref)
            except UsageError as error:
                item.problem(error.message)
            return ref
    return ""


def _is_path(ref: str) -> bool:
    return "/" in ref or ref.endswith(_SUFFIXES)


def _locate(ref: str) -> tuple[Path, str, bool]:
    """The file of a scenario, its name in messages, and whether it comes with lab."""
    if _is_path(ref):
        return Path(ref), _label(Path(ref)), False
    known = [path.stem for path in sorted(SHIPPED.glob("[!_]*.yaml"))]
    if ref not in known:
        near = nearest(ref, known)
        raise UsageError(
            f"there is no scenario {quote(ref)}{near}",
            hint=f"Scenarios: {', '.join(known)}, or a path such as ./mine.yaml.",
        )
    return SHIPPED / f"{ref}.yaml", f"{ref}.yaml", True


def _read(path: Path, label: str, below: Path | None = None) -> bytes:
    try:
        return files.read(path, MAX_BYTES, below=below)
    except OSError as error:
        raise UsageError(f"cannot read {quote(label)}: {error.strerror}", hint=_READABLE) from error
    except ValueError as error:
        raise UsageError(f"cannot read {quote(label)}: {error}", hint=_READABLE) from error


def _open(ref: str, scope: Scope) -> list[_File]:
    """The files of a scenario, what is included first.

    Raises UsageError for a file that is no YAML or not there, since the rest then looks wrong.
    """
    path, label, shipped = _locate(ref)
    top, top_item, home = label, None, path.parent
    data = _read(path, label)
    found: list[_File] = []
    while True:
        here = msgspec.structs.replace(scope, file=label)
        try:
            root = parse(data)
        except DocumentError as error:
            scope.problems.add(label, error.line, "", error.text)
            raise scope.problems.error(top) from error
        item = Item.root(root, here)
        if found and (line := _stranger(root)):
            # What it says is not shown: it may be any file beside the scenario.
            scope.problems.add(label, line, "", "a scenario has no such key as this line")
            raise scope.problems.error(top)
        top_item = top_item or item
        section = item.section(_KEYS, () if found else ("summary",))
        found.append(_File(label, path, shipped, data.decode(), section))
        include = section.get("include")
        if include is None:
            if not any(file.section.get("pods") for file in found):
                top_item.problem("pods is missing")
            return found[::-1]
        try:
            path, label, shipped = _included(include.literal(), found, home)
            data = _read(path, label, None if shipped else home)
        except UsageError as error:
            include.problem(error.message)
            raise scope.problems.error(top) from error


def _stranger(root: Node) -> int:
    """The first line with a key that no scenario has; 0 when there is none."""
    pairs = root.pairs if isinstance(root, Mapping) else ()
    return next((key.line for key, _ in pairs if key.text not in _KEYS), 0)


def _included(ref: str, by: list[_File], home: Path) -> tuple[Path, str, bool]:
    """Like :func:`_locate` for an include: paths start at the including file.

    They stay in ``home``, the directory of the scenario that was asked for.
    """
    if len(by) >= _MOST_FILES:
        raise UsageError(f"more than {_MOST_FILES} files are included, one by the other")
    if _is_path(ref):
        # Unlike Path.resolve this asks no file system: no link is followed on the way either.
        path = Path(os.path.abspath(by[-1].path.parent / ref))  # noqa: PTH100
        top = Path(os.path.abspath(home))  # noqa: PTH100
        if by[-1].shipped or not path.is_relative_to(top) or path == top:
            raise UsageError(f"{quote(ref)} is outside the scenario's directory")
        path, shipped = home / path.relative_to(top), False
        label = _label(path)
    else:
        known = [path.stem for path in SHIPPED.glob("*.yaml")]
        if ref not in known:
            near = nearest(ref, known)
            raise UsageError(f"there is nothing to include by the name {quote(ref)}{near}")
        path, label, shipped = SHIPPED / f"{ref}.yaml", f"{ref}.yaml", True
    if any(path == file.path for file in by):
        raise UsageError(f"{quote(label)} is included already")
    return path, label, shipped


def _label(path: Path) -> str:
    """A path for messages: what cannot be shown is escaped."""
    return str(path) if str(path).isprintable() else ascii(str(path))


def _declared(opened: list[_File]) -> tuple[Parameter, ...]:
    found: dict[str, Parameter] = {}
    places: dict[str, str] = {}
    for file in opened:
        for name, item in file.section.entries("parameters").items():
            if name == REPLICA:
                item.problem("is the number of a copy, and no parameter")
            elif name not in found:
                found[name], places[name] = read(name, item), item.place
            elif is_default(item):
                found[name] = redeclare(found[name], item)
            else:
                item.problem(f"is declared already, at {places[name]}: give it only a default")
    return tuple(found.values())

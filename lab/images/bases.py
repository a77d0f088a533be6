"""The bases of ``bases.toml`` as types: the only place where versions are pinned."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import msgspec

from lab.errors import UsageError
from lab.topology.spec import Spec


class Base(Spec, frozen=True):
    """A base image: its official reference, and the recipe of its root without a registry.

    ``packages``, ``files`` and ``owned`` include what all roots have in common; ``bases.toml``
    says what the fields mean.
    """

    registry: str
    packages: tuple[str, ...]
    files: tuple[str, ...]
    owned: dict[str, int] = {}
    wheel: str = ""
    program: str = ""
    suite: str = ""


class _Common(Spec, frozen=True):
    packages: tuple[str, ...]
    files: tuple[str, ...]


class _Pins(Spec, frozen=True):
    suite: str
    python: str
    common: _Common
    bases: dict[str, Base]
    digests: dict[str, str] = {}


@cache
def _pins() -> _Pins:
    text = Path(__file__).with_name("bases.toml").read_bytes()
    return msgspec.toml.decode(text, type=_Pins)


def official(name: str) -> str:
    """Return the reference of a base's official image: by its digest where one is pinned.

    Podman takes no other image for it then, whatever the registry has under the tag.
    """
    image = base(name).registry
    digest = _pins().digests.get(name, "")
    return f"{image.rpartition(':')[0]}@{digest}" if digest else image


def python_version() -> str:
    """Return the minor version of the Python bases ("3.13")."""
    return _pins().python


def base(name: str) -> Base:
    """Return the base of that name; raises ``UsageError`` when there is none."""
    pins = _pins()
    found = pins.bases.get(name)
    if found is None:
        known = ", ".join(sorted(pins.bases))
        raise UsageError(f"there is no base image {name!r}", hint=f"the bases are {known}")
    return msgspec.structs.replace(
        found,
        packages=(*pins.common.packages, *found.packages),
        files=(*pins.common.files, *found.files),
        suite=pins.suite,
    )

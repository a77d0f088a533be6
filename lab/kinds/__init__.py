"""What lab knows about the programs that run in containers: a module for each kind.

A container gets its kind from ``kind:`` in its scenario, else from its build context. Adding a
kind means adding a module here, its build context and a test.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lab.kinds.base import Kind, Program

NAMES = ("envoy", "haproxy", "http_service", "prometheus")
"""Every kind; each is a module with a function ``describe``."""
CONTEXTS = {
    "envoy": "envoy",
    "haproxy": "haproxy",
    "prometheus": "prometheus",
    "services": "http_service",
}
"""The kinds of lab's own build contexts."""
BASES = ("python", "envoy", "haproxy", "prometheus")
"""What a build can stand on; ``lab/images/bases.toml`` pins them."""


def describe(kind: str, program: Program) -> Kind:
    """What a kind says of a container; KeyError for a kind that there is not."""
    if kind not in NAMES:
        raise KeyError(kind)
    found: Kind = import_module(f"lab.kinds.{kind}").describe(program)
    return found

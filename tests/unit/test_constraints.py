"""What `pipx install` is held to, beside what the tests ran with."""

from __future__ import annotations

import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PROJECT = Path(__file__).parents[2]


def pins(file: str) -> dict[str, str]:
    """The version of each package of a lock."""
    lines = (PROJECT / "requirements" / file).read_text().splitlines()
    found = [Requirement(line.rstrip(" \\")) for line in lines if line[:1].isalnum()]
    return {canonicalize_name(each.name): str(each.specifier) for each in found}


def test_every_dependency_is_held_to_the_version_that_the_tests_ran_with() -> None:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    held, tested = pins("constraints.txt"), pins("dev.txt")
    named = {canonicalize_name(Requirement(each).name) for each in project["dependencies"]}
    assert named <= held.keys()
    assert {name: tested.get(name) for name in held} == held
    assert all(version.startswith("==") for version in held.values())

"""Which podmans lab works with."""

from __future__ import annotations

import pytest

from lab.engine import versions
from lab.errors import EngineError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("4.3.1", (4, 3, 1)),
        ("5.8.0-rc1", (5, 8, 0)),
        ("6.0.0-dev", (6, 0, 0)),
        ("4.9", (4, 9)),
        ("5.", (5,)),
        ("", ()),
        ("unknown", ()),
    ],
)
def test_a_version_is_its_leading_numbers(text: str, expected: tuple[int, ...]) -> None:
    assert versions.parse(text) == expected


@pytest.mark.parametrize("version", [(4, 3), (4, 3, 1), (4, 10), (5,), (6, 0), ()])
def test_versions_that_are_new_enough_or_unknown_pass(version: tuple[int, ...]) -> None:
    versions.check(version)


@pytest.mark.parametrize("version", [(4, 2, 9), (3, 4), (2,)])
def test_versions_that_are_too_old_are_refused(version: tuple[int, ...]) -> None:
    with pytest.raises(EngineError, match="is too old"):
        versions.check(version)


@pytest.mark.parametrize(
    ("version", "first", "number"),
    [
        ((4, 3, 1), "CVE-2024-1753", 5),
        ((4, 9, 3), "CVE-2024-1753", 5),
        ((4, 9, 4), "CVE-2024-9407", 4),
        ((5, 0, 0), "CVE-2024-1753", 5),
        ((5, 0, 1), "CVE-2024-9407", 4),
        ((5, 2, 4), "CVE-2024-9675", 3),
        ((5, 2, 5), "CVE-2024-11218", 1),
    ],
)
def test_holes_that_a_release_still_has_are_named(
    version: tuple[int, ...], first: str, number: int
) -> None:
    found = versions.holes(version)
    assert (found[0], len(found)) == (first, number)


@pytest.mark.parametrize("version", [(5, 3, 2), (5, 8, 6), (6, 0), ()])
def test_newer_and_unknown_releases_have_none_of_them(version: tuple[int, ...]) -> None:
    assert versions.holes(version) == ()

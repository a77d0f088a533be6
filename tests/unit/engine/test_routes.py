"""Which subnets count as in use, by the kernel's own list of all routing tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lab.engine import routes

if TYPE_CHECKING:
    from pathlib import Path

TABLES = """\
Main:
  +-- 0.0.0.0/0 3 0 5
     |-- 0.0.0.0
        /0 universe UNICAST
        /1 universe UNICAST
     +-- 10.64.0.0/23 2 0 2
        |-- 10.64.0.0
           /23 link UNICAST
           /24 link UNICAST
        |-- 10.64.1.1
           /32 host LOCAL
     |-- 128.0.0.0
        /1 universe UNICAST
Local:
  +-- 127.0.0.0/8 2 0 2
     |-- 127.0.0.0
        /8 host LOCAL
Id 51820:
  |-- 10.100.0.0
     /14 universe UNICAST
Id 51821:
  |-- 10.70.0.0
     /16 universe UNREACHABLE
"""


def test_routes_of_every_table_are_in_use_but_default_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "fib_trie").write_text(TABLES)
    monkeypatch.setattr(routes, "TABLES", tmp_path / "fib_trie")
    assert routes.in_use() == (
        *("10.64.0.0/23", "10.64.0.0/24", "10.64.1.1/32", "127.0.0.0/8"),
        *("10.100.0.0/14", "10.70.0.0/16"),
    )


def test_where_the_kernel_lists_no_tables_none_are_in_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(routes, "TABLES", tmp_path / "none")
    assert routes.in_use() == ()


@pytest.mark.parametrize(
    ("address", "source"), [("127.0.0.1", "127.0.0.1"), ("255.255.255.255", routes.NOWHERE)]
)
def test_the_kernel_says_from_where_it_would_send(address: str, source: str) -> None:
    assert routes.source(address) == source

"""What stands in the README and in docs/bench.md is what the published results say."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bench import publish

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    "path", [publish.PAGE, publish.CHART, publish.README], ids=lambda path: path.name
)
def test_a_page_says_what_was_measured(path: Path) -> None:
    written = publish.pages(publish.read(publish.PLACE))[path]
    stale = "it is stale: run `.venv/bin/python -m bench.publish`"
    assert path.read_text(encoding="utf-8") == written, stale


def test_the_readme_has_one_paragraph_of_figures_and_the_page_a_row_for_each_target() -> None:
    readme = publish.README.read_text(encoding="utf-8")
    section = readme.partition("<!-- bench -->")[2].partition("<!-- /bench -->")[0]
    assert "|" not in section
    assert "\n\n" not in section.strip()
    rows = [line.split(" | ")[0] for line in publish.PAGE.read_text("utf-8").splitlines()]
    lines = publish.read(publish.PLACE).lines()
    wanted = [f"| {line.what}" for line in lines]
    assert [row for row in rows if row in wanted] == wanted


def test_targets_are_no_worse_than_any_peer_and_near_the_floor() -> None:
    for line in publish.read(publish.PLACE).lines():
        if line.beside.startswith("the floor") or "chain" in line.beside:
            assert line.target == "≤ 1.15"
        elif line.beside and "same with" not in line.beside:
            assert line.target in {"≤ 1", "≥ 1"}


def test_every_target_that_is_missed_has_its_reason() -> None:
    lines = publish.read(publish.PLACE).lines()
    assert [line.what for line in lines if not line.met and not line.why] == []

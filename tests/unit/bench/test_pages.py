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


def test_the_readme_has_a_row_for_each_target() -> None:
    readme = publish.README.read_text(encoding="utf-8")
    section = readme.partition("<!-- bench -->")[2].partition("<!-- /bench -->")[0]
    rows = [line for line in section.splitlines() if line.startswith("| ")]
    lines = publish.read(publish.PLACE).lines()
    assert [row.split(" | ")[0].removeprefix("| ") for row in rows[2:]] == [x.what for x in lines]


def test_every_target_that_is_missed_has_its_reason() -> None:
    lines = publish.read(publish.PLACE).lines()
    assert [line.what for line in lines if not line.met and not line.why] == []

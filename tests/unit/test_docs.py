"""What is generated is up to date, and what the documents point at is there."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from scripts import commands, picture
from tests.matrix import page

if TYPE_CHECKING:
    from pathlib import Path

DOCUMENTS = sorted(
    [
        *commands.ROOT.glob("*.md"),
        *commands.ROOT.glob("docs/*.md"),
        *commands.ROOT.glob("docs/examples/*.md"),
    ]
)
LINK = re.compile(r"\]\((?!https?://)([^)#\s]*)(?:#([^)\s]*))?\)")
STALE = "it is stale: run `make docs`"


@pytest.mark.parametrize("width", ["40", "200"])
def test_the_page_of_commands_is_what_their_help_says_now(
    width: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", width)
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert commands.PAGE.read_text(encoding="utf-8") == commands.page(), STALE


def test_the_readme_lists_the_commands_that_there_are() -> None:
    current = commands.README.read_text(encoding="utf-8")
    assert "[`lab up`](docs/commands.md#lab-up)" in current
    assert current == commands.readme(current), STALE


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_between_documents_lead_somewhere(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    broken = []
    for path, anchor in LINK.findall(text):
        target = (document.parent / path).resolve() if path else document
        if not target.exists() or (anchor and anchor not in _anchors(target)):
            broken.append(f"{path}#{anchor}")
    assert not broken


def test_a_picture_shows_what_stands_on_the_terminal_in_the_end() -> None:
    spinner = "first\r\n\x1b[?25lworking 0:00\r\nworking 0:00\r\x1b[2K\x1b[1A\x1b[2K"
    lines = picture.settle(spinner + "\x1b[32mdone\x1b[0m\r\n\x1b[?25hlast\r\n")
    assert lines == ["first", "\x1b[32mdone\x1b[0m", "last", ""]


@pytest.mark.parametrize(
    ("document", "part"),
    [(page.PAGE, "podmans"), (page.PAGE, "pythons"), (page.README, "podmans")],
)
def test_each_run_of_the_matrix_renews_its_own_part_of_a_page(
    document: Path, part: str, tmp_path: Path
) -> None:
    before = document.read_text(encoding="utf-8")
    copy = tmp_path / "copy.md"
    copy.write_text(before, encoding="utf-8")
    page.put(part, "new \\1", copy)
    head, rest = copy.read_text(encoding="utf-8").split(f"<!-- {part} -->\n\nnew \\1\n\n")
    assert before.startswith(head)
    assert before.endswith(rest)
    assert rest.startswith(f"<!-- /{part} -->")


def _anchors(document: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", document.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}

"""docs/matrix.md and a table in README: each part is written by the run that found it out."""

from __future__ import annotations

import platform
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tests.matrix.roots import PROJECT

if TYPE_CHECKING:
    from pathlib import Path

PAGE = PROJECT / "docs" / "matrix.md"
README = PROJECT / "README.md"


def table(rows: list[list[str]]) -> str:
    """Rows of cells as Markdown; the first row is the head."""
    lines = [rows[0], ["---"] * len(rows[0]), *rows[1:]]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def when() -> str:
    """The last words of a part: the day, and the kernel that all of it ran on."""
    return f"Last run: {datetime.now(UTC).date().isoformat()}, Linux {platform.release()}"


def put(part: str, text: str, document: Path = PAGE) -> None:
    """Renew a part, which stands between comments with its name, and leave all others."""
    before, after = f"<!-- {part} -->\n", f"<!-- /{part} -->"
    pattern = re.compile(f"({before}).*?({after})", re.DOTALL)
    renewed, found = pattern.subn(
        lambda match: f"{match[1]}\n{text}\n\n{match[2]}", document.read_text()
    )
    assert found == 1, f"{document} has {found} parts called {part}"
    document.write_text(renewed)

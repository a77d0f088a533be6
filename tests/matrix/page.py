"""docs/matrix.md: each part is written by the run that found it out."""

from __future__ import annotations

import platform
import re
from datetime import UTC, datetime

from tests.matrix.roots import PROJECT

PAGE = PROJECT / "docs" / "matrix.md"


def table(rows: list[list[str]]) -> str:
    """Rows of cells as Markdown; the first row is the head."""
    lines = [rows[0], ["---"] * len(rows[0]), *rows[1:]]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def when() -> str:
    """The last words of a part: the day, and the kernel that all of it ran on."""
    return f"Last run: {datetime.now(UTC).date().isoformat()}, Linux {platform.release()}"


def put(part: str, text: str) -> None:
    """Renew a part, which stands between comments with its name, and leave all others."""
    before, after = f"<!-- {part} -->\n", f"<!-- /{part} -->"
    pattern = re.compile(f"({before}).*?({after})", re.DOTALL)
    renewed, found = pattern.subn(
        lambda match: f"{match[1]}\n{text}\n\n{match[2]}", PAGE.read_text()
    )
    assert found == 1, f"{PAGE} has {found} parts called {part}"
    PAGE.write_text(renewed)

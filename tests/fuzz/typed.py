"""Commands as a user types them, and what must hold however they end."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from typer.testing import CliRunner

from lab import cli
from lab.errors import ExitStatus

if TYPE_CHECKING:
    from collections.abc import Mapping

    from typer.testing import Result

counted: Counter[str] = Counter()
"""How often each command was typed in this session."""


def typed(*words: str, env: Mapping[str, str] | None = None) -> Result:
    """Type `lab` with these words; it ends in a known way, without a traceback.

    What fails says so in a sentence with a hint, unless Typer refused the words itself; what is
    shown never steers the terminal.
    """
    result = CliRunner().invoke(cli.app, words, env=dict(env or {}))
    counted[words[0]] += 1
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code in set(ExitStatus)
    if result.exit_code in {ExitStatus.FAILED, ExitStatus.USAGE}:
        lab = "error:" in result.stderr and "hint:" in result.stderr
        assert lab or "─ Error ─" in result.stderr, result.stderr
    for text in (result.stdout, result.stderr):
        assert "Traceback" not in text
        assert "\x1b" not in text
    return result

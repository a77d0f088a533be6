"""Commands as a user types them, and what must hold however they end."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING
from unicodedata import category
from unittest.mock import patch

from typer.testing import CliRunner

from lab import cli
from lab.errors import ExitStatus
from lab.paper import Paper

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
    # As on a terminal, where lab's own styles are left out and Click leaves controls in: a pipe
    # gets logs and scenarios byte for byte.
    with patch.multiple(Paper, is_terminal=True, moves=False, styled=False):
        result = CliRunner().invoke(cli.app, words, env=dict(env or {}), color=True)
    counted[words[0]] += 1
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code in set(ExitStatus)
    if result.exit_code in {ExitStatus.FAILED, ExitStatus.USAGE}:
        ours = "error:" in result.stderr and "hint:" in result.stderr
        typers = "\nError: " in f"\n{result.stderr}"
        assert ours or typers, result.stderr
    for text in (result.stdout, result.stderr):
        assert "Traceback" not in text
        controls = {char for char in text if category(char) == "Cc"} - {"\n", "\t"}
        assert not controls, repr(text)
    return result

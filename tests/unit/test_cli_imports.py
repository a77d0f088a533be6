"""What is typed most often starts fast: help, completion and listings import nothing heavy."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("podman", "requests", "urllib3", "asyncio", "aiohttp", "hypothesis", "tomli_w")
MORE = ("rich", "msgspec", "yaml", "httptools", "socket")
"""What only work needs: not even words about it."""
SCRIPT = f"""
import sys
sys.argv = ["lab", *sys.argv[1:]]
from lab.__main__ import main
try:
    main()
except SystemExit as ended:
    assert ended.code in (0, None), ended.code
print("HEAVY:", *(name for name in {HEAVY + MORE} if name in sys.modules), file=sys.stderr)
"""


def run(*words: str, **variables: str) -> tuple[str, list[str]]:
    """What `lab` prints for these words, and the heavy modules it has imported in the end."""
    ended = subprocess.run(
        [sys.executable, "-c", SCRIPT, *words],
        env=variables | {"PYTHONPATH": ":".join(sys.path), "PATH": ""},
        capture_output=True,
        text=True,
        check=True,
    )
    assert ended.stderr.startswith("HEAVY:")
    return ended.stdout, ended.stderr.split()[1:]


@pytest.mark.parametrize("words", [("--help",), ("up", "--help"), ("--version",)], ids=" ".join)
def test_words_about_commands_import_nothing_that_work_needs(words: tuple[str, ...]) -> None:
    printed, imported = run(*words)
    assert printed
    assert imported == []


@pytest.mark.parametrize("words", [("scenarios",), ("show", "direct")], ids=" ".join)
def test_looking_around_imports_nothing_heavy(words: tuple[str, ...]) -> None:
    printed, imported = run(*words)
    assert printed
    assert not set(imported) & set(HEAVY)


def test_completing_a_command_imports_nothing_that_work_needs() -> None:
    printed, imported = run(_LAB_COMPLETE="complete_bash", COMP_WORDS="lab st", COMP_CWORD="1")
    assert printed.split() == ["status"]
    assert imported == []


def test_completing_a_scenario_imports_nothing_heavy() -> None:
    printed, imported = run(_LAB_COMPLETE="complete_bash", COMP_WORDS="lab up si", COMP_CWORD="2")
    assert printed.split() == ["sidecar"]
    assert not set(imported) & set(HEAVY)


def test_a_command_is_imported_without_the_others() -> None:
    script = (
        "import sys; from lab import cli; from typer.main import get_command;"
        "get_command(cli.app).commands['status'];"
        "print(*sorted(m for m in sys.modules if m.startswith('lab.commands.')))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script],
        env={"PYTHONPATH": ":".join(sys.path), "PATH": ""},
        capture_output=True,
        text=True,
        check=True,
    )
    assert ended.stdout.split() == ["lab.commands.group", "lab.commands.guard", "lab.commands.life"]

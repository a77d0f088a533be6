"""What is typed most often starts fast: help, completion and listings import nothing heavy."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("podman", "requests", "urllib3", "asyncio", "aiohttp", "hypothesis", "tomli_w")
SCRIPT = f"""
import sys
sys.argv = ["lab", *sys.argv[1:]]
from lab.__main__ import main
try:
    main()
except SystemExit as ended:
    assert ended.code in (0, None), ended.code
print("HEAVY:", *(name for name in {HEAVY} if name in sys.modules), file=sys.stderr)
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


@pytest.mark.parametrize(
    "words",
    [("--help",), ("up", "--help"), ("--version",), ("scenarios",), ("show", "direct")],
    ids=" ".join,
)
def test_looking_around_imports_nothing_heavy(words: tuple[str, ...]) -> None:
    printed, heavy = run(*words)
    assert printed
    assert heavy == []


def test_completing_a_scenario_imports_nothing_heavy() -> None:
    printed, heavy = run(_LAB_COMPLETE="complete_bash", COMP_WORDS="lab up si", COMP_CWORD="2")
    assert printed.split() == ["sidecar"]
    assert heavy == []

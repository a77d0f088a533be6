"""What lab knows of particular programs is in lab/kinds and lab/models, and nowhere else."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PARTICULAR = re.compile(r"service.?[ab]\b|remote_service|max.?retries|envoy")
PLACES = ("lab/kinds/", "lab/models/", "lab/measure/theory/")
"""Kinds, models, and what models calculate with."""
SHORT_HANDS = {
    "lab/options.py": "--max-retries, a short hand for a parameter of a shipped scenario",
    "lab/commands/life.py": "passes the same on",
    "lab/commands/experiments.py": "passes the same on, and sweeps over it",
    "lab/commands/examples.py": "commands that one can type, on shipped scenarios",
}
"""Files that may name what the shipped scenarios have, and why."""


def particular() -> dict[str, list[str]]:
    """The lines that name a particular program, by file."""
    found: dict[str, list[str]] = {}
    for path in sorted(ROOT.glob("lab/**/*.py")):
        name = path.relative_to(ROOT).as_posix()
        if not name.startswith(PLACES):
            lines = [each for each in path.read_text().splitlines() if PARTICULAR.search(each)]
            found |= {name: lines} if lines else {}
    return found


def test_nothing_but_kinds_models_and_short_hands_names_a_particular_program() -> None:
    found = particular()
    others = {name: lines for name, lines in found.items() if name not in SHORT_HANDS}
    assert others == {}


def test_no_file_is_excepted_that_need_not_be() -> None:
    assert set(SHORT_HANDS) <= particular().keys()

"""`lab sweep` over any parameter of any scenario: axes, short-hands, and what is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest
from typer.testing import CliRunner

from lab.cli import app
from lab.commands import experiments
from lab.errors import UsageError
from lab.experiment import sweep as module
from lab.experiment.sweep import Grid, axes

if TYPE_CHECKING:
    from pathlib import Path

MANY = ",".join(map(str, range(1001)))
SHORT = ("error-rate", "retries", "max-retries")
MINE = """\
summary: A program with a zone, and a limit that need not be set.
parameters:
  zone: {type: string, default: utc}
  limit: {type: integer, default: null, minimum: 1, maximum: 9}
pods:
  web-pod:
    containers:
      web: {image: registry.example/web:1, environment: {ZONE: "${zone}", LIMIT: "${limit}"}}
"""


@pytest.fixture
def mine(tmp_path: Path) -> str:
    file = tmp_path / "mine.yaml"
    file.write_text(MINE)
    return str(file)


@pytest.fixture
def grids(monkeypatch: pytest.MonkeyPatch) -> list[Grid]:
    """The grids that commands would sweep, had they a podman."""
    made: list[Grid] = []

    def sweep(_lab: object, grid: Grid, *_: object, **__: object) -> list[object]:
        made.append(grid)
        raise UsageError("that was all")

    monkeypatch.setattr(module, "sweep", sweep)
    monkeypatch.setattr(experiments, "open_lab", lambda _url: None)
    return made


def typed(*words: str) -> str:
    """Type `lab sweep`; what it says on stderr."""
    result = CliRunner().invoke(app, ["sweep", "-q", *words])
    assert result.exit_code == 2
    return result.stderr


def refused(monkeypatch: pytest.MonkeyPatch, *words: str) -> str:
    """Type `lab sweep`, which has to refuse before it asks podman; what it says."""
    monkeypatch.setattr(experiments, "open_lab", lambda _url: pytest.fail("podman was asked"))
    return typed(*words)


def test_values_have_the_types_of_their_parameters_and_are_there_once(mine: str) -> None:
    over = {"limit": ["1", "2", "1"], "zone": ["utc", "cet"]}
    assert axes(mine, over, {}) == {"limit": (1, 2), "zone": ("utc", "cet")}


def test_a_short_hand_shows_only_where_the_scenario_has_the_parameter(mine: str) -> None:
    assert axes("sidecar", {}, {}, SHORT) == {
        "error-rate": (20,), "retries": (2,), "max-retries": (3,)
    }  # fmt: skip
    assert axes("direct", {}, {}, SHORT) == {"error-rate": (20,)}
    assert axes(mine, {}, {}, SHORT) == {}


def test_a_parameter_that_is_set_shows_as_it_was_set() -> None:
    assert axes("direct", {}, {"error-rate": "5"}, SHORT) == {"error-rate": (5,)}


def test_a_parameter_that_is_not_set_is_no_axis(mine: str) -> None:
    assert axes(mine, {}, {}, ("limit",)) == {}


def test_the_command_sweeps_the_sidecar_unless_told_otherwise(grids: list[Grid]) -> None:
    typed("--error-rate", "0, 10", "-c", "1,4")
    assert grids[0].scenario == "sidecar"
    assert grids[0].axes == {
        "error-rate": (0, 10), "retries": (2,), "max-retries": (3,), "concurrency": (1, 4)
    }  # fmt: skip


def test_a_short_hand_and_its_long_form_are_the_same_sweep(grids: list[Grid]) -> None:
    typed("--retries", "0,1")
    typed("--over", "retries=0,1")
    typed("sidecar", "--over", "retries=0,1")
    assert grids[0].axes["retries"] == (0, 1)
    assert len({grid.id for grid in grids}) == 1


def test_any_parameter_of_any_scenario_can_be_swept(grids: list[Grid], mine: str) -> None:
    typed(mine, "--over", "zone=utc,cet", "--over", "limit=9")
    assert grids[0].axes == {"zone": ("utc", "cet"), "limit": (9,), "concurrency": (1,)}
    assert grids[0].points() == [
        {"zone": "utc", "limit": 9, "concurrency": 1},
        {"zone": "cet", "limit": 9, "concurrency": 1},
    ]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("direct", "--retries", "1"), "direct.yaml has no parameter 'retries'"),
        (("direct", "--over", "error-rte=1"), "did you mean 'error-rate'?"),
        (("--over", "retries=1,11"), "retries '11' is out of range: 0 to 10"),
        (("--over", "retries=1,,2"), "retries '' is not a whole number"),
        (("--over", "host=localhost"), "host 'localhost' is not an IPv4 address"),
        (("--over", "retries"), "--over retries: give NAME=VALUE,VALUE"),
        (("--over", "retries=1", "--retries", "2"), "retries is swept twice"),
        (("--over", "retries=1", "--set", "retries=2"), "retries is swept and set to 2"),
        (("--over", "concurrency=1,2"), "concurrency is the load's"),
        (("nowhere", "--over", "retries=1"), "there is no scenario 'nowhere'"),
        (
            ("--over", f"seed={MANY}", "--error-rate", "0,1,2,3,4,5,6,7,8,9"),
            "the grid has 10010 points, more than 10000",
        ),
    ],
)
def test_what_cannot_be_swept_is_refused_before_podman_is_asked(
    words: tuple[str, ...], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert said in refused(monkeypatch, *words)


def test_a_text_that_a_parameter_does_not_take_is_refused(
    monkeypatch: pytest.MonkeyPatch, mine: str
) -> None:
    assert "cannot be shown" in refused(monkeypatch, mine, "--over", "zone=utc,\x1b[2J")
    assert "is out of range: 1 to 9" in refused(monkeypatch, mine, "--over", "limit=10")


def test_another_scenario_under_the_same_path_is_another_sweep(mine: str, tmp_path: Path) -> None:
    grid = Grid(scenario=mine, name="lab", axes={"limit": (1, 2)}, requests=50)
    first = grid.id
    assert msgspec.structs.replace(grid).id == first
    (tmp_path / "mine.yaml").write_text(MINE.replace("web:1", "web:2"))
    assert grid.id != first


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("lab sweep --over retr", "retries="),
        ("lab sweep direct --over error", "error-rate="),
        ("lab sweep {mine} --over z", "zone="),
    ],
)
def test_the_names_of_parameters_complete(line: str, expected: str, mine: str) -> None:
    line = line.format(mine=mine)
    words = str(len(line.split()) - 1)
    env = {"_LAB_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": words}
    result = CliRunner().invoke(app, [], env=env, prog_name="lab")
    assert result.stdout.strip() == expected

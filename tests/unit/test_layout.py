"""Results on terminals of any width: nothing is wider, no id is cut, a claim takes few lines."""

from __future__ import annotations

import io
import re
from contextlib import redirect_stdout
from typing import TYPE_CHECKING

import pytest

from lab import console, layout, tables
from lab.converge.status import ContainerStatus, PodStatus, Status
from lab.experiment.compare import contrast
from lab.experiment.sweep import Swept
from lab.measure import records
from lab.paper import out
from lab.spec.claims import ClaimResult, Verdict
from tests.unit.experiment.simulated import Run

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from lab.measure.records import Record

STYLE = re.compile(r"\x1b\[[0-9;]*m")
WIDTHS = (40, 50, 60, 80, 100, 120, 200)
CLAIM = "Service A itself listens on loopback only; in its place are Envoy and the metrics"
RESULTS = (
    ClaimResult(
        name="success", says="Service A succeeds as often as theory predicts", test="t",
        verdict=Verdict.CONFIRMED, predicted=(180.4,), observed=(192,), low=153, high=200,
        by_model=True, why=("8 retries were suppressed by the circuit breaker " * 3,),
    ),
    ClaimResult(
        name="b", says=CLAIM, test="t", verdict=Verdict.NOT_MEASURED, predicted=(80, 8081, 9901)
    ),
)  # fmt: skip
IDS = tuple(f"20260102-030405-sidecar-abc{n}" for n in range(3))


class Terminal(io.StringIO):
    """A stream that somebody looks at."""

    def isatty(self) -> bool:
        """It is."""
        return True


@pytest.fixture(autouse=True, params=WIDTHS)
def width(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """How many columns the terminal has."""
    columns: int = request.param
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", str(columns))
    return columns


def shown(draw: Callable[[], object]) -> list[str]:
    """The lines that a terminal gets."""
    vars(out).pop("rich", None)  # it has taken the width of an earlier one
    with redirect_stdout(Terminal()) as terminal:
        draw()
    vars(out).pop("rich", None)
    return STYLE.sub("", terminal.getvalue()).splitlines()


@pytest.fixture(autouse=True)
def _state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))


def record(number: int) -> Record:
    """A run with an id and verdicts beside it."""
    found = Run().record(IDS[number])
    records.save(found, {})
    records.save_verdicts(found.id, RESULTS)
    return found


def test_a_status_has_every_name_whole_and_no_line_too_long(width: int) -> None:
    names = ("term-x-service-a", "term-x-service-a-envoy")
    containers = tuple(
        ContainerStatus(name=name, state="running", image=f"localhost/lab/{name}:{0:016}", id="1")
        for name in names
    )
    pod = PodStatus(name="term-x-service-a-pod", state="running", ip="10.92.167.12",
                    containers=containers)  # fmt: skip
    given: dict[str, int | str | None] = {
        "error-rate": 20,
        "host": "127.0.0.1",
        "prometheus-port": 23401,
        "retries": 2,
    }
    status = Status(name="lab", state="up", pods=(pod,), parameters=given)
    lines = shown(lambda: console.status(status))
    assert max(map(len, lines)) <= width
    words = " ".join(lines).split()
    assert {*names, pod.name, pod.ip, "running", "prometheus-port=23401"} <= set(words)
    rows = [line for line in lines if "running" in line]
    assert len(rows) == len(names)
    assert len({line.index("running") for line in rows}) == 1


def test_runs_are_listed_with_ids_that_can_be_used(width: int) -> None:
    lines = shown(lambda: tables.runs(map(record, range(3))))
    assert max(map(len, lines)) <= width
    assert set(IDS) <= {word for line in lines for word in line.split()}


def test_a_sweep_names_its_runs(width: int) -> None:
    points = [
        Swept(point={"error-rate": 20, "concurrency": 8}, record=record(n), resumed=False)
        for n in range(3)
    ]
    lines = shown(lambda: tables.sweep(points, {"confirmed": 3}))
    assert max(map(len, lines)) <= width
    assert set(IDS) <= {word for line in lines for word in line.split()}


def test_a_claim_takes_two_lines_or_three(width: int) -> None:
    *lines, summary = shown(lambda: tables.verdicts(RESULTS, sent=200))
    assert "1 confirmed" in summary
    assert max(map(len, lines)) <= width
    whole = " ".join(" ".join(lines).split())
    assert CLAIM in whole or width >= 100
    first, second = (
        next(n for n, line in enumerate(lines) if line.startswith(j.verdict)) for j in RESULTS
    )
    end = next(n for n, line in enumerate(lines) if line.startswith("- "))
    most = 3 if width >= 60 else 5
    assert second - first <= most
    assert end - second <= most


def test_a_comparison_says_all_of_it(width: int) -> None:
    direct = Run(scenario="direct").record(IDS[0])
    lines = shown(lambda: tables.comparison(contrast(direct, record(1))))
    assert max(map(len, lines[:-1])) <= width
    text = " ".join(" ".join(lines).split())
    assert IDS[0] in text
    assert "…" not in text


def test_what_is_long_is_shortened_where_a_table_says_so(width: int) -> None:
    rows = [("8", "status 500", "Service A: upstream failed with: HTTP 500 " * 5)]
    lines = shown(lambda: layout.table(("COUNT", "ANSWER", "FOR EXAMPLE"), rows, cut=True))
    assert [len(line.rstrip()) <= width for line in lines] == [True, True]
    assert lines[0].split() == ["COUNT", "ANSWER", "FOR", "EXAMPLE"]
    assert lines[1].startswith("8      status 500  Service A")

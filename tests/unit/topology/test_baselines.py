"""The scenario that another one is compared with."""

from pathlib import Path

import pytest

from lab.errors import UsageError
from lab.topology import scenario

POD = """summary: x
{}
pods:
  x-pod:
    containers:
      x: {{image: "localhost/x:1"}}
"""


def written(path: Path, line: str) -> str:
    path.write_text(POD.format(line))
    return str(path)


def test_the_scenarios_with_a_sidecar_are_compared_with_the_one_without() -> None:
    found = {each.name: scenario.load(each.name, given={}).baseline for each in scenario.names()}
    assert found == {"direct": "", "haproxy": "direct", "scale": "direct", "sidecar": "direct"}


def test_a_baseline_is_called_as_the_spec_of_its_scenario_calls_it(tmp_path: Path) -> None:
    plain = written(tmp_path / "plain.yaml", "")
    mine = written(tmp_path / "mine.yaml", "baseline: ./plain.yaml")
    expected = scenario.load(plain, given={}).scenario
    assert scenario.load(mine, given={}).baseline == expected


def test_a_baseline_that_is_not_shipped_is_a_problem_with_its_line(tmp_path: Path) -> None:
    mine = written(tmp_path / "mine.yaml", "baseline: dirct")
    with pytest.raises(UsageError) as caught:
        scenario.load(mine, given={})
    assert "mine.yaml:2: baseline: there is no scenario 'dirct'" in str(caught.value.details)
    assert "did you mean 'direct'?" in str(caught.value.details)

"""False alarms and misses, counted over thousands of simulated runs.

Run by `make experiment`: the unit tests have a sample of 200.
"""

from random import Random

import pytest

from lab.measure.intervals import binomial_prediction
from lab.spec.claims import Verdict, overall
from lab.verdicts.assess import FALSE_ALARMS
from tests.unit.experiment.test_false_alarms import SIGNIFICANCE, random_run

RUNS = 3000


def test_correct_labs_are_refuted_no_more_often_than_stated(
    capsys: pytest.CaptureFixture[str],
) -> None:
    rng = Random(31)  # noqa: S311 - a simulation, not a secret
    runs = [random_run(rng, 10_000 + number, (150, 300, 600)) for number in range(RUNS)]
    alarms = [run for run in runs if overall(run.judged().results) is Verdict.REFUTED]
    most = binomial_prediction(RUNS, FALSE_ALARMS, 1 - 2 * SIGNIFICANCE).high
    with capsys.disabled():
        print(f"\n{len(alarms)} of {RUNS} correct labs refuted, at most {most:.0f} expected")  # noqa: T201 - the result
    assert len(alarms) <= most, alarms

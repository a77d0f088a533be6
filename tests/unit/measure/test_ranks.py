"""The rank test against published values, and where it has nothing to say."""

from __future__ import annotations

from collections import Counter

import pytest

from lab.measure.ranks import Ranks, mann_whitney

# Diabetes by age at diagnosis, men and women: the example of scipy.stats.mannwhitneyu, whose
# documentation gives U = 17 of 20 pairs for the first and, with continuity, p = 0.11134688653.
MALES, FEMALES = (19, 22, 16, 29, 24), (20, 11, 17, 12)

# Hollander and Wolfe, Nonparametric Statistical Methods, table 4.1: permeability of membranes
# at term and earlier, as in the example of R's wilcox.test (W = 35, exact p = 0.2544).
AT_TERM = (0.80, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46)
EARLIER = (1.15, 0.88, 0.90, 0.74, 1.21)


def counted(values: tuple[float, ...]) -> Counter[int]:
    return Counter(round(100 * value) for value in values)


def test_the_p_value_is_scipys() -> None:
    found = mann_whitney(counted(MALES), counted(FEMALES))
    assert found.p_value == pytest.approx(0.11134688653, abs=1e-9)
    assert found.second_higher == pytest.approx(1 - 17 / 20)


def test_the_share_of_pairs_is_rs_statistic_and_the_p_value_near_its_exact_one() -> None:
    found = mann_whitney(counted(EARLIER), counted(AT_TERM))
    assert found.second_higher == pytest.approx(35 / 50)
    assert found.p_value == pytest.approx(0.2544, abs=0.02)


def test_exchanging_the_samples_mirrors_the_result() -> None:
    one = mann_whitney(counted(MALES), counted(FEMALES))
    other = mann_whitney(counted(FEMALES), counted(MALES))
    assert one.second_higher == pytest.approx(1 - other.second_higher)
    assert one.p_value == pytest.approx(other.p_value)


def test_ties_share_their_ranks() -> None:
    # By hand: U = 5.5 of 9 for the second; three 2s and two 3s are tied; z = 0.5 / sqrt(4.5).
    found = mann_whitney({1: 1, 2: 1, 3: 1}, {2: 2, 3: 1})
    assert found.second_higher == pytest.approx(5.5 / 9)
    assert found.p_value == pytest.approx(0.8137, abs=1e-4)


def test_samples_that_are_equal_do_not_differ() -> None:
    assert mann_whitney({5: 10}, {5: 20}) == Ranks(0.5, 1.0)


def test_samples_without_overlap_differ() -> None:
    found = mann_whitney({1: 50}, {2: 50})
    assert found.second_higher == 1.0
    assert found.p_value < 1e-9


@pytest.mark.parametrize(("first", "second"), [({}, {1: 1}), ({1: 1}, {})])
def test_a_sample_without_values_is_refused(first: dict[int, int], second: dict[int, int]) -> None:
    with pytest.raises(ValueError, match="no ranks"):
        mann_whitney(first, second)

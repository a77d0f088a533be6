"""The notation for quantities: what it means, and what it refuses in words."""

import re

import pytest

from lab.spec.expressions import LONGEST, comparison, sum_of


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3", 3),
        ("b.sent - a.sent", 4),
        ("a.sent + b.sent * 2", 20),
        ("(a.sent + b.sent) * 2", 24),
        ("10 - a.sent - 1", 5),
        ("99% * b.sent", 7.92),
        ("100ms", 0.1),
        ("2s", 2),
        ("1.5", 1.5),
        ("a-b.c-d", 1),
        ("client.p99.9", 5),
    ],
)
def test_a_sum_comes_to_its_value(text: str, value: float) -> None:
    counts = {"a.sent": 4, "b.sent": 8, "a-b.c-d": 1, "client.p99.9": 5}
    assert sum_of(text).value(counts) == pytest.approx(value)


def test_a_sum_of_whole_numbers_stays_whole() -> None:
    found = sum_of("2 * a + 1").value({"a": 4 * 10**15})
    assert isinstance(found, int)
    assert found == 8 * 10**15 + 1


def test_a_sum_is_not_known_when_one_of_its_quantities_is_not() -> None:
    assert sum_of("a + b").value({"a": 1, "b": None}) is None


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "lacks a quantity or a number"),
        ("a +", "lacks a quantity or a number"),
        ("a b", "has 'b' where an operator is wanted"),
        ("(a", "lacks a closing parenthesis"),
        ("a)", "has ')' where an operator is wanted"),
        ("a $ b", "cannot be read from '$ b' on"),
        ("3x", "has the unknown unit 'x'"),
        ("3 3", "has '3' where an operator is wanted"),
        ("a / b", "cannot be read from '/ b' on"),
        ("(" * 30 + "a", "has too many parentheses"),
        ("a + " * LONGEST + "a", "is longer than"),
        ("9" * 900, "has a number beyond 9007199254740992"),
        ("9" * 20 + ".5s", "has a number beyond"),
    ],
)
def test_what_cannot_be_read_is_refused_in_words(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=re.escape(says)):
        sum_of(text)


def test_a_product_beyond_all_counting_is_not_known_instead_of_overflowing() -> None:
    assert sum_of(" * ".join(["a"] * 100)).value({"a": 2**53}) is None
    assert sum_of("a * a * 1.5").value({"a": 1e200}) is None


@pytest.mark.parametrize(
    ("sign", "holds"),
    [("=", False), ("<", True), ("<=", True), (">", False), (">=", False)],
)
def test_a_comparison_has_its_sign(sign: str, holds: bool) -> None:  # noqa: FBT001 - a table
    found = comparison(f"a.p99 {sign} 2 * b")
    assert found.names() == ("a.p99", "b")
    assert found.holds(1, 2) is holds
    assert str(found) == f"a.p99 {sign} 2 * b"


@pytest.mark.parametrize("text", ["a", "a = b = c", "a == b", "a <> b", "= a", "a != b"])
def test_a_text_without_one_comparison_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"comparison|lacks|cannot be read"):
        comparison(text)

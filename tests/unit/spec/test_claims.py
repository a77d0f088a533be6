"""Each kind of claim: what confirms it, what refutes it, and when it is not measured."""

import msgspec
import pytest

from lab.spec.claims import (
    Claim,
    Evenly,
    Evidence,
    Holds,
    Listens,
    Predicted,
    Prediction,
    Spread,
    Verdict,
    overall,
    type_for,
    unjudged,
)

CONFIRMED, REFUTED, NOT_MEASURED = Verdict.CONFIRMED, Verdict.REFUTED, Verdict.NOT_MEASURED


def holds(text: str) -> Holds:
    """A claim that compares."""
    return Holds(name="claim", says="Something holds", holds=text)


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("a = 3", CONFIRMED),
        ("a = 4", REFUTED),
        ("a <= 3", CONFIRMED),
        ("a < 3", REFUTED),
        ("c >= 99% * 10", REFUTED),
        ("c > 0.2", CONFIRMED),
        ("a + b = 3", NOT_MEASURED),
        ("d = 1", NOT_MEASURED),
    ],
)
def test_a_comparison_is_judged_by_its_two_sides(text: str, verdict: Verdict) -> None:
    result = holds(text).judge(Evidence(counts={"a": 3, "b": None, "c": 0.3}))
    assert result.verdict is verdict


def test_sums_of_floats_that_differ_by_rounding_are_equal() -> None:
    assert holds("a + b = 0.3").judge(Evidence(counts={"a": 0.1, "b": 0.2})).verdict is CONFIRMED


def test_whole_numbers_are_compared_exactly() -> None:
    evidence = Evidence(counts={"a": 10**15, "b": 10**15 + 1})
    assert holds("a = b").judge(evidence).verdict is REFUTED


def test_what_was_not_measured_says_why() -> None:
    evidence = Evidence(counts={"a": None}, gaps={"a": "a was restarted"})
    assert holds("a = 1").judge(evidence).why == ("a is not known: a was restarted",)


@pytest.mark.parametrize(
    ("observed", "verdict"), [(96, REFUTED), (97, CONFIRMED), (101, CONFIRMED), (102, REFUTED)]
)
def test_a_prediction_is_an_interval_with_both_its_ends(observed: int, verdict: Verdict) -> None:
    claim = Predicted(name="claim", says="As predicted", predicted="client.succeeded")
    evidence = Evidence(
        counts={"client.succeeded": observed},
        predictions={"client.succeeded": Prediction(mean=99.2, low=97, high=101)},
    )
    result = claim.judge(evidence)
    assert result.verdict is verdict
    assert (result.low, result.high) == (97, 101)
    assert result.predicted == (99.2,)


def test_without_a_prediction_nothing_is_confirmed() -> None:
    claim = Predicted(name="claim", says="As predicted", predicted="a")
    result = claim.judge(Evidence(counts={"a": 1}, unpredicted="the run was too short"))
    assert result.verdict is NOT_MEASURED
    assert result.why == ("the run was too short",)


@pytest.mark.parametrize(
    ("counts", "workers", "verdict"),
    [
        ({"1": 10, "2": 11, "3": 12}, 2, CONFIRMED),
        ({"1": 9, "2": 11, "3": 13}, 2, REFUTED),
        ({"1": 9, "2": 11, "3": 13}, 3, CONFIRMED),
        ({"1": 10, "2": None, "3": 12}, 2, NOT_MEASURED),
        ({"1": 10, "2": 11, "3": 12}, None, NOT_MEASURED),
        ({}, 2, NOT_MEASURED),
    ],
)
def test_replicas_may_differ_by_less_than_the_number_of_workers(
    counts: dict[str, int | None], workers: int | None, verdict: Verdict
) -> None:
    claim = Evenly(name="claim", says="In turn", spread="b.received")
    spread = Spread(counts=counts, workers=workers)
    evidence = Evidence(counts={}, spreads={"b.received": spread})
    assert claim.judge(evidence).verdict is verdict


@pytest.mark.parametrize(
    ("open_ports", "verdict"),
    [((80,), CONFIRMED), ((80, 8081), CONFIRMED), ((80, 9901), REFUTED), (None, NOT_MEASURED)],
)
def test_a_pod_may_listen_on_fewer_ports_than_claimed(
    open_ports: tuple[int, ...] | None, verdict: Verdict
) -> None:
    claim = Listens(name="claim", says="No way around", pod="a-pod", listens=(80, 8081))
    assert claim.judge(Evidence(counts={}, listening={"a-pod": open_ports})).verdict is verdict


def test_all_claims_survive_json_and_know_their_keys() -> None:
    claims: list[Claim] = [
        holds("a = b"),
        Predicted(name="p", says="p", predicted="a"),
        Evenly(name="s", says="s", spread="a"),
        Listens(name="l", says="l", pod="p", listens=(1,)),
    ]
    assert msgspec.json.decode(msgspec.json.encode(claims), type=list[Claim]) == claims
    assert [type_for(type(claim).KEYS) for claim in claims] == [type(claim) for claim in claims]
    assert type_for(("holds", "predicted")) is None


def test_a_run_without_any_claim_confirms_nothing() -> None:
    assert overall(()) is NOT_MEASURED


def test_one_refuted_claim_refutes_and_one_unmeasured_leaves_open() -> None:
    evidence = Evidence(counts={"a": 1, "b": None})
    good, bad, gone = (holds(text).judge(evidence) for text in ("a = 1", "a = 2", "b = 1"))
    assert overall((good, gone, bad)) is REFUTED
    assert overall((good, gone)) is NOT_MEASURED
    assert overall((good,)) is CONFIRMED
    assert overall(unjudged((holds("a = 1"),), "it was interrupted")) is NOT_MEASURED


@pytest.mark.parametrize("counts", [(418, 416, 416), (415, 415, 420), (0, 625, 625)])
def test_one_worker_cannot_treat_replicas_so_differently(counts: tuple[int, ...]) -> None:
    named: dict[str, int | None] = {str(number): count for number, count in enumerate(counts)}
    claim = Evenly(name="claim", says="In turn", spread="b.received")
    evidence = Evidence(counts={}, spreads={"b.received": Spread(counts=named, workers=1)})
    assert claim.judge(evidence).verdict is REFUTED


def test_a_spread_has_its_numbers_and_names_who_is_outside() -> None:
    counts: dict[str, int | None] = {"1.b": 416, "2.b": 416, "3.b": 419}
    claim = Evenly(name="claim", says="In turn", spread="b.received")
    result = claim.judge(
        Evidence(counts={}, spreads={"b.received": Spread(counts=counts, workers=2)})
    )
    assert result.predicted == (417,)
    assert result.observed == (416, 416, 419)
    assert (result.low, result.high) == (416, 418)
    assert result.why == ("3.b counted 419",)


def test_nothing_to_share_out_is_not_measured() -> None:
    claim = Evenly(name="claim", says="In turn", spread="b.received")
    spread = Spread(counts={"1": 0, "2": 0}, workers=2)
    result = claim.judge(Evidence(counts={}, spreads={"b.received": spread}))
    assert result.verdict is NOT_MEASURED
    assert result.why == ("there was nothing to share out",)


@pytest.mark.parametrize(
    ("sign", "low", "high"),
    [("=", 2, 2), ("<", None, 2), ("<=", None, 2), (">", 2, None), (">=", 2, None)],
)
def test_a_comparison_has_the_ends_of_what_confirms_it(
    sign: str, low: int | None, high: int | None
) -> None:
    result = holds(f"a {sign} 2").judge(Evidence(counts={"a": 1}))
    assert (result.observed, result.predicted) == ((1,), (2,))
    assert (result.low, result.high) == (low, high)
    assert result.test == f"a {sign} 2"


def test_a_side_beyond_all_counting_is_not_measured() -> None:
    result = holds("a * a * a = 1").judge(Evidence(counts={"a": 2**52}))
    assert result.verdict is NOT_MEASURED
    assert result.why == ("a side comes to more than 9007199254740992",)


def test_a_quantity_that_nobody_counts_is_not_measured() -> None:
    assert holds("a = b").judge(Evidence(counts={"b": 1})).why == (
        "a is not known: nothing here counts it",
    )


def test_a_text_that_cannot_be_read_is_no_claim_not_even_a_recorded_one() -> None:
    with pytest.raises(ValueError, match="is not a comparison"):
        holds("a")
    text = b'{"type": "spread", "name": "e", "says": "s", "spread": "a +"}'
    with pytest.raises(msgspec.ValidationError, match="lacks a quantity"):
        msgspec.json.decode(text, type=Claim)

"""What a scenario claims of its traffic: one type for each way to test a claim.

Each type has, in one place, the keys that it is written with, the words for its test, and how it
is judged. To be judged a claim gets :class:`Evidence`, all of which was recorded: judging a run
again measures nothing.
"""

from __future__ import annotations

from enum import StrEnum
from math import ceil, floor, isclose
from typing import TYPE_CHECKING, ClassVar, TypeAlias

import msgspec

from lab.measure.numbers import MOST, Quantity
from lab.spec.expressions import Comparison, Sum, comparison, sum_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lab.spec.expressions import Number

MOST_PORTS = 100
"""So many ports a claim may list."""


class Verdict(StrEnum):
    """What became of a claim. A claim without data is not measured, never confirmed."""

    CONFIRMED = "confirmed"
    REFUTED = "refuted"
    NOT_MEASURED = "not measured"


class Prediction(msgspec.Struct, frozen=True, kw_only=True):
    """A count to come: its mean, and the whole numbers that it should lie between, inclusive."""

    mean: float
    low: float
    high: float


class Spread(msgspec.Struct, frozen=True, kw_only=True):
    """What each replica counted, by its name, and how many ``workers`` shared the requests out.

    ``workers`` is None when that was not measured.
    """

    counts: dict[str, int | None]
    workers: int | None


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """What one run measured and what its model predicts.

    ``counts`` has every quantity by its name, None for what was not measured, and ``gaps`` says
    why. ``predictions`` are by quantity; ``unpredicted`` says why there are none, ``why`` what
    else to know of them. ``listening`` has the ports open beyond loopback by pod, None where they
    could not be listed. ``spreads`` are by the sum that is spread.
    """

    counts: dict[str, int | float | None]
    gaps: dict[str, str] = {}
    predictions: dict[str, Prediction] = {}
    unpredicted: str = ""
    why: tuple[str, ...] = ()
    listening: dict[str, tuple[int, ...] | None] = {}
    spreads: dict[str, Spread] = {}


class ClaimResult(msgspec.Struct, frozen=True, kw_only=True):
    """A claim and what became of it, in numbers.

    ``test`` is what was tested, such as ``client.sent = web.received``. ``predicted`` and
    ``observed`` are its two sides, lists of them for ports and replicas; ``low`` and ``high`` are
    the ends of what confirms it, both included, None where there is no such end. ``by_model``
    says that the prediction is a mean that a model gave.
    """

    name: str
    says: str
    test: str
    verdict: Verdict
    predicted: tuple[Quantity, ...] = ()
    observed: tuple[Quantity, ...] = ()
    low: Quantity | None = None
    high: Quantity | None = None
    by_model: bool = False
    why: tuple[str, ...] = ()


class ClaimBase(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A claim: its name and what it says in words."""

    KEYS: ClassVar[tuple[str, ...]] = ()
    """The keys of this type, by which a scenario chooses it."""

    name: str
    says: str

    @property
    def test(self) -> str:
        """What is tested, as an expression."""
        raise NotImplementedError

    def quantities(self) -> tuple[str, ...]:
        """The quantities that the claim speaks of."""
        return ()

    def judge(self, evidence: Evidence) -> ClaimResult:
        """Judge the claim by what was measured."""
        raise NotImplementedError

    def result(
        self,
        verdict: Verdict,
        why: Iterable[str] = (),
        *,
        predicted: tuple[Number, ...] = (),
        observed: tuple[Number, ...] = (),
        low: Number | None = None,
        high: Number | None = None,
        by_model: bool = False,
    ) -> ClaimResult:
        """What became of the claim."""
        return ClaimResult(
            name=self.name,
            says=self.says,
            test=self.test,
            verdict=verdict,
            predicted=predicted,
            observed=observed,
            low=low,
            high=high,
            by_model=by_model,
            why=tuple(why),
        )

    def _unmeasured(self, evidence: Evidence) -> tuple[str, ...]:
        """Which quantities have no value, and why."""
        return tuple(
            f"{name} is not known: {evidence.gaps.get(name) or 'nothing here counts it'}"
            for name in self.quantities()
            if evidence.counts.get(name) is None
        )


class Holds(ClaimBase, frozen=True, kw_only=True, tag="holds"):
    """A comparison between quantities: ``client.p99 < 100ms``."""

    KEYS: ClassVar[tuple[str, ...]] = ("holds",)

    holds: str

    def __post_init__(self) -> None:
        """Raise ``ValueError`` for a text that is no comparison."""
        comparison(self.holds)

    @property
    def comparison(self) -> Comparison:
        """The two sides."""
        return comparison(self.holds)

    @property
    def test(self) -> str:
        """The comparison as it is written."""
        return self.holds

    def quantities(self) -> tuple[str, ...]:
        """The names on both sides."""
        return self.comparison.names()

    def judge(self, evidence: Evidence) -> ClaimResult:
        """Compare the two sides, exactly if both are whole numbers."""
        if missing := self._unmeasured(evidence):
            return self.result(Verdict.NOT_MEASURED, missing)
        found = self.comparison
        left, right = found.left.value(evidence.counts), found.right.value(evidence.counts)
        if left is None or right is None:
            return self.result(Verdict.NOT_MEASURED, (f"a side comes to more than {MOST}",))
        holds = found.holds(left, right)
        if found.sign in {"=", "<=", ">="} and not holds:
            exact = isinstance(left, int) and isinstance(right, int)
            holds = not exact and isclose(left, right, rel_tol=1e-9)
        return self.result(
            Verdict.CONFIRMED if holds else Verdict.REFUTED,
            predicted=(right,),
            observed=(left,),
            low=right if found.sign in {"=", ">=", ">"} else None,
            high=right if found.sign in {"=", "<=", "<"} else None,
        )


class Predicted(ClaimBase, frozen=True, kw_only=True, tag="predicted"):
    """A count lies where the scenario's model puts it."""

    KEYS: ClassVar[tuple[str, ...]] = ("predicted",)

    predicted: str

    @property
    def test(self) -> str:
        """The quantity, in words."""
        return f"{self.predicted} lies where the model puts it"

    def quantities(self) -> tuple[str, ...]:
        """The one quantity."""
        return (self.predicted,)

    def judge(self, evidence: Evidence) -> ClaimResult:
        """Hold the count against the prediction's interval."""
        if missing := self._unmeasured(evidence):
            return self.result(Verdict.NOT_MEASURED, missing)
        prediction = evidence.predictions.get(self.predicted)
        if prediction is None:
            why = evidence.unpredicted or f"the model does not predict {self.predicted}"
            return self.result(Verdict.NOT_MEASURED, (why,))
        observed = evidence.counts[self.predicted]
        if observed is None:
            raise AssertionError(self.predicted)
        inside = prediction.low <= observed <= prediction.high
        return self.result(
            Verdict.CONFIRMED if inside else Verdict.REFUTED,
            evidence.why,
            predicted=(prediction.mean,),
            observed=(observed,),
            low=prediction.low,
            high=prediction.high,
            by_model=True,
        )


class Evenly(ClaimBase, frozen=True, kw_only=True, tag="spread"):
    """Each replica got its share of a sum, as round robin gives it.

    Each worker of the proxy in front goes round all replicas, wherever it begins, and counts
    retries as well: in any stretch of a worker's requests two replicas differ by one at most. So
    from its even share a replica is off by less than the number of workers. That is no matter of
    chance, and no confidence is due.
    """

    KEYS: ClassVar[tuple[str, ...]] = ("spread",)

    spread: str

    def __post_init__(self) -> None:
        """Raise ``ValueError`` for a text that is no sum."""
        sum_of(self.spread)

    @property
    def sum(self) -> Sum:
        """What is spread."""
        return sum_of(self.spread)

    @property
    def test(self) -> str:
        """The sum, in words."""
        return f"each replica's share of {self.spread} is what round robin gives it"

    def quantities(self) -> tuple[str, ...]:
        """The names in the sum."""
        return self.sum.names()

    def judge(self, evidence: Evidence) -> ClaimResult:
        """Hold each replica's count against its even share."""
        found = evidence.spreads.get(self.spread)
        if found is None or found.workers is None:
            why = "it is not known how many workers of the proxy went round the replicas"
            return self.result(Verdict.NOT_MEASURED, (why,))
        counts = {name: count for name, count in found.counts.items() if count is not None}
        if not counts or len(counts) < len(found.counts):
            missing = [name for name in found.counts if name not in counts] or ["no replica"]
            why = f"not every replica was measured: {', '.join(missing)}"
            return self.result(Verdict.NOT_MEASURED, (why,))
        if not any(counts.values()):
            return self.result(Verdict.NOT_MEASURED, ("there was nothing to share out",))
        share = sum(counts.values()) / len(counts)
        # Off by less than the number of workers: the ends themselves are already too far.
        low = max(0, floor(share - found.workers) + 1)
        high = ceil(share + found.workers) - 1
        outside = {name: count for name, count in counts.items() if not low <= count <= high}
        return self.result(
            Verdict.REFUTED if outside else Verdict.CONFIRMED,
            (f"{name} counted {count}" for name, count in outside.items()),
            predicted=(share,),
            observed=tuple(counts.values()),
            low=low,
            high=high,
        )


class Listens(ClaimBase, frozen=True, kw_only=True, tag="listens"):
    """Nothing in a pod listens beyond loopback but on these ports."""

    KEYS: ClassVar[tuple[str, ...]] = ("pod", "listens")

    pod: str
    listens: tuple[int, ...]

    @property
    def test(self) -> str:
        """The ports, in words."""
        return f"{self.pod} listens on at most {', '.join(map(str, self.listens)) or 'no port'}"

    def judge(self, evidence: Evidence) -> ClaimResult:
        """Look for other ports among those that were open."""
        found = evidence.listening.get(self.pod)
        if found is None:
            return self.result(Verdict.NOT_MEASURED, ("its sockets could not be listed",))
        extra = sorted(set(found) - set(self.listens))
        return self.result(
            Verdict.REFUTED if extra else Verdict.CONFIRMED,
            (f"port {port} of {self.pod} is open as well" for port in extra),
            predicted=self.listens,
            observed=tuple(sorted(found)),
        )


Claim: TypeAlias = Holds | Predicted | Evenly | Listens
TYPES: tuple[type[Holds | Predicted | Evenly | Listens], ...] = (Holds, Predicted, Evenly, Listens)


def type_for(keys: Iterable[str]) -> type[Holds | Predicted | Evenly | Listens] | None:
    """The type of claim that is written with these keys, besides what it says."""
    given = frozenset(keys)
    return next((each for each in TYPES if given == frozenset(each.KEYS)), None)


def overall(results: Iterable[ClaimResult]) -> Verdict:
    """Refuted when one claim is, else not measured when one is not or none is there."""
    return worst(result.verdict for result in results)


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """The one that outweighs all others; not measured without any."""
    found = set(verdicts)
    for each in (Verdict.REFUTED, Verdict.NOT_MEASURED):
        if each in found:
            return each
    return Verdict.CONFIRMED if found else Verdict.NOT_MEASURED


def judge(claims: Iterable[Claim], evidence: Evidence) -> tuple[ClaimResult, ...]:
    """Judge every claim by the same evidence."""
    return tuple(claim.judge(evidence) for claim in claims)


def unjudged(claims: Iterable[Claim], why: str) -> tuple[ClaimResult, ...]:
    """Judge nothing, because of what ``why`` says."""
    return tuple(claim.result(Verdict.NOT_MEASURED, (why,)) for claim in claims)

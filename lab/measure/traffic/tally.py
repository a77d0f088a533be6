"""Counting outcomes as they come."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import msgspec

from lab.measure.numbers import Count
from lab.measure.traffic.latency import Recorder
from lab.measure.traffic.outcome import ErrorKind, class_of

if TYPE_CHECKING:
    from collections.abc import Mapping

MOST_CLASSES = 1000
"""So many kinds of answers are told apart; bodies without a pattern would fill the memory."""
THE_REST = "(other answers)"
EXAMPLE_LENGTH = 256
"""Characters of an answer that are kept as an example of its kind."""

_OK = range(200, 300)
_UNSENT = b"\x02"


class Answers(msgspec.Struct, frozen=True):
    """One kind of answer: how many there were, what they begin with, and one of them.

    Requests without an answer are of the kind ``no answer: ERROR``.
    """

    count: Count
    answer: str
    example: str


class Tally:
    """What became of the requests so far."""

    def __init__(self) -> None:
        """Nothing was sent."""
        self.finished = 0
        self.answered = 0
        self.succeeded = 0
        self.unsent = 0
        self.latencies = Recorder()
        self._successes = bytearray()
        self._errors: Counter[str] = Counter()
        self._kinds: Counter[bytes] = Counter()
        self._examples: dict[bytes, str] = {}

    @property
    def begun(self) -> int:
        """How many requests were begun."""
        return len(self._successes)

    @property
    def sent(self) -> int:
        """How many requests were begun, without those that this machine could not send."""
        return len(self._successes) - self.unsent

    @property
    def successes(self) -> bytes:
        """A byte for each request in the order of sending: 1 if it succeeded, else 0."""
        return bytes(self._successes).replace(_UNSENT, b"")

    @property
    def errors(self) -> Mapping[str, int]:
        """Failed requests by cause: an :class:`ErrorKind`, or ``status 500``."""
        return dict(sorted(self._errors.items()))

    def begin(self) -> int:
        """Count a request that is about to be sent; return its index."""
        self._successes.append(0)
        return len(self._successes) - 1

    def answer(self, index: int, status: int, body: bytes, latency: float) -> None:
        """Count an answer; statuses from 200 to 299 are successes."""
        self.answered += 1
        if status in _OK:
            self._successes[index] = 1
            self.succeeded += 1
        else:
            self._errors[f"status {status}"] += 1  # of three digits, so there are not many
        self.latencies.add(latency)
        self._count(class_of(body), body)

    def failed(self, index: int, kind: ErrorKind, detail: str, waited: float) -> None:
        """Count a request without an answer; one that was not sent is counted apart.

        Only time-outs count among the latencies: leaving them out would flatter, and an error
        that came at once would as well if it were counted.
        """
        if kind is ErrorKind.UNSENT:
            self.unsent += 1
            self._successes[index] = ord(_UNSENT)
        else:
            self._errors[str(kind)] += 1
        if kind is ErrorKind.TIMEOUT:
            self.latencies.add(waited)
        text = f"no answer: {kind}"
        self._count(text.encode(), f"{text} ({detail})".encode())

    def answers(self) -> tuple[Answers, ...]:
        """Every kind of answer, in alphabetical order."""
        rows = (
            Answers(count, kind.decode(), self._examples[kind])
            for kind, count in self._kinds.items()
        )
        return tuple(sorted(rows, key=lambda row: row.answer))

    def _count(self, kind: bytes, answer: bytes) -> None:
        self.finished += 1
        if kind not in self._examples:
            if len(self._examples) >= MOST_CLASSES:
                kind = THE_REST.encode()
            shown = answer[: 4 * EXAMPLE_LENGTH].decode(errors="replace").strip()
            self._examples.setdefault(kind, shown[:EXAMPLE_LENGTH])
        self._kinds[kind] += 1

"""Requests as any client sends them, and what service B has to answer with a given seed."""

import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import requests


@dataclass(frozen=True)
class Answers:
    """The answers to requests sent one after the other, and when the last one had come."""

    statuses: tuple[int, ...]
    bodies: tuple[str, ...]
    ended: float

    @property
    def succeeded(self) -> int:
        return sum(status == 200 for status in self.statuses)


def send(url: str, count: int) -> Answers:
    """Send requests one at a time on one connection."""
    statuses, bodies = [], []
    with requests.Session() as session:
        for _ in range(count):
            answer = session.get(url, timeout=30)
            statuses.append(answer.status_code)
            bodies.append(answer.text)
    return Answers(tuple(statuses), tuple(bodies), time.time())


def seeded(seed: int, error_rate: int, count: int) -> list[tuple[int, int]]:
    """The status and the nounce of service B's first answers."""
    return list(islice(drawn(seed, error_rate), count))


def drawn(seed: int, error_rate: int) -> Iterator[tuple[int, int]]:
    """The status and the nounce of service B's answers, without an end.

    Written down here a second time on purpose: whoever changes the sequence changes what a
    seed means to users.
    """
    source = random.Random(seed)  # noqa: S311 - reproducible, not secret
    while True:
        lot, nounce = source.randrange(100), source.getrandbits(32)
        yield 500 if lot < error_rate else 200, nounce

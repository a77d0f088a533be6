"""The criterion sees a leak, and nothing else."""

from __future__ import annotations

from random import Random

from tests.soak.flat import MEBIBYTE, Bounds, Held, judge
from tests.soak.watch import Reading

LIFE = 300
"""Readings of ten minutes."""
BASE = 20 * MEBIBYTE
BOUNDS = Bounds(30)


def noisy(seed: int, *, length: int = LIFE, leak: float = 0, handles: float = 0) -> list[Reading]:
    """A process that warms up and breathes; per reading it may leak bytes and handles."""
    random = Random(seed)  # noqa: S311 - noise, no secrets
    return [
        Reading(
            at=2.0 * i,
            memory=int(BASE * (1 - 0.5**i) + leak * i + random.uniform(0, 3 * MEBIBYTE)),
            handles=int(10 + handles * i + random.choice((0, 0, 0, 25))),
            connections=random.randrange(30),
        )
        for i in range(length)
    ]


def judged(*lives: list[Reading], bounds: Bounds = BOUNDS) -> Held:
    return judge("process", lives, bounds)


def test_a_process_that_warms_up_and_breathes_is_flat() -> None:
    for seed in range(20):
        assert judged(noisy(seed)).problems == ()


def test_forty_bytes_a_request_are_a_leak() -> None:
    requests = 400  # between two readings
    (problem,) = judged(noisy(1, leak=40 * requests)).problems
    assert problem == "memory rose by 1.5 MiB"


def test_a_handle_in_a_minute_is_a_leak() -> None:
    (problem,) = judged(noisy(1, handles=1 / 30)).problems
    assert problem == "handles rose by 3"


def test_a_leak_in_every_short_life_is_seen() -> None:
    lives = [noisy(seed, length=21, leak=MEBIBYTE) for seed in range(10)]
    assert "memory rose by " in str(judged(*lives).problems)


def test_a_rise_in_some_short_lives_is_no_leak() -> None:
    lives = [noisy(seed, length=21, leak=MEBIBYTE * (seed < 4)) for seed in range(10)]
    assert judged(*lives).problems == ()


def test_what_a_role_is_allowed_beyond_is_added() -> None:
    leaking = noisy(1, leak=40 * 400)
    assert judged(leaking, bounds=Bounds(30, memory=MEBIBYTE)).problems == ()


def test_more_connections_than_the_load_can_need_are_a_problem() -> None:
    assert judged(noisy(1), bounds=Bounds(20)).problems == ("29 connections, of at most 20",)


def test_what_was_not_seen_long_enough_is_not_taken_for_flat() -> None:
    assert judged(noisy(1, length=11)).problems == ("no process was seen 12 times",)
    assert judged().problems == ("no process was seen 12 times",)

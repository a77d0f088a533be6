"""How samples become rows: medians of pairs, what is met, and why what is not is not."""

from __future__ import annotations

from bench.build import Build
from bench.life.machine import Machine, Made
from bench.life.results import CALLS, Goal, Results, Sample
from bench.lines import Line, table
from bench.sizes import FLOOR, Point, Scale, Times

MADE = Made("a command", "a date", "a revision", 0.5)
MACHINE = Machine(
    processor="one",
    processors=2,
    memory="1 GiB",
    system="a system",
    kernel="6",
    python="3.11",
    podman="4.3.1",
    podman_compose="1.6.0",
    runtime="1.1",
    revision="a revision",
    load=0.5,
    date="a date",
)


def results(**seconds: tuple[float, ...]) -> Results:
    """Times of `down` by contender, a round each."""
    samples = tuple(
        Sample(who, "down", "sidecar", number, each)
        for who, times in seconds.items()
        for number, each in enumerate(times, 1)
    )
    return Results(MACHINE, "a command", samples)


def test_a_share_is_the_median_of_pairs_not_the_share_of_medians() -> None:
    found = results(lab=(1.0, 2.0, 9.0), rival=(2.0, 2.0, 3.0), floor=(1.0, 1.0, 1.0))
    row = found.row(Goal("down", "sidecar", "rival", 1.0))
    assert (row.lab, row.peer, row.ratio) == (2.0, 2.0, 1.0)
    assert (row.least, row.greatest) == (0.5, 3.0)
    assert row.met


def test_a_target_below_the_floor_is_said_to_be_that() -> None:
    found = results(lab=(2.0,), rival=(2.0,), floor=(1.8,))
    row = found.row(Goal("down", "sidecar", "rival", 0.8, "above it: much"))
    assert not row.met
    assert row.why == f"the target is below {CALLS}, which is at 0.90"


def test_a_target_above_the_floor_tells_what_takes_the_rest() -> None:
    found = results(lab=(2.0,), rival=(2.0,), floor=(1.0,))
    assert found.row(Goal("down", "sidecar", "rival", 0.8, "above it: much")).why == (
        f"{CALLS} is at 0.50; above it: much"
    )
    assert found.row(Goal("down", "sidecar", "floor", 1.4, "above it: much")).why == (
        "above it: much"
    )


def test_a_chain_of_builds_is_a_base_and_the_image_on_it_that_take_longest_together() -> None:
    steps = {"base-a": 10.0, "a": 1.0, "base-b": 8.0, "b": 4.0}
    build = Build(MADE, 2, 13.2, 20.0, steps, {"a": "base-a", "b": "base-b"})
    assert build.chain() == ("base-b", "b")
    (line,) = build.lines()
    assert (line.share, line.met) == ("1.10", True)


def point(copies: int, up: float, **others: Times) -> Point:
    return Point(
        copies=copies,
        round=0,
        pods=copies + 2,
        up=up,
        again=0.3,
        down=1.0,
        busy=up,
        busy_lab=0.1,
        busy_services=0.1,
        **others,
    )


def test_the_cost_of_a_pod_is_held_against_the_second_size_and_compose_against_its_own() -> None:
    beside = point(42, 11.0, compose=Times(22.0, 9.0), floor=Times(8.8, 2.0))
    scale = Scale(MADE, 2, 42, (point(1, 0.9), point(10, 3.0), beside, point(100, 51.0)))
    flat, near, compose = scale.lines()
    assert (near.share, near.met) == ("1.25", False)
    assert (flat.share, flat.met) == ("2.00", False)
    assert (compose.share, compose.met) == ("0.50", True)
    assert compose.why.startswith(f"{FLOOR} is at 0.40: ")


def test_a_row_has_its_reason_only_when_its_target_is_missed() -> None:
    figures = {"lab": "1 s", "takes": "2 s", "share": "0.5", "spread": "0.4 to 0.6"}
    line = Line(what="w", beside="b", target="≤ 1", met=False, why="so", **figures)
    head = "| w | 1 s | b | 2 s | **0.5** (0.4 to 0.6) | ≤ 1"
    assert table([line]).splitlines()[2] == f"{head} **missed** | so |"
    met = Line(what="w", beside="b", target="≤ 1", met=True, why="so", **figures)
    assert table([met]).splitlines()[2] == f"{head} met | |"

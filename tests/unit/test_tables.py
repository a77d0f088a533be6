"""Comparisons and loads as people read them: names, units, dashes, and no noise."""

from __future__ import annotations

import msgspec
import pytest

from lab import console, progress, tables
from lab.experiment.compare import Comparison, contrast
from lab.measure.ranks import mann_whitney
from lab.measure.records import Image, Record
from lab.measure.traffic.load import Load, Order
from lab.measure.traffic.pacer import Arrivals
from lab.measure.traffic.tally import Answers
from lab.report import commands, words
from tests.unit.experiment.simulated import Run

DASH = "\N{EN DASH}"


def printed(found: Comparison, capsys: pytest.CaptureFixture[str]) -> dict[str, list[str]]:
    """The rows of a comparison by their first cell, and the head by ""."""
    tables.comparison(found)
    lines = [line for line in capsys.readouterr().out.splitlines() if line]
    rows = [[cell for cell in line.split("  ") if cell] for line in lines]
    return {
        "" if line.startswith(" ") else row[0]: [cell.strip() for cell in row if cell.strip()]
        for line, row in zip(lines, rows, strict=True)
    }


def test_two_runs_are_called_by_their_scenarios_with_units_and_percentage_points(
    capsys: pytest.CaptureFixture[str],
) -> None:
    rows = printed(contrast(Run(scenario="direct").record("one"), Run().record("two")), capsys)
    assert rows[""][:3] == ["direct", "sidecar", "DIFFERENCE"]
    assert rows["success rate"][3].endswith(" percentage points")
    assert rows["success rate"][4] == "significant, p < 1e-15 (Fisher's exact test)"
    assert rows["latency p50"][1].endswith(" ms")
    assert rows["throughput"][1].endswith(" answers/s")
    assert rows["latency, slower in sidecar"][1] == DASH
    assert rows["latency, slower in sidecar"][2].endswith("% of pairs")
    assert rows["scenario"] == ["scenario", "direct", "sidecar"]
    assert rows["parameters.retries"] == ["parameters.retries", DASH, "2"]


def test_runs_of_one_scenario_are_called_by_their_ids(capsys: pytest.CaptureFixture[str]) -> None:
    rows = printed(contrast(Run(seed=1).record("one"), Run(seed=2).record("two")), capsys)
    assert rows[""][:2] == ["one", "two"]


def test_a_scenario_of_the_user_s_own_is_called_by_its_file() -> None:
    first, second = Run(scenario="direct").record("one"), Run().record("two")
    spec = msgspec.structs.replace(second.spec, scenario="/a/b/mine.yaml")
    assert contrast(first, msgspec.structs.replace(second, spec=spec)).labels == ("direct", "mine")


def test_inputs_have_short_hashes_units_and_no_none(capsys: pytest.CaptureFixture[str]) -> None:
    first = Run().record("one")
    image = Image(reference="localhost/lab/service-b:2", id="0123456789abcdef" * 4, digest="")
    order = msgspec.structs.replace(first.load.order, duration=90.0, requests=None, timeout=0.5)
    second = msgspec.structs.replace(
        first,
        id="two",
        images=(image,),
        host=msgspec.structs.replace(first.host, memory=3 * 2**29),
        load=msgspec.structs.replace(first.load, order=order),
    )
    rows = printed(contrast(first, second), capsys)
    assert rows["images.localhost/lab/service-b"][2] == "0123456789ab"
    assert rows["host.memory"][1:] == ["4.0 GiB", "1.5 GiB"]
    assert rows["load.duration"][1:] == [DASH, "1m30s"]
    assert rows["load.timeout"][1:] == ["30s", "500ms"]
    assert "None" not in str(rows)


def test_a_small_p_value_is_not_zero_and_not_shown_as_zero() -> None:
    assert 0 < mann_whitney({1: 200}, {2: 200}).p_value < words.LEAST_P
    assert words.chance(0.0) == "p < 1e-15"
    assert words.chance(0.0123) == "p = 0.012"


def load_of(*answers: Answers) -> Load:
    return msgspec.structs.replace(Run(requests=20).record().load, answers=answers)


def test_an_answer_is_shown_once(capsys: pytest.CaptureFixture[str]) -> None:
    whole = "Service A: upstream responded with: Service B: Yay! nounce 1"
    console.load(load_of(Answers(20, whole[:25], whole), Answers(1, "(other answers)", "x")))
    shown = capsys.readouterr().out
    assert shown.count("Service A: upstream") == 1
    assert f"20     {whole}" in shown
    assert "(other answers), such as x" in shown


@pytest.mark.parametrize(
    ("order", "words"),
    [
        (Order(url="", requests=500), "500 requests, concurrency 1"),
        (Order(url="", duration=90, concurrency=8), "for 1m30s, concurrency 8"),
        (Order(url="", requests=9, rate=5, concurrency=1000), "9 requests at 5 requests/s"),
        (
            Order(url="", duration=2, rate=5, arrivals=Arrivals.POISSON, concurrency=1000),
            "for 2s at 5 requests/s (Poisson)",
        ),
    ],
)
def test_an_open_loop_has_a_rate_and_a_closed_one_its_concurrency(order: Order, words: str) -> None:
    assert str(order) == words


def test_the_first_moments_have_no_rate() -> None:
    assert progress.so_far(11, 11, 1e-7) == "11 requests · 100.0% successful"
    assert progress.so_far(100, 50, 2.0) == "100 requests · 50/s · 50.0% successful"


def reproduced(order: Order) -> str:
    record: Record = Run().record()
    load = msgspec.structs.replace(record.load, order=order)
    return commands.again(msgspec.structs.replace(record, load=load))[1]


def test_a_load_is_made_again_with_every_option_that_it_had() -> None:
    poisson = Order(
        url="",
        duration=90,
        rate=5.5,
        arrivals=Arrivals.POISSON,
        arrival_seed=3,
        concurrency=1000,
        timeout=0.5,
    )
    assert reproduced(poisson) == (
        "lab load --duration 1m30s --rate 5.5 --arrivals poisson --arrival-seed 3 --timeout 500ms"
    )
    assert reproduced(Order(url="", requests=5, concurrency=2)) == "lab load -n 5 -c 2"

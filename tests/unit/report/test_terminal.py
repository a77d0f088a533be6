"""The graphs in the terminal: they fit, and name what they show."""

import math
import re

import pytest
from rich.text import Text

from lab.metrics.graphs import Rate, Rates
from lab.metrics.prometheus import Point
from lab.report.terminal import draw

A, B = "service_a_requests_total", "service_b_requests_total"
RETRIED, SUPPRESSED = "envoy_cluster_retry_upstream_rq", "envoy_cluster_upstream_rq_retry_overflow"

SECONDS = range(121)


def wave(height: float) -> tuple[Point, ...]:
    return tuple(Point(1000.0 + s, height * (1 + math.sin(s / 9))) for s in SECONDS)


def rates(*graphs: Rate) -> Rates:
    return Rates(1000.0, 1120.0, graphs)


FULL = rates(
    Rate("service-a", A, {"2xx": wave(40), "5xx": wave(10)}),
    Rate("service-b", B, {"2xx": wave(400), "5xx": wave(1)}),
    Rate("proxy", RETRIED, {"500": wave(7)}),
    Rate("proxy", SUPPRESSED, {"": wave(3)}),
)


@pytest.mark.parametrize("colours", [True, False])
def test_on_a_narrow_terminal_every_line_still_has_its_name(colours: bool) -> None:  # noqa: FBT001
    lines = draw(FULL, 60, 40, colours=colours).plain.split("\n")
    assert max(map(len, lines)) <= 60
    assert any(re.search(r"2xx \d+\.\d/s .*5xx \d+\.\d/s", line) for line in lines)
    assert any(re.search(r"^envoy_cl.* 500 \d+\.\d/s", line) for line in lines)


@pytest.mark.parametrize(("width", "height"), [(80, 23), (120, 39), (200, 60)])
def test_all_graphs_fit_the_terminal(width: int, height: int) -> None:
    lines = draw(FULL, width, height).plain.rstrip("\n").split("\n")
    assert len(lines) <= height
    assert max(map(len, lines)) <= width


def test_each_graph_has_its_counter_its_lines_and_their_latest_values() -> None:
    shown = draw(FULL, 120, 40)
    for counter in (A, B, RETRIED):
        assert counter in shown.plain
    assert f"{SUPPRESSED} of proxy  ━ " in shown.plain
    for name in ("2xx", "5xx", "500"):
        assert f"━ {name} " in shown.plain
    assert "2m" in shown.plain
    assert "now" in shown.plain


def test_lines_are_drawn_in_different_colours() -> None:
    spans = {str(span.style) for span in draw(rates(FULL.graphs[0]), 80, 20).spans}
    assert len({style for style in spans if "color" in style}) >= 2


def test_without_colours_each_line_has_a_character_of_its_own() -> None:
    drawn = draw(rates(FULL.graphs[0], *FULL.graphs[2:]), 80, 30, colours=False)
    assert not {span.style for span in drawn.spans if "color" in str(span.style)}
    headline, _, plot = drawn.plain.partition(RETRIED)[0].partition("\n")
    for glyph, name in (("*", "2xx"), ("+", "5xx")):
        assert f"{glyph} {name} " in headline
        assert glyph in plot


def test_without_traffic_it_says_what_pours_some() -> None:
    assert "lab load" in draw(rates(), 80, 24).plain


@pytest.mark.parametrize("height", [0.0, 0.3, 7.0, 1e6])
def test_any_rate_can_be_drawn(height: float) -> None:
    shown = draw(rates(Rate("service-a", A, {"2xx": wave(height)})), 80, 20)
    assert isinstance(shown, Text)
    assert A in shown.plain

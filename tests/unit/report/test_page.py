"""The page of a report: whole in itself, true to the records, and closed to foreign markup."""

import re
import sys
from collections import Counter
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import msgspec
import pytest

from lab.errors import LabError
from lab.measure.counters.timeline import FILE as TIMELINE
from lab.measure.records import Record
from lab.measure.traffic.tally import Answers
from lab.report import page, story
from lab.report.story import Story
from tests.unit.experiment.simulated import Run
from tests.unit.report.conftest import Keep, kept, kept_sweep, timeline

DIRECT, SIDECAR = "20260102-030405-direct-1111", "20260102-030406-sidecar-2222"
HOSTILE = "</pre><script>alert(1)</script><img src=x onerror=alert(1)>\"'&"
CHART_TITLES = (
    "What service B was asked",
    "Success against concurrency",
    "Attempts per request",
    "Latency by percentile",
    "direct: the counters",
    "sidecar: the counters",
)


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    """The runs of a report with every section; none of these tests changes them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        drawn = msgspec.json.encode(timeline()).decode()
        kept(Run(scenario="direct"), DIRECT, files={TIMELINE: drawn})
        kept(Run(), SIDECAR, files={TIMELINE: drawn, "envoy.yaml": "num_retries: 2"})
        kept_sweep()
        yield story.choose(())


@pytest.fixture(scope="module")
def html(told: Story) -> str:
    """The whole report."""
    return page.render(told)


@pytest.mark.parametrize("title", CHART_TITLES)
def test_every_chart_is_drawn_for_both_widths_with_marks_and_words(html: str, title: str) -> None:
    (figure,) = (f for f in re.findall(r"<figure>.*?</figure>", html, re.DOTALL) if title in f)
    drawings = re.findall(r"<svg .*?</svg>", figure, re.DOTALL)
    assert len(drawings) == 2
    for drawing in drawings:
        assert re.search(r'<svg role="img" aria-label="[^"]{40,}"', drawing)
        assert re.search(r'class="mark-(line|rect|symbol)', drawing)
        assert "NaN" not in drawing


def test_it_needs_nothing_from_elsewhere_and_runs_no_script(html: str) -> None:
    outside = re.sub(r'xmlns(:xlink)?="[^"]*"|http://www\.w3\.org/\S+', "", html)
    assert not re.search(r"(src|href|xlink:href)=\"(?!data:)|url\((?!#)|@import", outside)
    assert "<script" not in html
    assert "default-src 'none'" in html


def test_no_two_drawings_share_an_identifier(html: str) -> None:
    found = Counter(re.findall(r'\bid="([^"]+)"', html))
    assert [name for name, count in found.items() if count > 1] == []
    assert set(re.findall(r"url\(#([^)]+)\)", html)) <= set(found)


def test_it_has_the_runs_own_numbers_claims_configurations_and_commands(
    html: str, told: Story
) -> None:
    assert len(told.pair) == 2
    text = unescape(html)
    for record in told.pair:
        assert f"{record.load.success_rate:.1%}" in html
        assert record.id in html
        for judgement in record.judgements:
            assert judgement.says in text
    assert "num_retries: 2" in html
    assert "lab load -n 1000 -c 1" in html
    assert "lab sweep --error-rate 20 --max-retries 3,1024 --concurrency 1,4,16" in html


def test_what_has_no_data_says_which_command_makes_it(keep: Keep) -> None:
    keep(Run(scenario="direct"), DIRECT)
    html = page.render(story.choose(()))
    assert "lab up sidecar &amp;&amp; lab load" in html
    assert "lab sweep --concurrency" in html
    assert "What Prometheus saw" not in html


def test_a_sweep_alone_is_a_report_too(swept: list[Record]) -> None:
    assert swept
    html = page.render(story.choose(()))
    assert "6 of 6 points" in html
    assert "Claims and verdicts" not in html


def test_text_of_foreign_origin_cannot_become_markup(keep: Keep) -> None:
    record = Run().record()
    answers = (Answers(count=1, answer="x", example=HOSTILE),)
    keep(
        Run(), SIDECAR,
        files={"<b>.yaml": HOSTILE},
        load=msgspec.structs.replace(record.load, answers=answers),
        spec=msgspec.structs.replace(record.spec, scenario=f"/{HOSTILE}.yaml"),
    )  # fmt: skip
    html = page.render(story.choose(()))
    assert html.count("alert(1)") > 3
    assert not re.search(r"<(script|img|b)\b", html)
    assert not re.search(r"<[^>]*\sonerror=", re.sub(r'"[^"]*"', '""', html))


def test_the_same_records_give_the_same_page(html: str, told: Story) -> None:
    assert page.render(told) == html


@pytest.mark.parametrize("library", ["vl_convert", "jinja2"])
def test_a_library_that_is_missing_is_named_with_the_way_to_get_it(
    keep: Keep, monkeypatch: pytest.MonkeyPatch, library: str
) -> None:
    keep(Run(), SIDECAR)
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(LabError, match="not installed") as caught:
        page.render(story.choose(()))
    assert "podman-lab[report]" in caught.value.hint


def test_a_file_that_cannot_be_written_is_a_sentence(keep: Keep, tmp_path: Path) -> None:
    keep(Run(), SIDECAR)
    with pytest.raises(LabError, match="cannot be written"):
        page.write(tmp_path / "no such folder" / "report.html", ())

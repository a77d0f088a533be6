"""The page of a report: whole in itself, true to the records, and closed to foreign markup."""

import re
import sys
from collections import Counter
from collections.abc import Iterator
from html import unescape
from itertools import product
from pathlib import Path

import msgspec
import pytest

from lab.errors import LabError
from lab.measure.records import Record
from lab.measure.traffic.tally import Answers
from lab.metrics.graphs import FILE as TIMELINE
from lab.report import page, selection, words
from lab.report.selection import Selection
from lab.verdicts.assess import results
from tests.unit.experiment.simulated import Run
from tests.unit.report.conftest import Keep, kept, kept_sweep, timeline

DIRECT, SIDECAR = "20260102-030405-direct-1111", "20260102-030406-sidecar-2222"
HOSTILE = "</pre><script>alert(1)</script><img src=x onerror=alert(1)>\"'&"
CHART_TITLES = {
    "What reached service-b, per request of the client": 1,
    "Latency by percentile": 1,
    "The counters, second by second": 2,
    "Requests that succeed by concurrency": 1,
    "Attempts per request by concurrency": 1,
}
"""How many charts there are of each title: the compared runs share one of their latencies."""


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Selection]:
    """The runs of a report with every section; none of these tests changes them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        drawn = msgspec.json.encode(timeline()).decode()
        kept(Run(scenario="direct"), DIRECT, files={TIMELINE: drawn})
        kept(Run(), SIDECAR, files={TIMELINE: drawn, "envoy.yaml": "num_retries: 2"})
        kept_sweep()
        yield selection.choose(())


@pytest.fixture(scope="module")
def html(told: Selection) -> str:
    """The whole report."""
    return page.render(told)


@pytest.mark.parametrize("title", CHART_TITLES)
def test_every_chart_is_drawn_for_both_widths_with_marks_and_words(html: str, title: str) -> None:
    found = [f for f in re.findall(r"<figure>.*?</figure>", html, re.DOTALL) if title in f]
    assert len(found) == CHART_TITLES[title]
    drawings = re.findall(r"<svg .*?</svg>", "".join(found), re.DOTALL)
    assert len(drawings) == 2 * len(found)
    for drawing in drawings:
        assert re.search(r'<svg role="img" aria-label="[^"]{40,}"', drawing)
        assert re.search(r'class="mark-(line|rect|symbol)', drawing)
        assert "NaN" not in drawing


def test_it_needs_nothing_from_elsewhere_and_runs_no_script(html: str) -> None:
    outside = re.sub(r'xmlns(:xlink)?="[^"]*"|http://www\.w3\.org/\S+', "", html)
    assert not re.search(r"(src|href|xlink:href)=\"(?!data:|#)|url\((?!#)|@import", outside)
    assert "<script" not in html
    assert "default-src 'none'" in html


def test_the_series_of_a_sweep_are_named_beside_their_marks(html: str) -> None:
    for limit in (3, 1024):  # in the two charts, for both widths
        assert len(re.findall(f">max-retries {limit}</text>", html)) == 4


def test_no_two_drawings_share_an_identifier(html: str) -> None:
    found = Counter(re.findall(r'\bid="([^"]+)"', html))
    assert [name for name, count in found.items() if count > 1] == []
    assert set(re.findall(r"url\(#([^)]+)\)", html)) <= set(found)


def test_it_has_the_runs_own_numbers_claims_configurations_and_commands(
    html: str, told: Selection
) -> None:
    assert len(told.runs) == 2
    text = unescape(html)
    for record in told.runs:
        assert f"{record.load.success_rate:.1%}" in html
        assert record.id in html
        for result in results(record):
            assert result.says in text
            assert words.predicted(result, record.load.sent) in text
    assert "num_retries: 2" in html
    assert "lab load -n 1000 -c 1" in html
    assert "lab sweep sidecar --over error-rate=20 --over max-retries=3,1024 -c 1,4,16" in html


def test_runs_are_compared_only_if_that_was_asked_for(keep: Keep) -> None:
    keep(Run(), SIDECAR)
    keep(Run(scenario="haproxy"), "20260102-030407-haproxy-3333")
    html = page.render(selection.choose(()))
    assert "compared" not in html
    assert "significant" not in html
    assert html.count("<figcaption>Latency by percentile") == 2
    keep(Run(scenario="direct"), "20260102-030408-direct-4444")
    html = page.render(selection.choose(()))
    assert "<h2>direct and sidecar compared</h2>" in html
    assert "<h2>direct and haproxy compared</h2>" in html
    assert "sidecar and haproxy" not in html


def test_a_page_of_one_run_says_nothing_of_what_was_not_run(keep: Keep) -> None:
    keep(Run(scenario="direct"), DIRECT)
    html = page.render(selection.choose(()))
    body = html.partition("</style>")[2]
    assert "<h1>direct</h1>" in html
    for word in ("sidecar", "compared", "Sweep", "retries per request", "second by second"):
        assert word not in body


def test_runs_of_one_scenario_are_told_apart_by_their_ids(keep: Keep) -> None:
    first, second = keep(Run(), DIRECT), keep(Run(seed=1), SIDECAR)
    html = page.render(selection.choose([DIRECT, SIDECAR]))
    for run in (first, second):
        assert f"<h2>sidecar, run {run.id}: " in html


def test_a_sweep_alone_is_a_report_too(swept: list[Record]) -> None:
    assert swept
    html = page.render(selection.choose(()))
    assert "At 6 of 6 points" in html
    assert "Claims" not in html


def test_a_sweep_over_one_parameter_is_drawn_against_that(keep: Keep) -> None:
    for number, retries in enumerate((0, 1, 2)):
        keep(
            Run(requests=200, retries=retries), f"20260102-0400{number:02}-sidecar-aaaa",
            kind="sweep", experiment=f"sweep-1/retries={retries},concurrency=1",
        )  # fmt: skip
    html = page.render(selection.choose(()))
    assert "<figcaption>Requests that succeed by retries</figcaption>" in html
    assert "<h2>Sweep of sidecar over retries</h2>" in html


def test_a_sweep_has_charts_for_every_combination_of_further_axes(keep: Keep) -> None:
    for number, (rate, limit, clients) in enumerate(product((10, 20), (3, 8), (1, 2))):
        where = f"error-rate={rate},max-retries={limit},concurrency={clients}"
        run = Run(requests=100, error_rate=rate, max_retries=limit, clients=clients)
        run_id = f"20260102-0400{number:02}-sidecar-aaaa"
        keep(run, run_id, kind="sweep", experiment=f"sweep-1/{where}")
    html = page.render(selection.choose(()))
    for rate in (10, 20):
        title = f"<figcaption>Requests that succeed by concurrency: error-rate {rate}</figcaption>"
        assert html.count(title) == 1


def test_a_scenario_without_a_model_has_measured_points_only(keep: Keep) -> None:
    spec = msgspec.structs.replace(Run(scenario="direct").record().spec, model=None)
    for number, clients in enumerate((1, 2)):
        keep(
            Run(scenario="direct", requests=200, clients=clients),
            f"20260102-0400{number:02}-direct-aaaa",
            kind="sweep", experiment=f"sweep-1/concurrency={clients}", spec=spec,
        )  # fmt: skip
    html = page.render(selection.choose(()))
    assert "Requests that succeed by concurrency" in html
    assert "the model predicts" not in html


def test_text_of_foreign_origin_cannot_become_markup(keep: Keep) -> None:
    record = Run().record()
    answers = (Answers(count=1, answer="x", example=HOSTILE),)
    keep(
        Run(), SIDECAR,
        files={"<b>.yaml": HOSTILE},
        load=msgspec.structs.replace(record.load, answers=answers),
        spec=msgspec.structs.replace(record.spec, scenario=f"/{HOSTILE}.yaml"),
    )  # fmt: skip
    html = page.render(selection.choose(()))
    assert html.count("alert(1)") > 3
    assert not re.search(r"<(script|img|b)\b", html)
    assert not re.search(r"<[^>]*\sonerror=", re.sub(r'"[^"]*"', '""', html))


def test_the_same_records_give_the_same_page(html: str, told: Selection) -> None:
    assert page.render(told) == html


@pytest.mark.parametrize("library", ["vl_convert", "jinja2"])
def test_a_library_that_is_missing_is_named_with_the_way_to_get_it(
    keep: Keep, monkeypatch: pytest.MonkeyPatch, library: str
) -> None:
    keep(Run(), SIDECAR)
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(LabError, match="not installed") as caught:
        page.render(selection.choose(()))
    assert "podman-lab[report]" in caught.value.hint


def test_a_file_that_cannot_be_written_is_a_sentence(keep: Keep, tmp_path: Path) -> None:
    keep(Run(), SIDECAR)
    with pytest.raises(LabError, match="cannot be written"):
        page.write(tmp_path / "no such folder" / "report.html", ())

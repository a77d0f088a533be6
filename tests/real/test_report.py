"""The report of real runs in a real browser, and the graphs of a real lab."""

import os
import pty
import select
import signal
import subprocess
import sys
import termios
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.real.accounts import Account
from tests.real.browser import Page, browser
from tests.real.conftest import new_lab
from tests.real.labs import Lab, run_lab
from tests.real.waiting import until

pytestmark = pytest.mark.real

REQUESTS = 200
LUMINANCE = """(() => {
    const [r, g, b] = getComputedStyle(document.body).backgroundColor.match(/\\d+/g);
    return 0.3 * r + 0.6 * g + 0.1 * b;
})()"""
DRAWINGS = """[...document.querySelectorAll("figure:has(svg)")].map(figure => ({
    title: figure.querySelector("figcaption").textContent,
    shown: [...figure.querySelectorAll("svg")].filter(svg => svg.getBoundingClientRect().width)
        .map(svg => [...svg.querySelectorAll(
            ".mark-line path, .mark-rect path, .mark-symbol path")].filter(mark => {
                const box = mark.getBoundingClientRect();
                return box.width + box.height > 0;
            }).length),
}))"""
HOPS = """[...document.querySelectorAll(".flow")].map(flow =>
    [...flow.querySelectorAll(".hop strong, .edge span")].map(each => each.textContent))"""
OVERLAPPING = """[...document.querySelectorAll(".flow")].flatMap(flow => {
    const boxes = [...flow.querySelectorAll(".hop, .edge span")]
        .map(each => each.getBoundingClientRect());
    const all = flow.getBoundingClientRect();
    return boxes.filter((a, i) => a.width * a.height == 0 || a.right > all.right + 1
        || boxes.some((b, j) => i < j && a.left < b.right - 1 && b.left < a.right - 1
            && a.top < b.bottom - 1 && b.top < a.bottom - 1)).map(a => `${a.left} ${a.top}`);
})"""
"""Hops and counts of a path that nobody sees, or that are upon each other."""
TEXT_TOO_SMALL = """[...document.querySelectorAll("figure svg text")].filter(text => {
    const height = text.getBoundingClientRect().height;
    return height > 0 && height < 10;
}).map(text => text.textContent)"""
PANELS = """[...document.querySelectorAll("svg")].filter(svg =>
    [...svg.querySelectorAll("path.path")].some(path =>
        new Set((path.getAttribute("d") || "").match(/,[0-9.]+/g)).size > 1)).length"""
"""How many drawings have a line that goes up and down."""
OUT_OF_SIGHT = """(() => {
    document.querySelectorAll("details").forEach(each => { each.open = true; });
    return [...document.querySelectorAll("td, th")].filter(cell => {
        const box = cell.closest(".scroll").getBoundingClientRect();
        return cell.getBoundingClientRect().right > box.right + 1;
    }).map(cell => cell.textContent);
})()"""
"""Cells that only scrolling to the side would show."""
TITLES = [
    "What reached service-b, per request of the client",
    "Latency by percentile",
    "The counters, second by second",
    "The counters, second by second",
    "Requests that succeed by concurrency",
    "Attempts per request by concurrency",
]
A, B = "service_a_requests_total", "service_b_requests_total"
RETRIED = "envoy_cluster_retry_upstream_rq"


@pytest.fixture(scope="module")
def lab(account: Account, images: dict[str, str]) -> Iterator[Lab]:
    """One lab for all tests, which none of them changes."""
    del images
    lab = new_lab(account, "report")
    try:
        yield lab
    finally:
        lab.remove()


@pytest.fixture(scope="module")
def report(lab: Lab, account: Account, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report on a load of each scenario, and on a sweep."""
    place = tmp_path_factory.mktemp("report")
    environment = {"XDG_STATE_HOME": str(place)}
    for scenario in ("direct", "sidecar"):
        lab.up(scenario, environment=environment)
        lab("load", "-n", str(REQUESTS), environment=environment)
    lab("sweep", "-n", str(REQUESTS), "-c", "1,8", environment=environment, patience=120)
    path = place / "report.html"
    run_lab(account, "report", "--html", str(path), environment=environment)
    return path


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """A browser's page."""
    with browser(tmp_path_factory.mktemp("profile")) as page:
        yield page


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1200])
def test_the_report_draws_every_chart_without_an_error_or_a_request(
    report: Path, page: Page, scheme: str, width: int
) -> None:
    page.open(report, scheme=scheme, width=width)
    drawings = page.evaluate(DRAWINGS)
    assert [drawing["title"] for drawing in drawings] == TITLES
    for drawing in drawings:
        (marks,) = drawing["shown"]
        assert marks > 0, drawing["title"]
    troubles = ("Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded")
    assert page.named(*troubles) == []
    requests = [event["request"]["url"] for event in page.named("Network.requestWillBeSent")]
    assert [url for url in requests if not url.startswith("data:")] == [report.as_uri()]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_paper_and_ink_follow_the_reader_s_colour_scheme(
    report: Path, page: Page, scheme: str
) -> None:
    page.open(report, scheme=scheme, width=1200)
    paper = page.evaluate(LUMINANCE)
    ink = page.evaluate(LUMINANCE.replace("backgroundColor", "color"))
    assert abs(paper - ink) > 180
    assert (paper > ink) == (scheme == "light")


@pytest.mark.parametrize("width", [360, 800, 1200])
def test_the_paths_have_their_measured_requests_on_their_arrows(
    report: Path, page: Page, width: int
) -> None:
    page.open(report, scheme="light", width=width)
    n = str(REQUESTS)
    direct, sidecar = page.evaluate(HOPS)
    assert direct == ["client", n, "service-a", n, "service-b"]
    proxy = "service-a-envoy"
    assert sidecar[:-2] == ["client", n, proxy, n, "service-a", n, proxy]
    assert int(sidecar[-2]) > REQUESTS
    assert page.evaluate(OVERLAPPING) == []


@pytest.mark.parametrize("width", [360, 800, 1200])
def test_the_report_is_readable_at_any_width(report: Path, page: Page, width: int) -> None:
    page.open(report, scheme="light", width=width)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate(TEXT_TOO_SMALL) == []
    assert page.evaluate(OUT_OF_SIGHT) == []


def test_status_links_to_graphs_that_are_drawn(lab: Lab, report: Path, page: Page) -> None:
    del report  # has brought the lab up
    lab("load", "-n", "50")  # within the time that graphs show, and scraped when it ends
    url = lab.status()["graphs"]
    assert f"graphs       {url}\n" in lab("status").out
    assert url in lab("metrics").err
    page.open(url, scheme="light", width=1200)
    until("Prometheus draws services A, B and Envoy", lambda: page.evaluate(PANELS) == 3)


def test_elsewhere_than_on_a_terminal_metrics_is_a_table(lab: Lab, report: Path) -> None:
    del report  # has poured traffic
    rows = [line.split() for line in lab("metrics", "--since", "5m").out.splitlines()]
    assert rows[0] == ["COUNTER", "STATUS", "LATEST/S", "MEAN/S", "HIGHEST/S"]
    assert {(A, "2xx"), (A, "5xx"), (B, "2xx"), (B, "5xx")} <= {(r[0], r[1]) for r in rows}


def test_metrics_as_json_has_the_rates_of_the_traffic_that_was_poured(
    lab: Lab, report: Path
) -> None:
    del report
    found = lab("metrics", "--since", "5m", "-o", "json").json
    graphs = {graph["counter"]: graph["lines"] for graph in found["graphs"]}
    assert sum(point["value"] for point in graphs[A]["2xx"]) > REQUESTS
    assert max(point["value"] for point in graphs[RETRIED]["500"]) > 0
    times = [
        point["time"] for lines in graphs.values() for line in lines.values() for point in line
    ]
    assert found["begin"] <= min(times) <= max(times) <= found["end"]


def test_on_a_terminal_metrics_draws_graphs_until_ctrl_c_which_is_its_good_end(
    lab: Lab, report: Path
) -> None:
    del report
    ours, its = pty.openpty()
    termios.tcsetwinsize(its, (40, 120))
    with subprocess.Popen(
        [sys.executable, "-m", "lab", "metrics", "--name", lab.name, "--since", "5m"],
        stdin=its, stdout=its, stderr=its, start_new_session=True,
        env={**os.environ, "TERM": "xterm-256color"},
    ) as process:  # fmt: skip
        os.close(its)
        shown = b""
        while b"Ctrl-C quits" not in shown and select.select([ours], [], [], 60)[0]:
            shown += os.read(ours, 65536)
        process.send_signal(signal.SIGINT)
        with suppress(OSError):  # the terminal is gone with its last program
            while chunk := os.read(ours, 65536):
                shown += chunk
    os.close(ours)
    assert process.returncode == 0, shown.decode()
    for counter in (A, B, RETRIED):
        assert counter in shown.decode()


def test_metrics_without_a_lab_says_which_command_starts_one(account: Account) -> None:
    done = run_lab(account, "metrics", "--name", "t-nobody", status=3)
    assert "lab up direct" in done.err

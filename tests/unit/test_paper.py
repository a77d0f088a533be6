"""Lines with a little markup: styles where somebody looks, plain text elsewhere."""

from __future__ import annotations

import io
from contextlib import redirect_stdout

import pytest

from lab import console
from lab.converge.status import ContainerStatus, PodStatus, Status
from lab.paper import Paper, escape, out


class Terminal(io.StringIO):
    """A stream that somebody looks at."""

    def isatty(self) -> bool:
        """It is."""
        return True


@pytest.fixture(autouse=True)
def _a_usual_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.delenv("NO_COLOR", raising=False)


def seen(text: str, style: str = "") -> str:
    """What a terminal gets."""
    with redirect_stdout(Terminal()) as terminal:
        out.print(text, style=style)
    return terminal.getvalue()


def test_a_file_gets_text_without_tags(capsys: pytest.CaptureFixture[str]) -> None:
    out.print("[bold red]error:[/] gone", style="dim")
    assert capsys.readouterr().out == "error: gone\n"


def test_a_terminal_gets_styles() -> None:
    assert seen("[bold red]error:[/] gone") == "\x1b[1;31merror:\x1b[0m gone\n"


def test_a_style_for_a_whole_line_ends_with_it() -> None:
    assert seen("gone", style="dim") == "\x1b[2mgone\x1b[0m\n"


def test_no_color_leaves_weight_and_takes_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    assert seen("[bold red]error:[/] [green]up[/]") == "\x1b[1merror:\x1b[0m up\x1b[0m\n"


def test_a_terminal_that_knows_no_styles_gets_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    assert seen("[bold]lab[/]") == "lab\n"


@pytest.mark.parametrize("text", ["[bold]", "[/]", "\\[red]", "[lab]", "a[0]", "[dim red]x[/]"])
def test_escaped_text_arrives_as_it_is(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    out.print(f"[bold]{escape(text)}[/]")
    out.print(text, markup=False)
    assert capsys.readouterr().out == f"{text}\n{text}\n"


@pytest.mark.parametrize("text", ["\x1b[31m", "\x9b31m", "\x07", "two\nlines", "over\rwritten"])
def test_text_cannot_steer_the_terminal(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    out.print(text)
    out.print(text, markup=False)
    lines = capsys.readouterr().out.split("\n")
    assert len(lines) == 3
    assert lines[0] == lines[1] != text
    assert lines[0].isprintable()


def test_each_stream_is_looked_up_when_it_is_written_to(capsys: pytest.CaptureFixture[str]) -> None:
    Paper("stderr").print("said")
    assert capsys.readouterr().err == "said\n"


@pytest.fixture
def status() -> Status:
    names = ("service-a", "service-a-envoy")
    containers = tuple(
        ContainerStatus(name=name, state="running", image=f"localhost/lab/{name}:{0:016}", id="1")
        for name in names
    )
    pod = PodStatus(name="a-pod", state="running", ip="10.64.1.12", containers=containers)
    return Status(name="lab", state="up", pods=(pod,))


def test_the_columns_of_a_status_are_as_wide_as_what_is_in_them(
    status: Status, capsys: pytest.CaptureFixture[str]
) -> None:
    console.status(status)
    assert capsys.readouterr().out.splitlines()[1:] == [
        "POD    ADDRESS     CONTAINER        STATE    IMAGE",
        "a-pod  10.64.1.12  service-a        running  lab/service-a:00000000",
        "                   service-a-envoy  running  lab/service-a-envoy:00000000",
    ]


def test_on_a_narrow_terminal_the_image_is_cut(status: Status) -> None:
    with redirect_stdout(Terminal()) as terminal:
        console.status(status)
    last = terminal.getvalue().splitlines()[-1]
    plain = last.replace("\x1b[0m", "").replace("\x1b[2m", "").replace("\x1b[32m", "")
    assert plain == "                   service-a-envoy  running  lab/service-a-…"
    assert len(plain) == 60

"""Lines with a little markup: styles where somebody looks, plain text elsewhere."""

from __future__ import annotations

import io
import json
from contextlib import redirect_stdout

import pytest
from rich.text import Text

from lab import console
from lab.converge.status import ContainerStatus, PodStatus, Status
from lab.paper import Paper, clean, escape, out


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
    monkeypatch.delenv("FORCE_COLOR", raising=False)


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


def test_an_empty_no_color_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "")
    assert seen("[green]up[/]") == "\x1b[32mup\x1b[0m\n"
    with redirect_stdout(Terminal()):
        assert not Paper("stdout").rich.no_color


def test_force_color_styles_what_is_no_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    out.print("[green]up[/]")
    monkeypatch.setenv("FORCE_COLOR", "")
    out.print("[green]up[/]")
    assert capsys.readouterr().out == "\x1b[32mup\x1b[0m\nup\n"


def test_a_terminal_that_knows_no_styles_gets_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    assert seen("[bold]lab[/]") == "lab\n"


@pytest.mark.parametrize("text", ["[bold]", "[/]", "\\[red]", "[lab]", "a[0]", "[dim red]x[/]"])
def test_escaped_text_arrives_as_it_is(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    out.print(f"[bold]{escape(text)}[/]")
    out.print(text, markup=False)
    assert capsys.readouterr().out == f"{text}\n{text}\n"


PRINTABLE = (
    "no\N{NO-BREAK SPACE}break",
    "\N{WOMAN}\N{ZERO WIDTH JOINER}\N{ROCKET}", "e\u0301",
    "\u05d0\u0628",
    "\N{SOFT HYPHEN}", "\N{IDEOGRAPHIC SPACE}", "\ue0b0", "a\tb",
)  # fmt: skip
STEERING = (
    ("\x1b[31m", r"\x1b[31m"), ("\x9b31m", r"\x9b31m"), ("\x07", r"\x07"), ("\x7f", r"\x7f"),
    ("two\nlines", r"two\x0alines"), ("over\rwritten", r"over\x0dwritten"),
    ("\u202etxt", r"\u202etxt"), ("\u2066x", r"\u2066x"), ("\u2028", r"\u2028"),
    ("\udcff", r"\xff"), ("\ud800", r"\ud800"),
)  # fmt: skip


@pytest.mark.parametrize("text", PRINTABLE)
def test_printable_text_stays(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    out.print(text)
    assert capsys.readouterr().out == f"{text}\n"
    assert text in seen(text)


@pytest.mark.parametrize(("text", "shown"), STEERING)
def test_what_would_steer_a_terminal_is_written_in_letters(text: str, shown: str) -> None:
    assert seen(text) == f"{shown}\n"


@pytest.mark.parametrize(("text", "shown"), [s for s in STEERING if "\n" not in s[0]])
def test_rich_writes_it_in_letters_too(text: str, shown: str) -> None:
    with redirect_stdout(Terminal()) as terminal:
        paper = Paper("stdout")
        paper.draw(Text(text))
        paper.draw(Text.assemble(("styled " + text, "bold")))
    written = terminal.getvalue().replace("\x1b[1m", "").replace("\x1b[0m", "")
    assert written.isascii()
    if not text.startswith(("\x07", "\x1b", "over")):  # some are taken away by Rich itself
        assert shown in written
    assert all(c == "\n" or c.isprintable() for c in written)


@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "latin-1"])
@pytest.mark.parametrize("text", [*PRINTABLE, *(text for text, _ in STEERING[:-2])])
def test_json_is_of_the_same_value_and_steers_nothing(text: str, encoding: str) -> None:
    raw = io.BytesIO()
    with redirect_stdout(io.TextIOWrapper(raw, encoding=encoding, write_through=True)) as _open:
        console.json_out({text: [text]})
    written = raw.getvalue().decode(encoding)
    assert json.loads(written) == {text: [text]}
    assert clean(written.replace("\n", "")) == written.replace("\n", "")


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

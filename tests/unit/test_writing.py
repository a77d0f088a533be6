"""Wherever output goes and whatever becomes of it, a command ends in words and by its status."""

from __future__ import annotations

import json
import os
import re
import select
import subprocess
import sys
from pathlib import Path

import pytest

from tests.terminals import screen

LAB = (sys.executable, "-m", "lab")
COMMANDS = (
    "--help",
    "--version",
    "up --help",
    "scenarios",
    "scenarios -o json",
    "show sidecar",
    "show sidecar --shell",
    "doctor --engine unix:///nowhere",
    "doctor --engine unix:///nowhere -o json",
)
REFUSED = (
    "bogus",
    "show bogus",
    "status --url unix:///nowhere",
    "runs show bogus",
    "load --url http://127.0.0.1:1 --rate 0",
)
every = pytest.mark.parametrize("command", [*COMMANDS, *REFUSED])
talking = pytest.mark.parametrize("command", COMMANDS)


def shell(line: str, **variables: str) -> subprocess.CompletedProcess[bytes]:
    """Have bash run a line in which ``"$@"`` is lab."""
    return subprocess.run(
        ("bash", "-c", f"set -o pipefail; {line}", "bash", *LAB),
        env=os.environ | {"XDG_STATE_HOME": "/nonexistent"} | variables,
        capture_output=True,
        check=False,
    )


@talking
@pytest.mark.parametrize(
    ("where", "cause"), [("> /dev/full", "No space left on device"), (">&-", "Bad file descriptor")]
)
def test_output_that_is_lost_is_one_sentence_and_a_failure(
    command: str, where: str, cause: str
) -> None:
    done = shell(f'"$@" {command} {where}')
    said = done.stderr.decode().splitlines()
    assert f"error: the output could not be written: {cause}" in said
    assert not re.search("Traceback|Exception", done.stderr.decode())
    assert done.returncode == 1


@every
def test_stderr_that_is_lost_changes_nothing(command: str) -> None:
    usual = shell(f'"$@" {command}')
    for where in ("2> /dev/full", "2>&-"):
        done = shell(f'"$@" {command} {where}')
        assert (done.returncode, done.stdout) == (usual.returncode, usual.stdout)


@every
def test_with_every_stream_closed_a_command_still_ends_by_its_status(command: str) -> None:
    done = shell(f'"$@" {command} <&- >&- 2>&-')
    assert done.returncode in {1, 2}


def test_a_reader_that_left_is_told_nothing_and_gives_the_status_of_a_shell() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with open(writing, "wb") as gone:  # noqa: PTH123 - a descriptor
        ended = subprocess.run((*LAB, "scenarios"), stdout=gone, stderr=-1, check=False)
    assert (ended.returncode, ended.stderr) == (141, b"")


@every
@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_an_encoding_that_lacks_characters_gets_others(command: str, encoding: str) -> None:
    usual = shell(f'"$@" {command}')
    done = shell(f'"$@" {command}', PYTHONIOENCODING=encoding)
    assert done.returncode == usual.returncode
    done.stdout.decode(encoding)
    done.stderr.decode(encoding)
    assert b"\\u" not in (b"" if "json" in command else done.stdout) + done.stderr
    if "json" in command:
        assert json.loads(done.stdout) == json.loads(usual.stdout)


def test_a_file_that_does_not_wait_gets_everything() -> None:
    """A pipe may have been made non-blocking by whoever has its other end."""
    script = (
        "import os, subprocess, sys\n"
        "r, w = os.pipe(); os.set_blocking(w, False)\n"
        "p = subprocess.Popen(sys.argv[1:], stdout=w); os.close(w)\n"
        "sys.stdout.buffer.write(open(r, 'rb').read()); sys.exit(p.wait())\n"
    )
    code = (
        "from lab import paper, streams; streams.begin(); "
        "paper.out.data(b'x' * 300000 + b'\\n'); paper.out.print('y' * 300000)"
    )
    ended = subprocess.run(
        (sys.executable, "-c", script, sys.executable, "-c", code), capture_output=True, check=False
    )
    assert (ended.returncode, ended.stderr) == (0, b"")
    assert ended.stdout == b"x" * 300000 + b"\n" + b"y" * 300000 + b"\n"


WRITES = re.compile(
    r"sys\.(__)?std(out|err)|(?<![\w.])print\(|typer\.s?echo|click\.s?echo|rich\.print"
    r"|os\.write\([12]\b|/dev/(stdout|stderr|tty)"
)
ALLOWED = {
    "paper.py": "it is the way",
    "streams.py": "and this is its gate",
    "interruption.py": "a signal's last words, of lab's own text, where nothing else works",
}


def test_nothing_else_in_lab_writes_to_the_standard_streams() -> None:
    package = Path(__file__).parents[2] / "lab"
    found = {
        f"{path.relative_to(package)}:{number}: {line.strip()}"
        for path in package.rglob("*.py")
        if str(path.relative_to(package)) not in ALLOWED
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if WRITES.search(line)
    }
    assert found == set()


ODD = "no\N{NO-BREAK SPACE}break \N{WOMAN}\N{ZERO WIDTH JOINER}\N{ROCKET} e\u0301 \u05d0"
STEERING = "over\rwritten \x1b[31m \u202etxt \t'quoted\\'"
MINE = """\
summary: A scenario whose words are odd.
pods:
  pod:
    containers:
      odd:
        image: "site:1"
        environment:
          ODD: {odd}
          STEERING: {steering}
"""


def _yaml(text: str) -> str:
    """Text as YAML's quoted scalar, which is JSON's but for characters beyond 16 bits."""
    return json.dumps(text, ensure_ascii=False)


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    """A scenario with odd words, some of which a terminal would obey."""
    file = tmp_path / "mine.yaml"
    file.write_text(MINE.format(odd=_yaml(ODD), steering=_yaml(STEERING)))
    return file


def given(commands: str) -> list[str]:
    """The values of --env, as the shell understands commands."""
    script = f'podman() {{ printf "%s\\0" "$@"; }}\n{commands}'
    done = subprocess.run(("bash", "-euc", script), capture_output=True, check=True)
    words = done.stdout.decode().split("\0")
    return [words[at + 1] for at, word in enumerate(words) if word == "--env"]


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
def test_commands_in_a_pipe_are_what_was_meant(mine: Path, encoding: str) -> None:
    done = shell(f'"$@" show {mine} --shell', PYTHONIOENCODING=encoding)
    assert given(done.stdout.decode()) == [f"ODD={ODD}", f"STEERING={STEERING}"]
    assert ODD in done.stdout.decode()


@pytest.mark.parametrize("columns", [40, 200])
def test_commands_copied_from_a_terminal_are_what_was_meant(mine: Path, columns: int) -> None:
    shown = screen(*LAB, "show", str(mine), "--shell", columns=columns)
    assert shown.status == 0
    assert all(c == "\n" or c not in STEERING or c.isprintable() for c in "\n".join(shown.lines))
    assert given("\n".join(shown.lines)) == [f"ODD={ODD}", f"STEERING={STEERING}"]


def test_a_file_that_is_shown_in_a_pipe_is_byte_for_byte(mine: Path) -> None:
    mine.write_bytes(
        mine.read_bytes().replace(b"\n", b"\r\n") + "# \u202e\N{NO-BREAK SPACE}\n".encode()
    )
    assert mine.read_bytes() in shell(f'"$@" show {mine}').stdout


def test_what_the_argument_parser_repeats_cannot_steer_the_terminal() -> None:
    shown = screen(*LAB, "up", "--\x1b[2J\u202e")
    assert shown.status == 2
    assert "\\x1b[2J\\u202e" in shown.written
    assert "\x1b[2J" not in shown.written


def test_progress_arrives_line_by_line_while_the_command_goes_on() -> None:
    program = "import sys, lab.streams as s; s.begin(); print('one', file=sys.stderr); input()"
    process = subprocess.Popen(
        (sys.executable, "-c", program),
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
    )
    assert process.stdin is not None
    assert process.stderr is not None
    ready, _, _ = select.select([process.stderr], [], [], 30)
    said = os.read(process.stderr.fileno(), 100) if ready else b""
    process.communicate(b"\n")
    assert said == b"one\n"

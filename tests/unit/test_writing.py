"""Wherever output goes and whatever becomes of it, a command ends in words and by its status."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

LAB = (sys.executable, "-m", "lab")
COMMANDS = (
    "--help",
    "--version",
    "up --help",
    "scenarios",
    "scenarios -o json",
    "show sidecar",
    "show sidecar --shell",
    "doctor --url unix:///nowhere",
    "doctor --url unix:///nowhere -o json",
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
        "import os, subprocess, sys, time\n"
        "r, w = os.pipe(); os.set_blocking(w, False)\n"
        "p = subprocess.Popen(sys.argv[1:], stdout=w); os.close(w)\n"
        "sys.stdout.buffer.write(open(r, 'rb').read()); sys.exit(p.wait())\n"
    )
    code = (
        "from lab import paper; paper.begin(); "
        "paper.out.data()(b'x' * 300000 + b'\\n'); paper.out.print('y' * 300000)"
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

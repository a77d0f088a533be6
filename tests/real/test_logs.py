"""`lab logs`: several containers' lines in one stream by time, and their bytes as they are."""

import json
import re
import signal
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.real.accounts import Account
from tests.real.conftest import new_lab
from tests.real.engine import Podman
from tests.real.labs import Lab, finish
from tests.real.waiting import until
from tests.terminals import screen

pytestmark = pytest.mark.real

LINES = 40
ODD = b"no\xc2\xa0break \xe2\x80\x8d e\xcc\x81 over\rwritten \x1b[31m \xff \xe2\x80\xae\r\n"
HALVES = b"\xc3", b"error\n", b"\xa9\n"
TICKING = f"""
import signal, sys, time
for n in range({LINES}):
    print(time.time_ns(), n, flush=True)
    time.sleep(0.01)
print(time.time_ns(), "last", flush=True)
for line in sys.stdin: pass
signal.pause()
"""
ODDLY = f"""
import os, signal
os.write(1, {ODD!r})
first, error, last = {HALVES!r}
for stream, part in ((1, first), (2, error), (1, last), (1, b"without end")):
    os.write(stream, part)
signal.pause()
"""


def scenario(folder: Path, image: str, **scripts: str) -> str:
    """Write a scenario with a pod of one container for each script; return its file."""
    pods = {
        f"{name}-pod": {
            "containers": {name: {"image": image, "command": ["python3", "-c", script]}}
        }
        for name, script in scripts.items()
    }
    file = folder / "talking.yaml"
    file.write_text(json.dumps({"summary": "Containers that talk.", "pods": pods}))
    return str(file)


@pytest.fixture(scope="module")
def lab(
    account: Account, images: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Lab]:
    """Two containers that count at the same time, and one that writes odd bytes."""
    lab = new_lab(account, "logs")
    folder = tmp_path_factory.mktemp("talking")
    names = {"one": TICKING, "two": TICKING, "odd": ODDLY}
    try:
        lab("up", scenario(folder, images["service-a"], **names))
        for name in ("one", "two"):
            until(f"{name} has counted", partial(_counted, lab, name))
        yield lab
    finally:
        lab.remove()


def _counted(lab: Lab, name: str) -> bool:
    return "last" in lab("logs", name).out


Named = tuple[str, str]


def counted(printed: str, lab: Lab) -> list[Named]:
    """Who wrote each line of those that count, and what."""
    return re.findall(rf"^{lab.name}-(one|two) +\| (.+)$", printed, re.MULTILINE)


def kept(lab: Lab, podman: Podman) -> list[tuple[str, str, str]]:
    """When podman took down each of these lines, who wrote it, and what, by time."""
    found = []
    for name in ("one", "two"):
        path = podman.inspect(lab.container(name))["HostConfig"]["LogConfig"]["Path"]
        for entry in Path(path).read_text().splitlines():
            time, _, _, text = entry.split(" ", 3)
            found.append((time, name, text))
    return sorted(found, key=lambda each: each[0])


def test_lines_of_several_containers_are_in_the_order_of_their_times(
    lab: Lab, podman: Podman
) -> None:
    found = counted(lab("logs").out, lab)
    assert found == [(name, text) for _, name, text in kept(lab, podman)]
    assert len(found) == 2 * (LINES + 1)
    names = [name for name, _ in found]
    assert names not in (sorted(names), sorted(names, reverse=True))


def test_what_is_followed_begins_with_the_same_lines(lab: Lab) -> None:
    whole = lab("logs").out.splitlines()
    process = lab.start("logs", "--name", lab.name, "--follow")
    assert process.stdout is not None
    read = [process.stdout.readline().rstrip("\n") for _ in whole[:-1]]
    finish(process, signal.SIGINT)
    assert sorted(read) == sorted(line for line in whole if "without end" not in line)
    assert counted("\n".join(read), lab) == counted("\n".join(whole), lab)


def test_since_leaves_out_what_is_older(lab: Lab, podman: Podman) -> None:
    written = kept(lab, podman)
    middle = written[len(written) // 2][0]
    later = [(name, text) for time, name, text in written if time >= middle]
    # Python knows microseconds.
    assert counted(lab("logs", "--since", f"{middle[:26]}{middle[-6:]}").out, lab) == later
    assert counted(lab("logs", "--since", "2h").out, lab) == [line[1:] for line in written]
    assert lab("logs", "--since", "2999-01-01T00:00:00Z").out == ""


def test_tail_counts_the_lines_of_each_container(lab: Lab) -> None:
    found = counted(lab("logs", "--tail", "3").out, lab)
    assert sorted(who for who, _ in found) == ["one"] * 3 + ["two"] * 3


def test_a_pipe_gets_the_containers_bytes(lab: Lab, account: Account, tmp_path: Path) -> None:
    file = tmp_path / "out"
    words = f'{account.python} -m lab logs --name {lab.name} odd > "{file}"'
    for locale in ("C.UTF-8", "C"):
        done = account.run("bash", "-c", words, environment={"LC_ALL": locale})
        assert done.returncode == 0, done.stderr
        first, error, last = HALVES
        whole = ODD + first + last + error + b"without end"
        # Podman reads the two streams one after the other.
        assert sorted(file.read_bytes().split(b"\n")) == sorted(whole.split(b"\n"))


def test_a_terminal_shows_what_it_would_obey(lab: Lab, account: Account) -> None:
    shown = screen(account.python, "-m", "lab", "logs", "--name", lab.name, "odd")
    expected = "no\N{NO-BREAK SPACE}break \N{ZERO WIDTH JOINER} e\u0301 over\\x0dwritten"
    expected += " \\x1b[31m \\xff \\u202e"
    assert set(shown.lines) == {expected, "error", "\u00e9", "without end"}


def test_on_a_terminal_each_name_has_a_colour(lab: Lab, account: Account) -> None:
    command = (account.python, "-m", "lab", "logs", "--name", lab.name, "--tail", "1")
    heads = set(re.findall(rf"\x1b\[(\d+)m({lab.name}-\w+) +\|\x1b\[0m ", screen(*command).written))
    assert len(heads) == len(dict(heads)) == 3
    plain = screen(*command, environment={"NO_COLOR": "1"}).written
    assert not re.search(r"\x1b\[3\d", plain)


def test_a_reader_that_leaves_ends_what_is_followed(lab: Lab, account: Account) -> None:
    words = f"set -o pipefail; {account.python} -m lab logs -f --name {lab.name} one | head -n 1"
    done = account.run("bash", "-c", words)
    assert len(done.stdout.splitlines()) == 1
    assert (done.returncode, done.stderr) == (141, "")


def test_a_log_that_ended_ends_what_is_followed(lab: Lab, podman: Podman) -> None:
    process = lab.start("logs", "--name", lab.name, "--follow", "two")
    assert process.stdout is not None
    assert process.stdout.readline()
    podman("kill", lab.container("two"))
    assert "last" in process.stdout.read()
    status, _, _ = finish(process)
    assert status == 0

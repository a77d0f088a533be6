"""Commands that change one lab queue on its lock; nothing else waits for them."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest

from tests.faults.arena import Arena, arena, finish

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def place() -> Iterator[Arena]:
    with arena() as made:
        yield made


@pytest.fixture
def holder(place: Arena) -> Iterator[subprocess.Popen[str]]:
    """A `lab up` that was stopped in the middle of its work."""
    process = place.start(*place.words("direct"))
    assert process.stderr is not None
    seen = []
    for line in process.stderr:
        seen.append(line)
        if line.startswith("done create record"):
            break
    else:
        raise AssertionError(seen)
    process.send_signal(signal.SIGSTOP)
    yield process
    process.kill()
    with process:
        process.communicate()
    assert place.run(*place.words("nothing"), "--volumes").status == 0
    assert place.left() == []


def waiter(place: Arena) -> tuple[subprocess.Popen[str], str]:
    """A `lab down` that waits for the lock, and what it says about that."""
    process = place.start(*place.words("nothing"))
    assert process.stderr is not None
    return process, process.stderr.readline()


def test_who_waits_says_for_whom_and_goes_on_when_that_one_has_died(
    place: Arena, holder: subprocess.Popen[str]
) -> None:
    process, said = waiter(place)
    assert said.startswith(f"waiting: lab {place.lab} is being changed by lab up direct ")
    assert said.endswith(f", process {holder.pid}\n")
    holder.kill()
    assert finish(process, ("down",)).status == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_wait_and_nothing_was_changed(
    place: Arena, holder: subprocess.Popen[str], number: signal.Signals
) -> None:
    del holder
    process, _ = waiter(place)
    process.send_signal(number)
    ended = finish(process, ("down",))
    assert (ended.status, ended.out) == (128 + number, "")
    assert ended.err.endswith(": nothing was changed\n")


def test_status_does_not_wait(place: Arena, holder: subprocess.Popen[str]) -> None:
    del holder
    assert place.status()["scenario"] == "direct"


def test_another_lab_is_changed_at_the_same_time(
    place: Arena, holder: subprocess.Popen[str]
) -> None:
    name = f"{place.lab}-too"
    ports = ("--port", str(place.port + 300), "--prometheus-port", str(place.port + 301))
    up = place.run("up", "direct", "--name", name, *ports)
    assert up.status == 0, up
    assert "waiting" not in up.err
    assert holder.poll() is None
    down = place.run("down", "--name", name, "--volumes")
    assert down.status == 0, down


def test_a_second_signal_ends_a_command_that_is_waiting_for_its_steps(place: Arena) -> None:
    process = place.start(*place.words("sidecar"))
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("done create network"):
            break
    (service,) = place.services()
    os.kill(service, signal.SIGSTOP)  # so that no step can end
    try:
        process.send_signal(signal.SIGINT)
        while process.poll() is None:
            process.send_signal(signal.SIGINT)
        ended = finish(process, ("up",))
    finally:
        os.kill(service, signal.SIGCONT)
    assert ended.status == 130
    assert "what podman was doing goes on" in ended.err
    assert place.run(*place.words("nothing"), "--volumes").status == 0
    assert place.left() == []

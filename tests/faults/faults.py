"""The faults: each is done again and again, at moments that chance decides, and counted."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.faults.arena import Arena, Ended, finish
from tests.real import processes

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

TARGETS = ("nothing", "direct", "sidecar")
FIRST_GUESS = 2.0
"""Seconds that a command is taken to need before one was timed."""
ATTEMPTS = 6
"""How often a fault may come too late, in proportion to those wanted."""
SILENCE = "Traceback", "Exception ignored"
CROWD = 8


@dataclass
class Tally:
    """What was tried of a kind, and what became of it; ``problems`` has a text for each."""

    kind: str
    tried: int = 0
    survived: int = 0
    lost: int = 0
    left: int = 0
    problems: list[str] = field(default_factory=list)

    @property
    def row(self) -> str:
        """One line of the table."""
        return f"| {self.kind} | {self.tried} | {self.survived} | {self.lost} | {self.left} |"


class Sufferer:
    """A lab, what it is now, and how long its commands take."""

    def __init__(self, arena: Arena, random: Random) -> None:
        """Begin with nothing."""
        self.arena = arena
        self.random = random
        self.state = "nothing"
        self._seconds: dict[str, float] = {}

    def another(self) -> str:
        """A state that it is not in."""
        return self.random.choice([target for target in TARGETS if target != self.state])

    def start(self, target: str) -> tuple[subprocess.Popen[str], tuple[str, ...]]:
        """Begin to lead it to a state."""
        words = tuple(self.arena.words(target))
        return self.arena.start(*words), words

    def moment(self, target: str) -> float:
        """A moment in the life of a command, in seconds from its start."""
        return self.random.uniform(0, self._seconds.get(target, FIRST_GUESS))

    def recover(self, tally: Tally, target: str, fault: str, data: str) -> None:
        """Lead it to a state with one command, and count what is wrong after that.

        ``data`` is what its data volume was before the fault.
        """
        began = os.times().elapsed
        ended = self.arena.run(*self.arena.words(target))
        self._seconds[target] = os.times().elapsed - began
        wrong = self._wrong(ended, target)
        if data and self.arena.data() != data:
            wrong.append(f"the data volume was {data!r} and is {self.arena.data()!r}")
        left = self.arena.left() if target == "nothing" else []
        tally.lost += bool(wrong)
        tally.left += len(left)
        tally.survived += not wrong and not left
        if wrong or left:
            tally.problems.append("\n  ".join((fault, *wrong, *(f"left: {each}" for each in left))))
            self._rescue()
        else:
            self.state = target

    def _wrong(self, ended: Ended, target: str) -> list[str]:
        if ended.status:
            return [str(ended)]
        if target == "nothing":
            return []
        found = self.arena.status()
        if (found.get("scenario"), found.get("in_sync"), found.get("state")) != (
            target,
            True,
            "up",
        ):
            return [f"after `lab up {target}` its status is {found}"]
        return []

    def _rescue(self) -> None:
        """Begin again with nothing after something went wrong, so that tries stay independent."""
        self.arena.run(*self.arena.words("nothing"), "--volumes")
        self.state = "nothing"


def suffer(
    kind: str,
    wanted: int,
    sufferer: Sufferer,
    fault: Callable[[str, tuple[str, ...], subprocess.Popen[str], Tally], str],
    tell: Callable[[str], object] = sys.stderr.write,
) -> Tally:
    """Do a fault in the middle of commands until it hit as often as wanted, and recover each time.

    ``fault`` is given where a command leads and the command, does it, and returns in words what
    was done: "" when it came too late to count.
    """
    tally = Tally(kind)
    bystanders = sufferer.arena.bystanders()
    known = 0
    for _ in range(ATTEMPTS * wanted):
        if tally.tried == wanted:
            break
        target = sufferer.another()
        data = sufferer.arena.data()
        process, words = sufferer.start(target)
        done = fault(target, words, process, tally)
        told = f"{done or 'too late'} on the way from {sufferer.state} to {target}"
        if done:
            tally.tried += 1
            after = sufferer.random.choice(TARGETS)
            sufferer.recover(tally, after, told, data)
            told += f", then to {after}"
        else:
            sufferer.state = target
        tell("".join(f"{problem}\n" for problem in tally.problems[known:]))
        known = len(tally.problems)
        tell(f"{tally.tried} of {wanted}: {told}\n")
    if sufferer.arena.bystanders() != bystanders:
        tally.lost += 1
        tally.problems.append(f"bystanders were {bystanders}, are {sufferer.arena.bystanders()}")
    return tally


def kills(wanted: int, sufferer: Sufferer) -> Tally:
    """SIGKILL of `lab up` and `lab down` at any moment."""

    def fault(target: str, words: tuple[str, ...], process: subprocess.Popen[str], _: Tally) -> str:
        moment = sufferer.moment(target)
        if not _alive_after(process, moment):
            finish(process, words)
            return ""
        process.kill()
        ended = finish(process, words)
        return f"killed after {moment:.3f} s" if ended.status == -signal.SIGKILL else ""

    return suffer("`lab` killed (SIGKILL)", wanted, sufferer, fault)


def interruptions(wanted: int, sufferer: Sufferer) -> Tally:
    """SIGINT and SIGTERM at any moment, one in five followed by a second."""

    def fault(
        target: str, words: tuple[str, ...], process: subprocess.Popen[str], tally: Tally
    ) -> str:
        while process.poll() is None and not processes.handles_signals(process.pid):
            pass  # Python itself is starting
        number, word = sufferer.random.choice(
            [(signal.SIGINT, "interrupted"), (signal.SIGTERM, "terminated")]
        )
        moment = sufferer.moment(target)
        if not _alive_after(process, moment):
            finish(process, words)
            return ""
        process.send_signal(number)
        twice = sufferer.random.random() < 1 / 5
        if twice and _alive_after(process, sufferer.random.uniform(0, 0.2)):
            process.send_signal(number)
        ended = finish(process, words)
        if ended.status == 0:
            return ""  # its work was done already
        told = f"{number.name} after {moment:.3f} s{' and once more' if twice else ''}"
        if (
            ended.status != 128 + number
            or word not in ended.err
            or any(noise in ended.err for noise in SILENCE)
        ):
            tally.lost += 1
            tally.problems.append(f"{told}: {ended}")
        return told

    return suffer("`lab` interrupted (SIGINT, SIGTERM)", wanted, sufferer, fault)


def service_kills(wanted: int, sufferer: Sufferer) -> Tally:
    """SIGKILL of podman's service after the first step of a plan."""

    def fault(
        target: str, words: tuple[str, ...], process: subprocess.Popen[str], tally: Tally
    ) -> str:
        assert process.stderr is not None
        said = ""
        for line in process.stderr:
            said += line
            if line.startswith("done "):
                break
        moment = sufferer.moment(target) / 4
        if not _alive_after(process, moment):
            finish(process, words)
            return ""
        for service in sufferer.arena.services():
            os.kill(service, signal.SIGKILL)
        ended = finish(process, words)
        if ended.status == 0:
            return ""  # it needed podman no more
        told = f"podman's service killed {moment:.3f} s after {said.splitlines()[-1]!r}"
        if (
            ended.status != 1
            or not all(f"\n{word}" in f"\n{ended.err}" for word in ("error: ", "hint: "))
            or any(noise in ended.err for noise in SILENCE)
        ):
            tally.lost += 1
            tally.problems.append(f"{told}: {ended}")
        return told

    return suffer("podman's service killed (SIGKILL)", wanted, sufferer, fault)


def crowds(wanted: int, sufferer: Sufferer) -> Tally:
    """Eight `up`, `down` and `status` at once on one lab: every command is a try."""
    arena, random = sufferer.arena, sufferer.random
    tally = Tally(f"{CROWD} commands at once on one lab")
    for _ in range(wanted):
        targets = [random.choice((*TARGETS, "status")) for _ in range(CROWD)]
        words = [
            ("status", "--name", arena.lab) if target == "status" else tuple(arena.words(target))
            for target in targets
        ]
        started = [arena.start(*each) for each in words]
        ended = [finish(*pair) for pair in zip(started, words, strict=True)]
        pids = {str(process.pid) for process in started}
        tally.tried += CROWD
        asked = set(targets) - {"status"} or {sufferer.state}
        reached = arena.status()
        state = reached.get("scenario") or "nothing"
        whole = state == "nothing" or bool(reached.get("in_sync"))
        for target, each in zip(targets, ended, strict=True):
            holders = set(re.findall(r"^waiting: .* process (\d+)$", each.err, re.MULTILINE))
            fine = each.status == 0 or (target == "status" and each.status == 3)
            if fine and holders <= pids and whole and state in asked:
                tally.survived += 1
            else:
                tally.lost += 1
                tally.problems.append(f"{targets} led to {reached}; {each}")
        sufferer.state = state
    ended_well = Tally(tally.kind)
    sufferer.recover(ended_well, "nothing", "after a crowd", "")
    tally.left += ended_well.left
    tally.problems += ended_well.problems
    return tally


def _alive_after(process: subprocess.Popen[str], seconds: float) -> bool:
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return True
    return False

"""What can go wrong, said once: a sentence for the user, a hint, and an exit status.

::

    LabError                    1  something failed
    ├── UsageError              2  the command line, a parameter or a scenario is wrong
    ├── AbsentError             3  no such lab is up
    ├── NotReadyError           3  the lab is up but does not answer
    ├── EndedError              3  a container of the lab has exited that should run
    ├── EngineError             1  podman is missing, too old, unreachable or refused a call
    │   ├── AddressTakenError   1  an address of the lab's network is not free
    │   ├── AlreadyThereError   1  what a plan creates exists by now
    │   └── FirewallError       1  the host refuses the rules that guard the lab's network
    ├── ConflictError           1  something that is not ours holds a name, port or subnet
    └── StepError               1  a step of a plan failed (a build, a create, a start)

Only ``lab.cli`` catches these, prints them and turns them into an exit status.
"""

from __future__ import annotations

from enum import IntEnum


class ExitStatus(IntEnum):
    """The exit statuses of every command."""

    OK = 0
    FAILED = 1
    USAGE = 2
    DEGRADED = 3
    REFUTED = 4
    NOT_MEASURED = 5
    THRESHOLD = 99
    """A threshold of a load was crossed; the number is k6's."""
    HUNG_UP = 129
    INTERRUPTED = 130
    PIPE = 141
    TERMINATED = 143


class LabError(Exception):
    """Base of every error that a user may see.

    ``message`` says in one sentence what happened, ``hint`` what to do next, and ``details``
    holds whole lines worth showing below (problems with their line numbers, the last lines of
    a log).
    """

    status = ExitStatus.FAILED

    def __init__(self, message: str, *, hint: str = "", details: tuple[str, ...] = ()) -> None:
        """Keep the three parts apart, so that text and JSON output can both show them."""
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.details = details


class UsageError(LabError):
    """The command line, a parameter or a scenario file is wrong; nothing was changed."""

    status = ExitStatus.USAGE


class AbsentError(LabError):
    """The command needs a running lab and there is none of that name."""

    status = ExitStatus.DEGRADED


class NotReadyError(LabError):
    """The lab exists but did not answer in time; ``answered`` names the pods that did."""

    status = ExitStatus.DEGRADED
    answered: frozenset[str] = frozenset()


class EndedError(LabError):
    """The lab exists, but a container that should run has exited; ``details`` has its last log."""

    status = ExitStatus.DEGRADED


class EngineError(LabError):
    """Podman is missing, too old, unreachable, or refused a call."""


class AddressTakenError(EngineError):
    """Podman counts an address as taken, also when its holder is long gone: a lease was lost."""


class AlreadyThereError(EngineError):
    """What was to be created exists by now, though it did not when the plan was made."""


class FirewallError(EngineError):
    """The host refuses the rules that keep others out of the lab's network."""


class ConflictError(LabError):
    """Something that this lab does not own holds a name, a port or a subnet it needs."""


class StepError(LabError):
    """A step of a plan failed; the message names the step."""

"""Throw-away labs: each is made for one experiment, on ports of its own, and goes with it.

So an experiment leaves the labs that are up alone, and several can run at the same time.
"""

from __future__ import annotations

import secrets
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from lab import lifecycle
from lab.converge import ports
from lab.topology.place import free_subnet
from lab.topology.spec import LabSpec

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab.converge.observed import Observed
    from lab.lifecycle import Lab, Wish

LONGEST = 31
"""Characters that the name of a lab may have."""


class _HeldError(Exception):
    """Somebody else holds a lock."""


@contextmanager
def throwaway(lab: Lab, wish: Wish, kind: str) -> Iterator[Wish]:
    """Turn a wish into one for a lab of its own, which is removed in the end, data and all.

    Its name begins with the name in the wish and the ``kind`` of the experiment. It is published
    on free ports of loopback, whatever the scenario says. What an experiment that was killed left
    behind is removed first.
    """
    observed = lab.engine.observe(wish.name)
    _remove_abandoned(lab, observed)
    with ExitStack() as held:
        name = _name(lab, wish.name, kind, observed, held)
        published = _ports(lab, wish, observed, held)
        yielded = replace(wish, name=name, ports=published, throwaway=wish.name)
        try:
            yield yielded
        finally:
            lifecycle.down(lab, name, volumes=True)


def _name(lab: Lab, begin: str, kind: str, observed: Observed, held: ExitStack) -> str:
    """A name that nobody has; the subnet to which it leads is this lab's as well."""
    while True:
        end = f"-{kind}-{secrets.token_hex(2)}"
        name = begin[: LONGEST - len(end)] + end
        subnet = free_subnet(name, observed.subnets_in_use)
        if _claim(lab, name, held) and _claim(lab, f"subnet {subnet}", held):
            return name


def _ports(lab: Lab, wish: Wish, observed: Observed, held: ExitStack) -> dict[str, int]:
    taken = {number for seen in observed.containers for _, number in seen.published}
    free = ports.free(taken, probe=lab.engine.local)
    return {
        port.name: next(number for number in free if _claim(lab, f"port {number}", held))
        for port in wish.wanted.ports()
    }


def _claim(lab: Lab, what: str, held: ExitStack) -> bool:
    """Keep something from the other throw-away labs of this user, unless one has it."""
    with suppress(_HeldError):
        held.enter_context(lab.engine.lock(what, _refuse))
        return True
    return False


def _refuse(_holder: str) -> None:
    raise _HeldError


def _remove_abandoned(lab: Lab, observed: Observed) -> None:
    """Remove throw-away labs of experiments that are over: theirs is the lock while they run."""
    if not lab.engine.local:
        return  # the experiment may run on another machine, whose locks cannot be seen
    for volume in observed.volumes:
        with suppress(_HeldError, ValueError):
            name = LabSpec.from_json(volume.spec).name
            with lab.engine.lock(name, _refuse):
                recorded = lab.engine.observe(name).recorded()
                if recorded is not None and recorded.throwaway:
                    lab.reporter.note(f"removing lab {name}, which was left behind")
                    lifecycle.down(lab, name, volumes=True)
                    _forget_claims(lab, recorded)


def _forget_claims(lab: Lab, recorded: LabSpec) -> None:
    """Have the locks of an abandoned lab go, whose files a process that was killed left."""
    for what in (
        f"subnet {recorded.network.subnet}",
        *(f"port {port.published}" for port in recorded.ports()),
    ):
        with ExitStack() as held:
            _claim(lab, what, held)

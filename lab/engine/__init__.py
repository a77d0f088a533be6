"""Podman, and nothing but podman: the only package that imports its client.

:class:`Engine` is all that the rest of lab knows of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from datetime import datetime

    from lab.converge.observed import Observed, SeenContainer
    from lab.converge.plan import Step
    from lab.engine.logs import Line
    from lab.images.builder import ImageStore
    from lab.topology.spec import NetworkSpec


class Engine(Protocol):
    """What a container engine has to be able to do for a lab; ``version`` is its own.

    ``local`` engines run on this machine, so that what can be found out here is true of them.
    """

    version: str
    local: bool

    @property
    def images(self) -> ImageStore:
        """The engine's images; slow to come by, and not needed when nothing is built."""

    def observe(self, lab: str) -> Observed:
        """List everything that belongs to a lab or could stand in its way.

        Its images are left out: :func:`lab.converge.images.looked_up` adds those that matter.
        """

    def containers_of(self, lab: str) -> tuple[SeenContainer, ...]:
        """A lab's containers as they are now; quick enough to be asked again and again."""

    def image_id(self, reference: str) -> str:
        """The id of the image that would be used for a reference, "" when there is none."""

    def execute(self, step: Step) -> None:
        """Carry out one step on a network, volume, pod or container.

        Raises :class:`lab.errors.EngineError` when the engine refuses.
        """

    def create_secret(self, step: Step, value: str) -> None:
        """Carry out the step that creates a secret. Raises like :meth:`execute`."""

    def logs(
        self,
        container: str,
        *,
        tail: int | None = None,
        since: datetime | None = None,
        follow: bool = False,
    ) -> Iterator[Line]:
        """Yield a container's log, a line at a time."""

    def listeners(self, pid: int) -> frozenset[int] | None:
        """The TCP ports open beyond loopback in the network namespace of a container's process.

        None where that cannot be found out.
        """

    def detour(self, network: NetworkSpec) -> str:
        """Why this host does not reach a network that is there, as a clause; "" when it does."""

    def lock(self, lab: str, waiting: Callable[[str], None]) -> AbstractContextManager[None]:
        """Hold a lock, so that nothing else of this user on this machine changes a lab meanwhile.

        ``waiting`` is told once who has it, if it has to be waited for, and may raise instead;
        the lock of a process that died is free. What is no lab's name locks something else.
        Raises :class:`lab.errors.EngineError` when there can be none.
        """

    def retire(self) -> None:
        """Stop what was started only to reach the engine, if nothing needs it any more.

        The engine cannot be used after that.
        """

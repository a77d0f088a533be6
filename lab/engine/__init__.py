"""Podman, and nothing but podman: the only package that imports its client.

:class:`Engine` is all that the rest of lab knows of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from lab.converge.observed import Observed
    from lab.converge.plan import Step
    from lab.images.builder import ImageStore


class Engine(Protocol):
    """What a container engine has to be able to do for a lab; ``version`` is its own."""

    version: str

    @property
    def images(self) -> ImageStore:
        """The engine's images; slow to come by, and not needed when nothing is built."""

    def observe(self, lab: str) -> Observed:
        """List everything that belongs to a lab or could stand in its way.

        Its images are left out: :func:`lab.converge.images.looked_up` adds those that matter.
        """

    def image_id(self, reference: str) -> str:
        """The id of the image that would be used for a reference, "" when there is none."""

    def execute(self, step: Step) -> None:
        """Carry out one step on a network, volume, pod or container.

        Raises :class:`lab.errors.EngineError` when the engine refuses.
        """

    def create_secret(self, step: Step, value: str) -> None:
        """Carry out the step that creates a secret. Raises like :meth:`execute`."""

    def logs(
        self, container: str, *, tail: int | None = None, follow: bool = False
    ) -> Iterator[str]:
        """Yield a container's log, a line at a time, without line ends."""

    def listeners(self, pid: int) -> frozenset[int] | None:
        """The TCP ports open beyond loopback in the network namespace of a container's process.

        None where that cannot be found out.
        """

    def lock(self, lab: str, waiting: Callable[[str], None]) -> AbstractContextManager[None]:
        """Hold a lock, so that nobody else on this machine changes a lab meanwhile.

        ``waiting`` is told once who has it, if it has to be waited for; the lock of a process
        that died is free. Raises :class:`lab.errors.EngineError` when there can be none.
        """

    def retire(self) -> None:
        """Stop what was started only to reach the engine, if nothing needs it any more.

        The engine cannot be used after that.
        """

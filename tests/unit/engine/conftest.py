"""An engine that talks to a server of the test's own."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Protocol

import pytest

from lab.engine.podman import connect
from tests.unit.engine.fake_podman import Answer, FakePodman

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from lab.engine.podman import PodmanEngine


class Engine(Protocol):
    """Start a server that answers so, and return an engine that talks to it."""

    def __call__(
        self, respond: Answer | Callable[[str, str], Answer]
    ) -> tuple[PodmanEngine, FakePodman]: ...


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    with ExitStack() as stack:

        def start(
            respond: Answer | Callable[[str, str], Answer],
        ) -> tuple[PodmanEngine, FakePodman]:
            always = respond if callable(respond) else lambda _method, _path: respond
            server = stack.enter_context(FakePodman(tmp_path / "podman.sock", always))
            engine = connect(server.url)
            stack.callback(engine.api.close)
            return engine, server

        yield start

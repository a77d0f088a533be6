"""Whatever answers where podman should: commands end in words."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz.damage import spoiled_json
from tests.fuzz.typed import typed
from tests.unit.engine.fake_podman import FakePodman, answer
from tests.unit.engine.test_observe import LISTS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LOG = b"\x1b[2J\x1b]0;owned\x07 \x9b31m \xff\xfe \r\x08line\n"


class Podman:
    """A server that answers as podman does, but for one path."""

    def __init__(self, path: Path) -> None:
        """Listen on a socket."""
        self.spoiled: dict[str, bytes] = {}
        self.server = FakePodman(path, self.respond)

    def respond(self, method: str, path: str) -> bytes:
        """Answer with the recorded lists, or with what a test has put in their place."""
        del method
        if path in self.spoiled:
            return _http(self.spoiled[path])
        if path.endswith("/logs"):
            return _http(bytes((1, 0, 0, 0)) + len(LOG).to_bytes(4, "big") + LOG)
        return answer(200, LISTS[path]) if path in LISTS else answer(404, {"cause": "none"})


def _http(body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(body) + body


@pytest.fixture(scope="module")
def podman(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Podman]:
    found = Podman(tmp_path_factory.mktemp("podman") / "podman.sock")
    with found.server:
        yield found


@st.composite
def spoiled_answers(draw: st.DrawFn) -> tuple[str, bytes]:
    """One of podman's lists, spoiled."""
    path = draw(st.sampled_from(sorted(LISTS)))
    content: Any = json.loads(json.dumps(LISTS[path]))
    return path, draw(spoiled_json(content) | st.binary(max_size=60))


@given(spoiled=spoiled_answers(), command=st.sampled_from(("status", "logs", "down --dry-run")))
def test_a_spoiled_answer_ends_in_a_known_way(
    podman: Podman, spoiled: tuple[str, bytes], command: str
) -> None:
    podman.spoiled = dict([spoiled])
    typed(*command.split(), env={"CONTAINER_HOST": podman.server.url})


def test_a_log_cannot_steer_the_terminal(podman: Podman) -> None:
    podman.spoiled = {}
    result = typed("logs", "service-a", env={"CONTAINER_HOST": podman.server.url})
    assert result.exit_code == 0
    assert "line" in result.stdout
    assert all(char.isprintable() for char in result.stdout.rstrip("\n"))

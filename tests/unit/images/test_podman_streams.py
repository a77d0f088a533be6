"""How podman's streams of progress are read: live lines, an image id, or an error."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any, cast

import pytest

from lab.engine.builds import Images
from lab.errors import StepError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from podman.api.client import APIClient  # noqa: TID251 - only its type

ID = "5" * 64


class Answer:
    """What podman answers: JSON lines under a status."""

    def __init__(self, *messages: dict[str, Any], status: int = 200) -> None:
        self.status_code = status
        self.text = "\n".join(map(json.dumps, messages))
        self.closed = False

    def iter_lines(self) -> Iterator[bytes]:
        yield from self.text.encode().splitlines()

    def close(self) -> None:
        self.closed = True


class Api:
    """A connection on which every call gets the same answer."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.sent: dict[str, Any] = {}

    def get(self, path: str, **_: Any) -> Answer:  # noqa: ANN401 - requests' own
        return Answer(status=404) if path.startswith("/images/") else self.answer

    def post(self, _path: str, **arguments: Any) -> Answer:  # noqa: ANN401
        self.sent = arguments
        return self.answer


def build(api: Api, lines: list[str]) -> str:
    return Images(cast("APIClient", api), local=False).build(
        io.BytesIO(),
        containerfile="Containerfile",
        base="b",
        tag="t",
        arguments={},
        emit=lines.append,
    )


def test_a_build_passes_its_lines_on_and_returns_the_image_id() -> None:
    api = Api(Answer({"stream": "STEP 1/1: FROM scratch\n"}, {"stream": f"{ID}\n"}))
    lines: list[str] = []
    assert build(api, lines) == ID
    assert lines[0] == "STEP 1/1: FROM scratch"
    assert api.answer.closed


def test_a_build_has_no_network_pulls_nothing_and_records_no_time() -> None:
    api = Api(Answer({"stream": ID}))
    build(api, [])
    wanted = {"networkmode": "NetworkDisabled", "pullpolicy": "never", "timestamp": "0"}
    assert wanted.items() <= api.sent["params"].items()


def test_an_error_under_status_200_fails_with_the_command_and_the_last_lines() -> None:
    messages: list[dict[str, Any]] = [{"stream": f"line {number}\n"} for number in range(40)]
    api = Api(Answer(*messages, {"error": 'building at STEP "RUN x": exit status 1'}))
    with pytest.raises(StepError, match='cannot build t: building at STEP "RUN x"') as caught:
        build(api, [])
    command, *last = caught.value.details
    assert command == "command: podman build --network none --tag t --file Containerfile"
    assert last[-1] == "line 39"
    assert len(last) < 20


def test_an_error_status_fails_with_podmans_message() -> None:
    api = Api(Answer({"cause": "x", "message": "no such Containerfile"}, status=500))
    with pytest.raises(StepError, match="cannot build t: no such Containerfile"):
        build(api, [])


def test_a_stream_that_ends_without_an_image_is_a_failure() -> None:
    with pytest.raises(StepError, match="podman ended without an image"):
        build(Api(Answer({"stream": "STEP 1/1: FROM scratch\n"})), [])


def test_a_pull_returns_the_id_podman_reports() -> None:
    api = Api(Answer({"stream": "Trying to pull\n"}, {"images": [ID], "id": ID}))
    assert Images(cast("APIClient", api)).pull("a", lambda _: None) == ID


def test_a_registry_that_lacks_an_image_is_trouble_in_podmans_words() -> None:
    api = Api(Answer({"cause": "no such host", "message": "reading image"}, status=404))
    assert Images(cast("APIClient", api)).registry_trouble("a") == "no such host"


def test_a_registry_that_has_an_image_for_one_platform_only_is_no_trouble() -> None:
    cause = "Treating single images as manifest lists is not implemented"
    api = Api(Answer({"cause": cause, "message": "parsing manifest blob"}, status=404))
    assert Images(cast("APIClient", api)).registry_trouble("a") == ""


def test_a_registry_that_has_an_image_is_no_trouble() -> None:
    assert Images(cast("APIClient", Api(Answer({})))).registry_trouble("a") == ""

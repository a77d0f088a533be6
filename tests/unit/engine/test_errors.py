"""The one place where podman-py's errors become lab's."""

from __future__ import annotations

import pytest
import requests
from podman.errors import APIError, NotFound, PodmanError  # noqa: TID251 - what is translated

from lab.engine.errors import translated
from lab.errors import EngineError, StepError


def reply(status: int) -> requests.Response:
    response = requests.Response()
    response.status_code = status
    return response


@pytest.mark.parametrize(
    ("raised", "message"),
    [
        (APIError("c", response=reply(500), explanation="image not known"), "image not known"),
        (NotFound("c", response=reply(404), explanation="no such pod"), "no such pod"),
        (APIError("refused"), "podman's service went away while lab tried to create pod x"),
        (
            requests.exceptions.ChunkedEncodingError("broken"),
            "podman's service went away while lab tried to create pod x",
        ),
        (
            requests.exceptions.ConnectTimeout("late"),
            "podman's service went away while lab tried to create pod x",
        ),
        (PodmanError("something"), "something"),
        (
            KeyError("Id"),
            "podman's service answered something unexpected while lab tried to create pod x",
        ),
    ],
)
def test_every_error_of_podman_py_becomes_one_sentence(raised: Exception, message: str) -> None:
    with pytest.raises(EngineError) as caught, translated("create pod x"):
        raise raised
    assert caught.value.message == message
    assert caught.value.__cause__ is raised


def test_an_error_without_an_explanation_still_says_something() -> None:
    with pytest.raises(EngineError, match="500"), translated("create pod x"):
        raise APIError("c", response=reply(500))


def test_lab_s_own_errors_pass_through() -> None:
    with pytest.raises(StepError, match="mine"), translated("create pod x"):
        raise StepError("mine")


def test_an_interruption_passes_through() -> None:
    with pytest.raises(KeyboardInterrupt), translated("create pod x"):
        raise KeyboardInterrupt

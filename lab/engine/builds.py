"""Podman's image calls: inspect, pull, build, and whether a registry can be used.

Builds are streamed by hand because podman-py's own method drops what makes them reproducible
and says nothing until the end.
"""

from __future__ import annotations

import json
import re
from collections import deque
from contextlib import closing
from http import HTTPStatus
from typing import IO, TYPE_CHECKING, Any

from lab.converge.observed import SeenImage
from lab.engine.errors import translated
from lab.errors import EngineError, StepError
from lab.images.builder import StoredImage
from lab.images.recipes import REPOSITORY, SOURCE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from podman.api.client import APIClient, APIResponse

PROBE_TIMEOUT = 5.0
"""Seconds a registry has to answer; a network that drops packets must not hold ``up`` up."""

_SINGLE_IMAGE = "Treating single images as manifest lists is not implemented"
"""Podman's words, unchanged up to 6, for a manifest that it got but that is no list of them."""
_LAST_LINES = 12
_IMAGE_ID = re.compile(r"^(?:sha256:)?([0-9a-f]{64})$")


class Images:
    """The image store of one podman service; safe to share between threads."""

    def __init__(self, api: APIClient) -> None:
        """Use the connection of an engine."""
        self._api = api

    def inspect(self, reference: str) -> StoredImage | None:
        """Return the image of that reference, or None when storage has none.

        Raises ``EngineError`` when podman does not answer properly.
        """
        with translated(f"inspect {reference}"):
            response = self._api.get(f"/images/{reference}/json")
        if response.status_code == HTTPStatus.NOT_FOUND:
            return None
        if response.status_code != HTTPStatus.OK:
            raise EngineError(f"podman cannot inspect {reference}: {_cause(response.text)}")
        found = response.json()
        return StoredImage(
            id=found["Id"],
            digest=found["Digest"],
            labels=found.get("Labels") or {},
            volumes=tuple((found.get("Config") or {}).get("Volumes") or ()),
        )

    def listed(self) -> tuple[SeenImage, ...]:
        """Return every image with lab's label, once for each of lab's own names that it has.

        An image that somebody built on one of them has inherited the label, not the name.
        """
        with translated("list images"):
            response = self._api.get(
                "/images/json", params={"filters": json.dumps({"label": [SOURCE]})}
            )
            response.raise_for_status()
            return tuple(
                SeenImage(reference=reference, id=item["Id"], size=item["Size"])
                for item in response.json() or ()
                for reference in item.get("RepoTags") or ()
                if reference.startswith(REPOSITORY)
            )

    def registry_trouble(self, reference: str) -> str:
        """Return why an image cannot be had from its registry, or nothing when it can.

        Podman itself asks for the manifest, so that its mirrors, proxies and logins apply.
        """
        try:
            with translated(f"ask the registry for {reference}"):
                response = self._api.get(f"/manifests/{reference}/json", timeout=PROBE_TIMEOUT)
        except EngineError:
            return f"no answer within {PROBE_TIMEOUT:.0f} s"
        if response.status_code == HTTPStatus.OK:
            return ""
        cause = _cause(response.text)
        return "" if cause == _SINGLE_IMAGE else cause

    def pull(self, reference: str, emit: Callable[[str], None]) -> str:
        """Fetch an image from its registry and return its id.

        Progress goes to ``emit``. Raises ``StepError`` when it cannot be had.
        """
        parameters = {"reference": reference, "policy": "always"}
        with translated(f"pull {reference}"):
            response = self._api.post("/images/pull", params=parameters, stream=True)
            return _follow(
                response,
                emit,
                failed=f"cannot pull {reference}",
                command=f"podman pull {reference}",
                hint="check the name; `podman pull` by hand shows whether a login is missing",
            )

    def build(
        self,
        context: IO[bytes],
        *,
        containerfile: str,
        tag: str,
        arguments: Mapping[str, str],
        emit: Callable[[str], None],
    ) -> str:
        """Build a context (a tar) and return the image's id.

        The network is off, nothing is pulled, and no time is recorded: equal contexts on equal
        bases give equal ids. Progress goes to ``emit``. Raises ``StepError`` with the
        instruction that failed.
        """
        parameters = {
            "dockerfile": containerfile,
            "t": tag,
            "buildargs": json.dumps(dict(sorted(arguments.items()))),
            "layers": "false",  # no cached steps: nothing untagged stays behind
            "networkmode": "NetworkDisabled",  # "none" is not understood, and ignored
            "pullpolicy": "never",
            "timestamp": "0",
        }
        with translated(f"build {tag}"):
            response = self._api.post(
                "/build",
                params=parameters,
                data=context,
                headers={"Content-Type": "application/x-tar"},
                stream=True,
            )
            return _follow(
                response,
                emit,
                failed=f"cannot build {tag}",
                command=f"podman build --network none --tag {tag} --file {containerfile}",
                hint="the lines below are its last; mind that builds have no network",
            )


def _follow(
    response: APIResponse, emit: Callable[[str], None], *, failed: str, command: str, hint: str
) -> str:
    """Read a stream of progress to its end and return the image id it ends with.

    An error comes as a line of the stream, under status 200.
    """
    last: deque[str] = deque(maxlen=_LAST_LINES)
    image = ""
    for message in _messages(response):
        if error := message.get("error") or message.get("message"):
            details = (f"command: {command}", *last)
            raise StepError(f"{failed}: {_first_line(error)}", hint=hint, details=details)
        for line in message.get("stream", "").splitlines():
            if line.strip():
                last.append(line.rstrip())
                emit(line.rstrip())
        image = _image_id(message) or image
    if not image:
        details = (f"command: {command}", *last)
        raise StepError(f"{failed}: podman ended without an image", hint=hint, details=details)
    return image


def _image_id(message: Mapping[str, Any]) -> str:
    found = _IMAGE_ID.match(message.get("id") or message.get("stream", "").strip())
    return found[1] if found else ""


def _messages(response: APIResponse) -> Iterator[Mapping[str, Any]]:
    with closing(response):
        for line in response.iter_lines():
            if line:
                yield json.loads(line)


def _cause(body: str) -> str:
    """Return what is wrong in the fewest words that podman's error has."""
    try:
        found = json.loads(body)
    except ValueError:
        return _first_line(body)
    return _first_line(found.get("cause") or found.get("message") or body)


def _first_line(text: str) -> str:
    return next((line.strip() for line in text.splitlines() if line.strip()), "no reason given")

"""Podman's image calls: inspect, pull, build, and whether a registry can be used.

Builds are streamed by hand because podman-py's own method drops what makes them reproducible
and says nothing until the end.
"""

from __future__ import annotations

import json
import os
import re
import threading
import time
from collections import deque
from contextlib import closing, contextmanager, suppress
from http import HTTPStatus
from itertools import count
from typing import IO, TYPE_CHECKING, Any

from lab.converge.observed import SeenImage
from lab.engine import working
from lab.engine.errors import translated
from lab.errors import EngineError, StepError
from lab.images.builder import StoredImage
from lab.images.recipes import REPOSITORY, SOURCE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from podman.api.client import APIClient, APIResponse

PROBE_TIMEOUT = 5.0
"""Seconds a registry has to answer; a network that drops packets must not hold ``up`` up."""

LOOK_SECONDS = 0.5
"""How often a build is held against its limits."""
LISTINGS = 20
"""How often to ask for a list: a build that ends meanwhile makes all of it fail (4.3.1)."""
BASE_NAME = "org.opencontainers.image.base.name"

_SINGLE_IMAGE = "Treating single images as manifest lists is not implemented"
"""Podman's words, unchanged up to 6, for a manifest that it got but that is no list of them."""
_LAST_LINES = 12
_IMAGE_ID = re.compile(r"^(?:sha256:)?([0-9a-f]{64})$")


class Images:
    """The image store of one podman service; safe to share between threads.

    ``capped`` says whether podman can limit memory and processors, ``local`` whether its
    processes and its disk are this host's.
    """

    def __init__(
        self,
        api: APIClient,
        limits: working.Limits | None = None,
        *,
        capped: bool = True,
        local: bool = True,
    ) -> None:
        """Use the connection of an engine."""
        self._api = api
        self._limits = limits or working.Limits()
        self._capped = capped
        self._local = local
        self._numbers = count(1)
        self._ended = threading.Event()

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

    @contextmanager
    def alias(self, reference: str) -> Iterator[str]:
        """Give an image, or an empty one for "", a name for builds of this process to stand on.

        Podman names what works on them after it. Raises ``StepError`` when it cannot be given.
        """
        repository = f"{working.REPOSITORY}{working.name()}"
        name = f"{repository}:{next(self._numbers)}"
        tag = {"repo": repository, "tag": name.rpartition(":")[2]}
        with translated(f"name {reference}"), working.naming():
            if reference:
                answer = self._api.post(f"/images/{reference}/tag", params=tag)
            else:
                headers = {"Content-Type": "application/x-tar"}
                answer = self._api.post(
                    "/images/load", data=working.empty_image(name), headers=headers
                )
        if answer.status_code not in {HTTPStatus.OK, HTTPStatus.CREATED}:
            raise StepError(f"podman cannot name {reference}: {_cause(answer.text)}")
        try:
            yield name
        finally:
            with suppress(EngineError), translated(f"forget {name}"), working.naming():
                if reference:
                    self._api.post(f"/images/{name}/untag", params=tag)
                else:
                    self._api.delete(f"/images/{name}")

    def build(
        self,
        context: IO[bytes],
        *,
        containerfile: str,
        base: str,
        tag: str,
        arguments: Mapping[str, str],
        emit: Callable[[str], None],
    ) -> str:
        """Build a context (a tar) and return the image's id; ``base`` is what it stands on.

        The network is off, nothing is pulled, and no time or history is recorded: equal contexts
        on equal bases give equal ids. Progress goes to ``emit``. Raises ``StepError`` with the
        instruction that failed, or the limit that was reached.
        """
        parameters = {
            "dockerfile": containerfile,
            "t": tag,
            "annotations": json.dumps([f"{BASE_NAME}={base}"]),
            "buildargs": json.dumps(dict(sorted(arguments.items()))),
            "layers": "false",  # no cached steps: nothing untagged stays behind
            "networkmode": "NetworkDisabled",  # "none" is not understood, and ignored
            "omithistory": "true",  # it would hold the passing name of the base
            "pullpolicy": "never",
            "timestamp": "0",
            "ulimits": json.dumps([f"fsize={self._limits.file}:{self._limits.file}"]),
        }
        with (
            translated(f"build {tag}"),
            working.limited(next(self._numbers)) as group,
            self._watched(tag),
        ):
            response = self._api.post(
                "/build",
                params=parameters | self._caps(group),
                data=context,
                headers={"Content-Type": "application/x-tar"},
                stream=True,
            )
            made = _follow(
                response,
                emit,
                failed=f"cannot build {tag}",
                command=f"podman build --network none --tag {tag} --file {containerfile}",
                hint="the lines below are its last; mind that builds have no network",
            )
            self._weigh(tag)
            return made

    def end(self) -> None:
        """End the builds of this process: podman would go on with them."""
        self._ended.set()
        deadline = time.monotonic() + working.CLEAR_SECONDS
        while (found := self._working()) and time.monotonic() < deadline:
            for container in found:
                working.kill(container)
            time.sleep(0.05)
        for container in found:
            self._api.delete(f"/containers/{container}", params={"force": "true"})

    def _working(self) -> list[str]:
        """The ids of the containers that work on builds of this process."""
        parameters = {"all": "true", "external": "true"}
        with translated("look for builds"):
            for _ in range(LISTINGS):
                answer = self._api.get("/containers/json", params=parameters)
                if answer.status_code == HTTPStatus.OK:
                    break
            answer.raise_for_status()
            listed = answer.json() or []
            return [each["Id"] for each in listed if any(map(working.mine, each["Names"] or ()))]

    def _caps(self, group: str) -> dict[str, str]:
        if not self._capped:
            return {}
        caps = {
            "memory": str(self._limits.memory),
            "memswap": str(self._limits.memory),
            "cpuperiod": "100000",
            "cpuquota": str(int(100000 * self._limits.processors)),
        }
        return caps | ({"cgroupparent": group} if group else {})

    @contextmanager
    def _watched(self, tag: str) -> Iterator[None]:
        """End a build that takes too long or fills the disk, and say so instead of its error."""
        done = threading.Event()
        reached: list[str] = []

        def watch() -> None:
            began, directory = time.monotonic(), self._directory()
            free = _free(directory)
            while not done.wait(LOOK_SECONDS):
                if time.monotonic() - began > self._limits.seconds:
                    reached.append(f"it took longer than {self._limits.seconds:.0f} s")
                elif free - _free(directory) > self._limits.disk:
                    reached.append(f"podman's disk lost {_size(self._limits.disk)} meanwhile")
                else:
                    continue
                with suppress(EngineError):
                    self.end()
                return

        watcher = threading.Thread(target=watch, name=f"watch {tag}", daemon=True)
        watcher.start()
        try:
            yield
        except (StepError, EngineError) as error:
            if reached:
                raise StepError(
                    f"cannot build {tag}: {reached[0]}", hint="what does its Containerfile run?"
                ) from error
            raise
        finally:
            done.set()
            watcher.join()

    def _directory(self) -> str:
        """Where podman keeps images, if that is on this host."""
        if not self._local:
            return ""
        try:
            with translated("ask for podman's storage"):
                return str(self._api.get("/info").json()["store"]["graphRoot"])
        except EngineError:
            return ""

    def _weigh(self, tag: str) -> None:
        """Remove an image that is too large, and raise ``StepError``."""
        answer = self._api.get(f"/images/{tag}/json")
        if answer.status_code == HTTPStatus.OK and answer.json()["Size"] > self._limits.image:
            self._api.delete(f"/images/{tag}")
            raise StepError(
                f"cannot build {tag}: it is larger than {_size(self._limits.image)}",
                hint="leave out of the image what its program does not need",
            )


def _free(directory: str) -> int:
    """The bytes that are free where a directory is; 0 when that cannot be known."""
    try:
        found = os.statvfs(directory)
    except OSError:
        return 0
    return found.f_bavail * found.f_frsize


def _size(number: int) -> str:
    return f"{number / (1 << 20):.0f} MiB"


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

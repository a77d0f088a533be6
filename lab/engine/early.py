"""Looking for podman's service while Python still imports the command line.

The two take about as long, and one is done by other processes: on two processors starting a
service that way costs a command nothing.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from lab.errors import LabError

if TYPE_CHECKING:
    from lab.engine import service

COMMANDS = frozenset({"up", "down", "status", "build", "logs", "load", "verify"})
"""The commands that work with podman in any case."""
ELSEWHERE = ("--url", "--help", "-h")
"""Beginnings of options with which this user's own service is not wanted."""

_begun: list[_Search] = []


class _Search(threading.Thread):
    """A look for the service that is used when no option names one."""

    def __init__(self) -> None:
        super().__init__(name="early", daemon=True)
        self._outcome: service.Service | LabError | None = None

    def run(self) -> None:
        from lab.engine import service

        try:
            self._outcome = service.find()
        except LabError as error:
            self._outcome = error

    def result(self) -> service.Service:
        self.join()
        if self._outcome is None or isinstance(self._outcome, LabError):
            raise self._outcome or AssertionError
        return self._outcome


def begin(words: list[str]) -> None:
    """Begin to look, if the words of a command line will need it."""
    if words and words[0] in COMMANDS and not any(word.startswith(ELSEWHERE) for word in words):
        search = _Search()
        search.start()
        _begun.append(search)


def find(url: str = "") -> service.Service:
    """Answer as :func:`lab.engine.service.find` does, from the search that was begun if any."""
    if _begun and not url:
        return _begun.pop().result()
    from lab.engine import service

    return service.find(url)

"""Fixtures that start services and upstreams, and end them after the test."""

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Protocol

import pytest

from tests.services.processes import Service
from tests.services.raw_upstream import RawUpstream, Script


class Start(Protocol):
    """Start a service with options of the interpreter and environment variables."""

    def __call__(self, name: str, *options: str, **environment: object) -> Service: ...


class Upstream(Protocol):
    """Start an upstream that follows a script."""

    def __call__(self, script: Script) -> RawUpstream: ...


@pytest.fixture
def running() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def start(running: ExitStack) -> Start:
    def start(name: str, *options: str, **environment: object) -> Service:
        variables = {key: str(value) for key, value in environment.items()}
        return running.enter_context(Service(name, variables, *options))

    return start


@pytest.fixture
def upstream(running: ExitStack) -> Upstream:
    def upstream(script: Script) -> RawUpstream:
        return running.enter_context(RawUpstream(script))

    return upstream

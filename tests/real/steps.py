"""Scenarios in steps: each is a sentence, which a failure names."""

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def step(sentence: str) -> Iterator[None]:
    """Name a step of a scenario."""
    try:
        yield
    except BaseException as error:
        error.add_note(f"in the step: {sentence}")
        raise

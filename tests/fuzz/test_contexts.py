"""Whatever a build context holds: it is packed without what lies outside, or refused in words."""

from __future__ import annotations

import io
import os
import shutil
import tarfile
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.errors import ExitStatus
from lab.images import contexts
from tests.fuzz.damage import word
from tests.fuzz.typed import typed

if TYPE_CHECKING:
    from collections.abc import Iterator

OUTSIDE = "what only the host knows"
SCENARIO = """\
summary: A container that is built.
pods:
  mine-pod:
    containers:
      mine: {build: {context: ./context, base: python, args: {a: "1"}}}
"""
FOLDERS = (".", "sub", "sub/sub")


class Entry(NamedTuple):
    """Something to put into a folder of a context."""

    folder: str
    name: str
    kind: str
    text: str
    """What a file holds, or where a link points to."""


name = (
    (word | st.sampled_from(("Containerfile", "requirements.txt", "link", ".git", "\udcff")))
    .map(lambda text: text.replace("/", "|"))
    .filter(lambda text: text not in {"", ".", ".."})
)
target = st.lists(st.sampled_from(("..", ".", "sub", "link", "secret", "context", "a")), max_size=5)
entry = st.builds(
    Entry,
    st.sampled_from(FOLDERS),
    st.builds(str.__add__, name, st.sampled_from(("", "", ".tmpl"))),
    st.sampled_from(("file", "link", "pipe")),
    word | target.map("/".join),
)


def put(entry: Entry, context: Path) -> None:
    """Make an entry, unless there can be none of that name."""
    path = context / entry.folder / entry.name
    with suppress(OSError, ValueError):  # too long, no text, or there already
        path.unlink(missing_ok=True)
        if entry.kind == "file":
            path.write_text(entry.text, errors="replace")
        elif entry.kind == "link":
            path.symlink_to(entry.text)
        else:
            os.mkfifo(path)


@contextmanager
def home(entries: list[Entry]) -> Iterator[Path]:
    """A directory with a scenario, its context, and a secret that is not of the context."""
    directory = Path(tempfile.mkdtemp(prefix="lab-fuzz-"))
    try:
        (directory / "mine.yaml").write_text(SCENARIO)
        (directory / "secret").write_text(OUTSIDE)
        for folder in FOLDERS:
            (directory / "context" / folder).mkdir(parents=True, exist_ok=True)
        (directory / "context" / "Containerfile").write_text("ARG BASE\nFROM ${BASE}\n")
        for each in entries:
            put(each, directory / "context")
        yield directory
    finally:
        shutil.rmtree(directory)


def check_archive(context: Path) -> None:
    """Nothing in a packed context is, or leads to, what is outside of it."""
    written = contexts.write_tar(contexts.load(str(context), {"a": "1"}))
    assert OUTSIDE.encode() not in written
    with tarfile.open(fileobj=io.BytesIO(written)) as archive:
        for member in archive:
            assert member.isfile() or member.issym()
            assert {"", ".", ".."}.isdisjoint(member.name.split("/"))
            if member.issym():
                assert not member.linkname.startswith("/")
                assert Path(os.path.realpath(context / member.name)).is_relative_to(context)


@given(st.lists(entry, max_size=6))
def test_a_context_is_packed_for_itself_or_refused(entries: list[Entry]) -> None:
    with home(entries) as directory:
        status = typed("show", str(directory / "mine.yaml")).exit_code
        assert status in {ExitStatus.OK, ExitStatus.USAGE}
        if status == ExitStatus.OK:
            check_archive(directory / "context")


@pytest.mark.parametrize("kind", ["file", "link"])
def test_a_context_with_a_sound_entry_is_packed(kind: str) -> None:
    with home([Entry("sub", "good", kind, "../Containerfile")]) as directory:
        assert typed("show", str(directory / "mine.yaml")).exit_code == 0
        check_archive(directory / "context")

"""Log frames: whole lines, however the stream is cut into chunks and frames."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from lab.engine.logs import frames

if TYPE_CHECKING:
    from collections.abc import Iterator

lines = st.lists(st.text(st.characters(exclude_characters="\n", exclude_categories=["Cs"])))


def frame(payload: bytes, stream: int = 1) -> bytes:
    return bytes([stream, 0, 0, 0]) + len(payload).to_bytes(4, "big") + payload


def pieces(data: bytes, cuts: set[int]) -> list[bytes]:
    at = [0, *sorted(cut for cut in cuts if cut < len(data)), len(data)]
    return [data[a:b] for a, b in pairwise(at)]


@given(lines, st.sets(st.integers(0, 200)), st.sets(st.integers(0, 300)))
def test_any_cutting_into_frames_and_chunks_gives_the_same_lines(
    expected: list[str], frame_cuts: set[int], chunk_cuts: set[int]
) -> None:
    text = "".join(f"{line}\n" for line in expected).encode()
    stream = b"".join(frame(piece) for piece in pieces(text, frame_cuts))
    assert list(frames(pieces(stream, chunk_cuts))) == expected


def test_every_byte_may_be_a_chunk_of_its_own() -> None:
    stream = frame(b"one\ntw") + frame(b"o\nthree\n", stream=2)
    assert list(frames(bytes([byte]) for byte in stream)) == ["one", "two", "three"]


def test_a_last_line_without_an_end_is_a_line() -> None:
    assert list(frames([frame(b"one\ntwo")])) == ["one", "two"]


def test_an_empty_log_has_no_lines() -> None:
    assert list(frames([])) == []


def test_a_frame_that_never_ends_is_left_out() -> None:
    assert list(frames([frame(b"one\n"), frame(b"two\n")[:-1]])) == ["one"]


def test_bytes_that_are_no_text_are_replaced() -> None:
    assert list(frames([frame(b"\xff\n")])) == ["\N{REPLACEMENT CHARACTER}"]


def test_a_line_is_given_as_soon_as_it_is_whole() -> None:
    def chunks() -> Iterator[bytes]:
        yield frame(b"one\n")
        raise AssertionError("the first line was not given before the second was asked for")

    assert next(iter(frames(chunks()))) == "one"
